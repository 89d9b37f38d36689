"""Tables: upstream's columns, and cells as its printers compute them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from dromon.api import scheme, times
from dromon.api.kinds import (
    CONFIG_MAPS,
    ENDPOINT_SLICES,
    ENDPOINTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    POD_TEMPLATES,
    PODS,
    REPLICATION_CONTROLLERS,
    RESOURCES,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
)
from dromon.api.resource import Resource

NOW = 1402425000.0
Doc = dict[str, Any]

COLUMNS = {
    "clusterrolebindings": "Name Role Age +Users +Groups +ServiceAccounts",
    "clusterroles": "Name Created_At",
    "configmaps": "Name Data Age",
    "deployments": "Name Ready Up-to-date Available Age +Containers +Images +Selector",
    "endpoints": "Name Endpoints Age",
    "endpointslices": "Name AddressType Ports Endpoints Age",
    "events": "Last_Seen Type Reason Object +Subobject +Source Message +First_Seen +Count +Name",
    "leases": "Name Holder Age",
    "namespaces": "Name Status Age",
    "nodes": "Name Status Roles Age Version +Internal-IP +External-IP +OS-Image +Kernel-Version "
    "+Container-Runtime",
    "pods": "Name Ready Status Restarts Age +IP +Node +Nominated_Node +Readiness_Gates",
    "podtemplates": "Name Containers Images Pod_Labels",
    "poddisruptionbudgets": "Name Min_Available Max_Unavailable Allowed_Disruptions Age",
    "priorityclasses": "Name Value Global-Default Age PreemptionPolicy",
    "replicasets": "Name Desired Current Ready Age +Containers +Images +Selector",
    "replicationcontrollers": "Name Desired Current Ready Age +Containers +Images +Selector",
    "rolebindings": "Name Role Age +Users +Groups +ServiceAccounts",
    "roles": "Name Created_At",
    "secrets": "Name Type Data Age",
    "serviceaccounts": "Name Secrets Age",
    "services": "Name Type Cluster-IP External-IP Port(s) Age +Selector",
}
"""Headings as upstream's tables have them; "+" for those of -o wide."""


def ago(seconds: float) -> str:
    return times.format(NOW - seconds)


def cells(resource: Resource[Any], doc: Doc) -> Doc:
    """Cells by heading of an object that was made 90 seconds ago."""
    doc = {**doc, "metadata": {"name": "x", "creationTimestamp": ago(90), **doc.get("metadata", {})}}
    obj = msgspec.convert(doc, resource.struct)
    return {c.name: c.value(obj, NOW) for c in resource.columns}


@pytest.mark.parametrize("resource", [r for r in RESOURCES if r.list_struct], ids=lambda r: r.plural)
def test_headings_are_upstreams(resource: Resource[Any]) -> None:
    given = " ".join("+" * c.priority + c.name.replace(" ", "_") for c in resource.columns)
    assert given == COLUMNS[resource.plural]
    assert [c.name for c in resource.columns if c.format == "name"] == ["Name"]
    assert all(c.description.endswith(".") for c in resource.columns)


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.plural)
def test_an_empty_object_has_a_row(resource: Resource[Any]) -> None:
    for column in resource.columns:
        assert column.value(resource.struct(), NOW) is not None


def status(
    name: str = "a", *, ready: bool = False, restarts: int = 0, last: Doc | None = None, **state: Doc
) -> Doc:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state, "lastState": last or {}}


RUNNING = {"running": {}}
SPEC = {"containers": [{"name": "a"}]}
TWO = {"containers": [{"name": "a"}, {"name": "b"}]}
INIT = {**SPEC, "initContainers": [{"name": "i"}, {"name": "j"}]}
SIDECAR = {**SPEC, "initContainers": [{"name": "s", "restartPolicy": "Always"}]}

