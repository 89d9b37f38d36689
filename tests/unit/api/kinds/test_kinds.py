"""Defaults, validity and updates of every kind but pods."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dromon.api.kinds import (
    BINDINGS,
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    POD_TEMPLATES,
    REPLICATION_CONTROLLERS,
    SECRETS,
    SERVICES,
)
from dromon.api.resource import Resource

Doc = dict[str, Any]
META = {"name": "x", "namespace": "default"}


def make(resource: Resource[Any], doc: Doc) -> Any:
    obj = msgspec.convert({"metadata": dict(META), **doc}, resource.struct)
    resource.strategy.default(obj)
    return obj


def doc_of(resource: Resource[Any], doc: Doc) -> Doc:
    made: Doc = msgspec.to_builtins(make(resource, doc))
    return made


def faults(resource: Resource[Any], doc: Doc) -> list[str]:
    return [str(e) for e in resource.strategy.validate(make(resource, doc))]


def changes(resource: Resource[Any], old: Doc, new: Doc) -> list[str]:
    return [str(e) for e in resource.strategy.validate_update(make(resource, new), make(resource, old))]


def service(**spec: Any) -> Doc:
    return {"spec": {"ports": [{"port": 80}], **spec}}


def rc(**spec: Any) -> Doc:
    template = {
        "metadata": {"labels": {"App": "Nifty"}},
        "spec": {"containers": [{"name": "a", "image": "x"}]},
    }
    return {"spec": {"replicas": 1, "selector": {"App": "Nifty"}, "template": template, **spec}}


def test_a_service_is_inside_the_cluster_unless_told() -> None:
    assert doc_of(SERVICES, service())["spec"] == {
        "internalTrafficPolicy": "Cluster",
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": 80}],
        "sessionAffinity": "None",
        "type": "ClusterIP",
    }


def test_a_service_for_the_outside() -> None:
    spec = doc_of(SERVICES, service(type="LoadBalancer", sessionAffinity="ClientIP"))["spec"]
    assert spec["externalTrafficPolicy"] == "Cluster"
    assert spec["allocateLoadBalancerNodePorts"] is True
    assert spec["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}


def test_both_fields_of_a_portal_agree() -> None:
    assert doc_of(SERVICES, service(clusterIP="None"))["spec"]["clusterIPs"] == ["None"]
    assert doc_of(SERVICES, service(clusterIPs=["10.0.0.1"]))["spec"]["clusterIP"] == "10.0.0.1"


def test_other_types_of_services_lack_what_makes_no_sense() -> None:
    assert "internalTrafficPolicy" not in doc_of(SERVICES, service(type="ExternalName"))["spec"]


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"ports": []}, "spec.ports: Required value"),
        (
            {"ports": [{"port": 0, "targetPort": 80}]},
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 81}]},
            "spec.ports[1].name: Required value",
        ),
        (
            {"ports": [{"port": 80, "name": "a"}, {"port": 80, "name": "b"}]},
            'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
        ),
        (
            {"ports": [{"port": 80, "nodePort": 30000}]},
            "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
        ),
        (
            {"type": "Magic"},
            'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", '
            '"LoadBalancer", "NodePort"',
        ),
        (
            {"type": "NodePort", "clusterIP": "None"},
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
        ),
        ({"type": "ExternalName", "ports": []}, "spec.externalName: Required value"),
        (
            {"clusterIP": "10.0.0"},
            'spec.clusterIPs[0]: Invalid value: "10.0.0": '
            "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
        ),
        (
            {"clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.2"]},
            'spec.clusterIPs[0]: Invalid value: "10.0.0.2": must be equal to `clusterIP`',
        ),
        (
            {"sessionAffinity": "Me"},
            'spec.sessionAffinity: Unsupported value: "Me": supported values: "ClientIP", "None"',
        ),
        (
            {"externalTrafficPolicy": "Local"},
            'spec.externalTrafficPolicy: Invalid value: "Local": '
            "may only be set for externally-accessible services",
        ),
    ],
)
def test_faults_of_services(spec: Doc, text: str) -> None:
    assert faults(SERVICES, service(**spec)) == [text]


def test_headless_services_need_no_ports() -> None:
    assert faults(SERVICES, service(clusterIP="None", ports=[])) == []


def test_a_portal_stays_where_it_is() -> None:
    had, moved = service(clusterIP="10.0.0.1"), service(clusterIP="10.0.0.2")
    text = 'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'
    assert changes(SERVICES, had, moved) == [text]
    assert changes(SERVICES, had, had) == []
    assert changes(SERVICES, had, {"spec": {"type": "ExternalName", "externalName": "a.b"}}) == []


def test_the_older_field_of_a_portal_is_enough_to_ask_for_another() -> None:
    old, new = (make(SERVICES, service(clusterIP="10.0.0.1")) for _ in range(2))
    new.spec.cluster_ip = "None"
    SERVICES.strategy.prepare_for_update(new, old)
    assert SERVICES.strategy.validate(new) == []
    assert [str(e) for e in SERVICES.strategy.validate_update(new, old)] == [
        'spec.clusterIPs[0]: Invalid value: ["None"]: may not change once set'
    ]


def test_a_change_of_type_drops_what_it_made_meaningless() -> None:
    old = make(SERVICES, service(type="NodePort", ports=[{"port": 80, "nodePort": 30000}]))
    new = make(SERVICES, service(type="NodePort", ports=[{"port": 80, "nodePort": 30000}]))
    new.spec.type = "ClusterIP"
    SERVICES.strategy.prepare_for_update(new, old)
    assert (new.spec.ports[0].node_port, new.spec.external_traffic_policy) == (0, "")
    assert SERVICES.strategy.validate(new) == []


def test_a_controller_takes_its_labels_from_the_template() -> None:
    obj = make(REPLICATION_CONTROLLERS, rc(replicas=None, selector={}))
    assert (obj.spec.replicas, obj.spec.selector, obj.metadata.labels) == (
        1,
        {"App": "Nifty"},
        {"App": "Nifty"},
    )
    REPLICATION_CONTROLLERS.strategy.prepare_for_create(obj)
    assert obj.metadata.generation == 1


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"template": None}, "spec.template: Required value"),
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (
            {"selector": {"App": "Other"}},
            'spec.template.metadata.labels: Invalid value: {"App":"Nifty"}: '
            "`selector` does not match template `labels`",
        ),
    ],
)
def test_faults_of_controllers(spec: Doc, text: str) -> None:
    assert faults(REPLICATION_CONTROLLERS, rc(**spec)) == [text]


def test_a_controller_must_select_and_restart() -> None:
    template = {"spec": {"containers": [{"name": "a", "image": "x"}], "restartPolicy": "Never"}}
    assert faults(REPLICATION_CONTROLLERS, rc(selector={}, template=template)) == [
        "spec.selector: Required value",
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ]


def test_the_generation_grows_with_the_spec_alone() -> None:
    strategy = REPLICATION_CONTROLLERS.strategy
    old, same, other = (make(REPLICATION_CONTROLLERS, rc(replicas=n)) for n in (1, 1, 2))
    same.status.replicas = 5
    assert not strategy.spec_changed(same, old)
    assert strategy.spec_changed(other, old)


def test_counts_of_a_controller_fit_together() -> None:
    obj = make(REPLICATION_CONTROLLERS, {**rc(), "status": {"replicas": 1, "readyReplicas": 2}})
    found = REPLICATION_CONTROLLERS.strategy.validate_status_update(obj, obj)
    assert [str(e) for e in found] == [
        "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas"
    ]


def test_a_template_is_checked_like_a_pod() -> None:
    bad = {"template": {"metadata": {"labels": {"a b": ""}}, "spec": {"containers": []}}}
    assert [t.split(":")[0] for t in faults(POD_TEMPLATES, bad)] == [
        "template.metadata.labels",
        "template.spec.containers",
    ]


def test_secrets_take_text_and_keep_bytes() -> None:
    doc = doc_of(SECRETS, {"stringData": {"a": "new"}, "data": {"a": "b2xk", "b": "b2xk"}})
    assert (doc["type"], doc["data"]) == ("Opaque", {"a": "bmV3", "b": "b2xk"})
    assert "stringData" not in doc


@pytest.mark.parametrize(
    ("doc", "texts"),
    [
        ({"stringData": {"a/b": ""}}, ["data[a/b]"]),
        ({"stringData": {"a": "x" * (2**20 + 1)}}, ["data"]),
        ({"type": "kubernetes.io/tls"}, ["data[tls.crt]", "data[tls.key]"]),
        ({"type": "kubernetes.io/basic-auth"}, ["data[username]", "data[password]"]),
        (
            {"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{"}},
            ["data[.dockerconfigjson]"],
        ),
        ({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}}, []),
        (
            {"type": "kubernetes.io/service-account-token"},
            ["metadata.annotations[kubernetes.io/service-account.name]"],
        ),
    ],
)
def test_faults_of_secrets_name_the_key_and_not_the_content(doc: Doc, texts: list[str]) -> None:
    found = SECRETS.strategy.validate(make(SECRETS, doc))
    assert [e.path for e in found] == texts
    assert not any("xxx" in e.message for e in found)


def test_the_type_of_a_secret_is_fixed() -> None:
    assert changes(SECRETS, {"type": "a"}, {"type": "b"}) == ['type: Invalid value: "b": field is immutable']


@pytest.mark.parametrize("resource", [CONFIG_MAPS, SECRETS])
def test_what_was_made_immutable_stays(resource: Resource[Any]) -> None:
    fixed = {"immutable": True, "data": {"a": "YQ=="}}
    text = "Forbidden: field is immutable when `immutable` is set"
    assert changes(resource, fixed, fixed) == []
    assert changes(resource, fixed, {"data": {"a": "YQ=="}}) == [f"immutable: {text}"]
    assert changes(resource, fixed, {"immutable": True}) == [f"data: {text}"]


def test_config_maps() -> None:
    assert faults(CONFIG_MAPS, {"data": {"a": "x" * 2**20}}) == []
    assert faults(CONFIG_MAPS, {"data": {"a": "é" * 2**20}}) == [
        "[]: Too long: may not be more than 1048576 bytes"
    ]
    assert faults(CONFIG_MAPS, {"data": {"a": ""}, "binaryData": {"a": ""}}) == [
        'data[a]: Invalid value: "a": duplicate of key present in binaryData'
    ]
    assert faults(CONFIG_MAPS, {"data": {"..a": ""}}) == [
        "data[..a]: Invalid value: \"..a\": must not start with '..'"
    ]


def test_namespaces_are_labelled_and_held() -> None:
    obj = make(NAMESPACES, {"metadata": {"name": "n"}})
    NAMESPACES.strategy.prepare_for_create(obj)
    assert obj.metadata.labels == {"kubernetes.io/metadata.name": "n"}
    assert (obj.spec.finalizers, obj.status.phase) == (["kubernetes"], "Active")


def test_the_phase_of_a_namespace_follows_its_deletion() -> None:
    obj = make(NAMESPACES, {"status": {"phase": "Terminating"}})
    assert [str(e) for e in NAMESPACES.strategy.validate_status_update(obj, obj)] == [
        "status.phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"
    ]
    obj.metadata.deletion_timestamp = "2014-06-10T18:30:00Z"
    assert NAMESPACES.strategy.validate_status_update(obj, obj) == []


def test_nodes() -> None:
    doc = doc_of(NODES, {"spec": {"podCIDR": "10.1.1.0/24"}, "status": {"capacity": {"cpu": "2000m"}}})
    assert doc["spec"]["podCIDRs"] == ["10.1.1.0/24"]
    assert doc["status"]["allocatable"] == {"cpu": "2"}
    both = {"spec": {"podCIDR": "10.1.1.0/24", "podCIDRs": ["10.1.2.0/24"]}}
    assert doc_of(NODES, both)["spec"]["podCIDRs"] == ["10.1.1.0/24"]
    taint = {"key": "a", "effect": "NoSchedule"}
    assert faults(NODES, {"spec": {"taints": [taint, taint]}}) == [
        'spec.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: '
        "taints must be unique by key and effect pair"
    ]
    assert faults(NODES, {"spec": {"podCIDR": "10.1.1"}})[0].startswith("spec.podCIDRs[0]: Invalid value")
    assert changes(NODES, {"spec": {"podCIDR": "10.1.1.0/24"}}, {"spec": {"podCIDR": "10.1.2.0/24"}}) == [
        'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'
    ]
    assert changes(NODES, {}, {"spec": {"podCIDR": "10.1.2.0/24", "unschedulable": True}}) == []


def test_endpoints() -> None:
    good = {"subsets": [{"addresses": [{"ip": "10.1.1.2"}], "ports": [{"port": 80}]}]}
    assert faults(ENDPOINTS, good) == []
    assert doc_of(ENDPOINTS, good)["subsets"][0]["ports"][0]["protocol"] == "TCP"
    assert faults(ENDPOINTS, {"subsets": [{"ports": [{"port": 80}]}]}) == [
        "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`"
    ]
    assert faults(ENDPOINTS, {"subsets": [{"addresses": [{"ip": "0.0.0.0"}]}]}) == [
        'subsets[0].addresses[0].ip: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)'
    ]


def test_endpoint_slices() -> None:
    good = {"addressType": "IPv4", "endpoints": [{"addresses": ["10.1.1.2"]}], "ports": [{"port": 80}]}
    assert faults(ENDPOINT_SLICES, good) == []
    assert doc_of(ENDPOINT_SLICES, good)["ports"] == [{"name": "", "port": 80, "protocol": "TCP"}]
    six = {**good, "addressType": "IPv6"}
    assert faults(ENDPOINT_SLICES, six) == [
        'endpoints[0].addresses[0]: Invalid value: "10.1.1.2": must be a valid IPv6 address'
    ]
    assert changes(ENDPOINT_SLICES, good, six) == ['addressType: Invalid value: "IPv6": field is immutable']
    many = {**good, "endpoints": [{"addresses": ["10.1.1.2"]}] * 1001}
    assert faults(ENDPOINT_SLICES, many) == ["endpoints: Too many: 1001: must have at most 1000 items"]
    assert faults(ENDPOINT_SLICES, {**good, "ports": [{}, {}]}) == ['ports[1].name: Duplicate value: ""']


def test_events_stay_with_what_they_are_about() -> None:
    assert faults(EVENTS, {"involvedObject": {"namespace": "default"}}) == []
    assert faults(EVENTS, {"involvedObject": {"kind": "Node"}}) == []
    assert faults(EVENTS, {"involvedObject": {"namespace": "other"}}) == [
        'involvedObject.namespace: Invalid value: "other": does not match event.namespace'
    ]


def test_leases_last() -> None:
    assert faults(LEASES, {"spec": {"leaseDurationSeconds": 40}}) == []
    assert faults(LEASES, {"spec": {"leaseDurationSeconds": 0, "leaseTransitions": -1}}) == [
        "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
        "spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0",
    ]


def test_bindings_name_a_node() -> None:
    assert faults(BINDINGS, {"target": {"kind": "Node", "name": "n"}}) == []
    assert faults(BINDINGS, {"target": {"kind": "Pod"}}) == [
        'target.kind: Unsupported value: "Pod": supported values: "<empty>", "Node"',
        "target.name: Required value",
    ]
