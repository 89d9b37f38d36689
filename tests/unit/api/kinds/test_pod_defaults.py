"""What a pod holds when the client said little."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dromon.api.kinds import PODS, REPLICATION_CONTROLLERS
from dromon.api.kinds.podspec.pulling import pull_policy
from dromon.api.kinds.podspec.qos import qos_class
from dromon.api.types.pod import Pod
from dromon.api.types.workload import ReplicationController

Doc = dict[str, Any]


def defaulted(**spec: Any) -> Doc:
    """The spec of a pod with one container, as it is stored."""
    given = {"containers": [{"name": "a", "image": "x:1"}], **spec}
    pod = msgspec.convert({"spec": given}, Pod)
    PODS.strategy.default(pod)
    again = msgspec.json.encode(pod)
    PODS.strategy.default(pod)
    assert msgspec.json.encode(pod) == again, "defaults must not pile up"
    made: Doc = msgspec.to_builtins(pod)["spec"]
    return made


def container(**fields: Any) -> Doc:
    made: Doc = defaulted(containers=[{"name": "a", "image": "x:1", **fields}])["containers"][0]
    return made


def volume(**fields: Any) -> Doc:
    made: Doc = defaulted(volumes=[{"name": "v", **fields}])["volumes"][0]
    return made


def test_a_bare_pod() -> None:
    assert defaulted() == {
        "containers": [
            {
                "name": "a",
                "image": "x:1",
                "imagePullPolicy": "IfNotPresent",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "enableServiceLinks": True,
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 30,
    }


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("x", "Always"),
        ("x:latest", "Always"),
        ("x:1", "IfNotPresent"),
        ("host:5000/x", "Always"),
        ("host:5000/x:1", "IfNotPresent"),
        ("x@sha256:0", "IfNotPresent"),
        ("x:latest@sha256:0", "Always"),
        ("", "IfNotPresent"),
    ],
)
def test_the_tag_tells_when_to_pull(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


def test_what_the_client_said_stays() -> None:
    spec = defaulted(
        restartPolicy="Never",
        dnsPolicy="Default",
        terminationGracePeriodSeconds=0,
        enableServiceLinks=False,
        schedulerName="mine",
    )
    assert (spec["restartPolicy"], spec["dnsPolicy"], spec["schedulerName"]) == ("Never", "Default", "mine")
    assert (spec["terminationGracePeriodSeconds"], spec["enableServiceLinks"]) == (0, False)


def test_probes() -> None:
    probe = container(livenessProbe={"httpGet": {"port": 80}, "periodSeconds": 5})["livenessProbe"]
    assert probe == {
        "failureThreshold": 3,
        "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        "periodSeconds": 5,
        "successThreshold": 1,
        "timeoutSeconds": 1,
    }
    assert container(startupProbe={"grpc": {"port": 1}})["startupProbe"]["grpc"]["service"] == ""


def test_ports_and_hooks_and_references() -> None:
    made = container(
        ports=[{"containerPort": 80}],
        lifecycle={"preStop": {"httpGet": {"port": "x"}}},
        env=[{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    )
    assert made["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert made["lifecycle"]["preStop"]["httpGet"]["scheme"] == "HTTP"
    assert made["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"


def test_limits_are_requests_too_and_all_is_canonical() -> None:
    made = container(resources={"limits": {"cpu": "1000m", "memory": "1024Mi"}, "requests": {"cpu": 0.5}})
    assert made["resources"] == {
        "limits": {"cpu": "1", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }


def test_what_is_no_quantity_is_left_for_validation() -> None:
    assert container(resources={"limits": {"cpu": "many"}})["resources"]["limits"] == {"cpu": "many"}


def test_the_host_network_takes_the_ports_themselves() -> None:
    spec = defaulted(
        hostNetwork=True, containers=[{"name": "a", "image": "x:1", "ports": [{"containerPort": 80}]}]
    )
    assert spec["containers"][0]["ports"][0]["hostPort"] == 80


def test_both_names_of_the_service_account_agree() -> None:
    for given in ({"serviceAccount": "a"}, {"serviceAccountName": "a"}):
        spec = defaulted(**given)
        assert (spec["serviceAccount"], spec["serviceAccountName"]) == ("a", "a")


@pytest.mark.parametrize(
    "given",
    [
        {"podIP": "10.1.1.2"},
        {"podIPs": [{"ip": "10.1.1.2"}]},
        {"podIP": "10.1.1.2", "podIPs": [{"ip": "10.1.1.9"}]},
    ],
)
def test_both_fields_of_a_pods_address_agree_and_the_older_decides(given: Doc) -> None:
    pod = msgspec.convert({"status": given}, Pod)
    PODS.strategy.default(pod)
    assert (pod.status.pod_ip, [ip.ip for ip in pod.status.pod_ips]) == ("10.1.1.2", ["10.1.1.2"])


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({}, {"emptyDir": {}}),
        ({"emptyDir": {"sizeLimit": "1024Mi"}}, {"emptyDir": {"sizeLimit": "1Gi"}}),
        ({"configMap": {"name": "c"}}, {"configMap": {"name": "c", "defaultMode": 420}}),
        ({"secret": {"secretName": "s"}}, {"secret": {"secretName": "s", "defaultMode": 420}}),
        ({"hostPath": {"path": "/x"}}, {"hostPath": {"path": "/x", "type": ""}}),
        (
            {"downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "metadata.name"}}]}},
            {
                "downwardAPI": {
                    "defaultMode": 420,
                    "items": [{"path": "p", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.name"}}],
                }
            },
        ),
        (
            {"projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {
                "projected": {
                    "defaultMode": 420,
                    "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
                }
            },
        ),
        ({"image": {"reference": "x"}}, {"image": {"reference": "x", "pullPolicy": "Always"}}),
        (
            {"iscsi": {"targetPortal": "p", "iqn": "q"}},
            {"iscsi": {"targetPortal": "p", "iqn": "q", "lun": 0, "iscsiInterface": "default"}},
        ),
        ({"gitRepo": {"repository": "r"}}, {"gitRepo": {"repository": "r"}}),
    ],
)
def test_volumes(given: Doc, wanted: Doc) -> None:
    assert volume(**given) == {"name": "v", **wanted}


def test_a_template_leaves_to_pods_what_only_pods_decide() -> None:
    template = {
        "metadata": {"labels": {"App": "Nifty"}},
        "spec": {"containers": [{"name": "a", "image": "x:1", "resources": {"limits": {"cpu": "1000m"}}}]},
    }
    rc = msgspec.convert({"spec": {"template": template}}, ReplicationController)
    REPLICATION_CONTROLLERS.strategy.default(rc)
    spec = rc.spec.template.spec if rc.spec.template else None
    assert spec is not None
    assert spec.enable_service_links is None
    assert spec.containers[0].resources.limits == {"cpu": "1"}
    assert spec.containers[0].resources.requests == {}
    assert (rc.spec.replicas, rc.spec.selector, rc.metadata.labels) == (1, {"App": "Nifty"}, {"App": "Nifty"})


@pytest.mark.parametrize(
    ("resources", "wanted"),
    [
        ([{}], "BestEffort"),
        ([{"requests": {"cpu": "0"}}], "BestEffort"),
        ([{"requests": {"cpu": "1"}}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}], "Guaranteed"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}], "Burstable"),
        ([{"limits": {"cpu": "1", "memory": "1Gi"}}, {}], "Burstable"),
        ([{"limits": {"cpu": "1"}}], "Burstable"),
        ([{"limits": {"example.com/gpu": "1"}}], "BestEffort"),
    ],
)
def test_quality_of_service(resources: list[Doc], wanted: str) -> None:
    containers = [{"name": f"c{i}", "image": "x", "resources": r} for i, r in enumerate(resources)]
    pod = msgspec.convert({"spec": {"containers": containers}}, Pod)
    PODS.strategy.default(pod)
    assert qos_class(pod.spec) == wanted
    PODS.strategy.prepare_for_create(pod)
    assert (pod.status.phase, pod.status.qos_class) == ("Pending", wanted)