PODS_SEEN: list[tuple[str, Doc, Doc, Doc, tuple[str, str, Any]]] = [
    ("pending", SPEC, {"phase": "Pending"}, {}, ("0/1", "Pending", 0)),
    (
        "creating",
        SPEC,
        {"phase": "Pending", "containerStatuses": [status(waiting={"reason": "ContainerCreating"})]},
        {},
        ("0/1", "ContainerCreating", 0),
    ),
    (
        "running",
        SPEC,
        {"phase": "Running", "containerStatuses": [status(ready=True, **RUNNING)]},
        {},
        ("1/1", "Running", 0),
    ),
    (
        "crashing",
        SPEC,
        {
            "phase": "Running",
            "containerStatuses": [
                status(
                    restarts=3,
                    last={"terminated": {"exitCode": 1, "finishedAt": ago(300)}},
                    waiting={"reason": "CrashLoopBackOff"},
                )
            ],
        },
        {},
        ("0/1", "CrashLoopBackOff", "3 (5m ago)"),
    ),
    (
        "completed",
        SPEC,
        {"phase": "Succeeded", "containerStatuses": [status(terminated={"reason": "Completed"})]},
        {},
        ("0/1", "Completed", 0),
    ),
    (
        "failed without a reason",
        SPEC,
        {"phase": "Failed", "containerStatuses": [status(terminated={"exitCode": 3})]},
        {},
        ("0/1", "ExitCode:3", 0),
    ),
    (
        "killed by a signal",
        SPEC,
        {"phase": "Failed", "containerStatuses": [status(terminated={"exitCode": 137, "signal": 9})]},
        {},
        ("0/1", "Signal:9", 0),
    ),
    (
        "one ended, one runs",
        TWO,
        {
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                status(terminated={"reason": "Completed"}),
                status("b", ready=True, **RUNNING),
            ],
        },
        {},
        ("1/2", "Running", 0),
    ),
    (
        "one ended, one runs, not ready",
        TWO,
        {
            "phase": "Running",
            "containerStatuses": [
                status(terminated={"reason": "Completed"}),
                status("b", ready=True, **RUNNING),
            ],
        },
        {},
        ("1/2", "NotReady", 0),
    ),
    (
        "first of two init containers done",
        INIT,
        {
            "phase": "Pending",
            "initContainerStatuses": [status("i", terminated={}), status("j", **RUNNING)],
            "containerStatuses": [status(waiting={"reason": "PodInitializing"})],
        },
        {},
        ("0/1", "Init:1/2", 0),
    ),
    (
        "init container failed",
        INIT,
        {"phase": "Pending", "initContainerStatuses": [status("i", restarts=2, terminated={"exitCode": 1})]},
        {},
        ("0/1", "Init:ExitCode:1", 2),
    ),
    (
        "init container crashing",
        INIT,
        {"phase": "Pending", "initContainerStatuses": [status("i", waiting={"reason": "CrashLoopBackOff"})]},
        {},
        ("0/1", "Init:CrashLoopBackOff", 0),
    ),
    (
        "sidecar",
        SIDECAR,
        {
            "phase": "Running",
            "initContainerStatuses": [{**status("s", ready=True, restarts=1, **RUNNING), "started": True}],
            "containerStatuses": [status(ready=True, **RUNNING)],
        },
        {},
        ("2/2", "Running", 1),
    ),
    ("evicted", SPEC, {"phase": "Failed", "reason": "Evicted"}, {}, ("0/1", "Evicted", 0)),
    (
        "gated",
        SPEC,
        {"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]},
        {},
        ("0/1", "SchedulingGated", 0),
    ),
    (
        "terminating",
        SPEC,
        {"phase": "Running", "containerStatuses": [status(ready=True, **RUNNING)]},
        {"deletionTimestamp": ago(1)},
        ("1/1", "Terminating", 0),
    ),
    (
        "on a lost node",
        SPEC,
        {"phase": "Running", "reason": "NodeLost"},
        {"deletionTimestamp": ago(1)},
        ("0/1", "Unknown", 0),
    ),
    (
        "ended before it was deleted",
        SPEC,
        {"phase": "Succeeded", "containerStatuses": [status(terminated={"reason": "Completed"})]},
        {"deletionTimestamp": ago(1)},
        ("0/1", "Completed", 0),
    ),
]


@pytest.mark.parametrize(
    ("spec", "state", "meta", "wanted"), [p[1:] for p in PODS_SEEN], ids=[p[0] for p in PODS_SEEN]
)
def test_pods_in_a_few_words(spec: Doc, state: Doc, meta: Doc, wanted: tuple[str, str, Any]) -> None:
    got = cells(PODS, {"metadata": meta, "spec": spec, "status": state})
    assert (got["Ready"], got["Status"], got["Restarts"]) == wanted


def test_wide_pods() -> None:
    bare = cells(PODS, {"spec": SPEC})
    assert [bare[k] for k in ("IP", "Node", "Nominated Node", "Readiness Gates")] == ["<none>"] * 4
    gates = {**SPEC, "nodeName": "n", "readinessGates": [{"conditionType": "a"}, {"conditionType": "b"}]}
    state = {"podIP": "10.1.1.2", "conditions": [{"type": "b", "status": "True"}]}
    got = cells(PODS, {"spec": gates, "status": state})
    assert (got["IP"], got["Node"], got["Readiness Gates"], got["Age"]) == ("10.1.1.2", "n", "1/2", "90s")


def test_nodes() -> None:
    got = cells(
        NODES,
        {
            "metadata": {
                "labels": {"node-role.kubernetes.io/worker": "", "kubernetes.io/role": "edge", "a": "b"}
            },
            "spec": {"unschedulable": True},
            "status": {
                "conditions": [{"type": "Ready", "status": "False"}],
                "addresses": [{"type": "InternalIP", "address": "10.240.0.1"}],
                "nodeInfo": {"kubeletVersion": "v1", "osImage": "Debian", "kernelVersion": "6"},
            },
        },
    )
    assert (got["Status"], got["Roles"], got["Version"]) == (
        "NotReady,SchedulingDisabled",
        "edge,worker",
        "v1",
    )
    assert (got["Internal-IP"], got["External-IP"]) == ("10.240.0.1", "<none>")
    assert (got["OS-Image"], got["Container-Runtime"]) == ("Debian", "<unknown>")
    assert (cells(NODES, {})["Status"], cells(NODES, {})["Roles"]) == ("Unknown", "<none>")


@pytest.mark.parametrize(
    ("spec", "balancer", "external", "ports"),
    [
        ({"type": "ClusterIP", "ports": [{"port": 80, "protocol": "TCP"}]}, [], "<none>", "80/TCP"),
        (
            {
                "type": "NodePort",
                "ports": [
                    {"port": 80, "nodePort": 30080, "protocol": "TCP"},
                    {"port": 53, "protocol": "UDP"},
                ],
            },
            [],
            "<none>",
            "80:30080/TCP,53/UDP",
        ),
        ({"type": "LoadBalancer"}, [], "<pending>", "<none>"),
        ({"type": "LoadBalancer"}, [{"ip": "2.2.2.2"}, {"hostname": "a"}], "2.2.2.2,a", "<none>"),
        ({"type": "ExternalName", "externalName": "a.b"}, [], "a.b", "<none>"),
        ({"type": "ClusterIP", "externalIPs": ["1.1.1.1", "2.2.2.2"]}, [], "1.1.1.1,2.2.2.2", "<none>"),
    ],
)
def test_services(spec: Doc, balancer: list[Doc], external: str, ports: str) -> None:
    got = cells(SERVICES, {"spec": spec, "status": {"loadBalancer": {"ingress": balancer}}})
    assert (got["External-IP"], got["Port(s)"], got["Selector"]) == (external, ports, "<none>")


def test_endpoints_are_cut_after_three() -> None:
    addresses = [{"ip": f"10.1.1.{i}"} for i in range(2, 7)]
    got = cells(ENDPOINTS, {"subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]})
    assert got["Endpoints"] == "10.1.1.2:80,10.1.1.3:80,10.1.1.4:80 + 2 more..."
    assert cells(ENDPOINTS, {})["Endpoints"] == "<none>"
    six = cells(ENDPOINTS, {"subsets": [{"addresses": [{"ip": "::1"}], "ports": [{"port": 80}]}]})
    assert six["Endpoints"] == "[::1]:80"
    headless = cells(ENDPOINTS, {"subsets": [{"addresses": addresses[:1]}]})
    assert headless["Endpoints"] == "10.1.1.2"


def test_endpoint_slices() -> None:
    got = cells(
        ENDPOINT_SLICES,
        {
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["10.1.1.2"]}, {"addresses": ["10.1.1.3"]}],
            "ports": [{"port": 80}, {"name": "any"}, {}],
        },
    )
    assert (got["Ports"], got["Endpoints"]) == ("80,any,*", "10.1.1.2,10.1.1.3")
    assert cells(ENDPOINT_SLICES, {})["Ports"] == "<unset>"


def test_events() -> None:
    got = cells(
        EVENTS,
        {
            "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{a}"},
            "source": {"component": "kubelet", "host": "n"},
            "firstTimestamp": ago(300),
            "lastTimestamp": ago(10),
            "count": 4,
            "message": "pulled\n",
        },
    )
    assert (got["Last Seen"], got["First Seen"], got["Count"]) == ("10s", "5m", 4)
    assert (got["Object"], got["Source"], got["Message"]) == ("pod/p", "kubelet, n", "pulled")
    series = {
        "eventTime": times.micro(NOW - 60),
        "series": {"count": 9, "lastObservedTime": times.micro(NOW)},
    }
    got = cells(EVENTS, {**series, "reportingComponent": "s", "reportingInstance": "i"})
    assert (got["Last Seen"], got["First Seen"], got["Count"], got["Source"]) == ("0s", "60s", 9, "s, i")
    assert cells(EVENTS, {"eventTime": times.micro(NOW - 60)})["Last Seen"] == "60s"


def test_the_rest() -> None:
    template = {"spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "y"}]}}
    got = cells(
        REPLICATION_CONTROLLERS,
        {
            "spec": {"replicas": 4, "selector": {"b": "2", "a": "1"}, "template": template},
            "status": {"replicas": 3, "readyReplicas": 2},
        },
    )
    assert (got["Desired"], got["Current"], got["Ready"]) == (4, 3, 2)
    assert (got["Containers"], got["Images"], got["Selector"]) == ("a,b", "x,y", "a=1,b=2")
    assert cells(POD_TEMPLATES, {"template": template})["Pod Labels"] == "<none>"
    assert cells(CONFIG_MAPS, {"data": {"a": ""}, "binaryData": {"b": ""}})["Data"] == 2
    assert cells(SECRETS, {"type": "Opaque", "data": {"a": ""}})["Data"] == 1
    assert cells(SERVICE_ACCOUNTS, {"secrets": [{"name": "a"}]})["Secrets"] == 1
    assert cells(NAMESPACES, {"status": {"phase": "Active"}})["Status"] == "Active"
    assert cells(LEASES, {"spec": {"holderIdentity": "me"}})["Holder"] == "me"


def test_resources_are_found_by_every_name() -> None:
    for name in ("pod", "pods", "po", "PODS"):
        assert scheme.named(name) is PODS
    assert scheme.named("endpointslices.discovery.k8s.io") is ENDPOINT_SLICES
    assert scheme.named("lease.coordination.k8s.io") is LEASES
    assert scheme.named("lease.example.com") is None
    assert scheme.by_plural("", "v1", "pods") is PODS
    assert scheme.by_plural("", "v2", "pods") is None
    assert scheme.by_kind("coordination.k8s.io/v1", "Lease") is LEASES
    assert scheme.by_list_kind("v1", "PodList") is PODS
    assert scheme.by_list_kind("v1", "BindingList") is None
    assert all(scheme.of(r.struct) is r for r in RESOURCES)
