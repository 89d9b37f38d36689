"""What the scheduler does for pods that look at each other, as kubectl shows it, on hollow nodes."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Callable[..., str]
ZONE = "test.dromon.io/zone"

APART = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "kubernetes.io/hostname"}
        ]
    }
}
EVENLY = {
    "maxSkew": 1,
    "topologyKey": ZONE,
    "whenUnsatisfiable": "DoNotSchedule",
    "labelSelector": {"matchLabels": {"app": "x"}},
}


def controller(replicas: int, **spec: Any) -> str:
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container()], **spec}}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "ReplicationController",
            "metadata": {"name": "x"},
            "spec": {"replicas": replicas, "selector": {"app": "x"}, "template": template},
        }
    )


def container(port: int = 0) -> dict[str, Any]:
    ports = [{"containerPort": 80, "hostPort": port}] if port else []
    return {"name": "c", "image": "example/image:1", "ports": ports}


def pod(name: str, port: int, priority: int) -> str:
    spec = {"containers": [container(port)], "priorityClassName": f"test-{priority}"}
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})


def until(found: Callable[[], Any], true: Callable[[Any], bool]) -> Any:
    """What is found, once it is as wanted."""
    for _ in range(150):
        value = found()
        if true(value):
            return value
        time.sleep(0.1)
    raise AssertionError(f"not in time: {value}")


def nodes_of(kubectl: Kubectl) -> dict[str, str]:
    """Pod -> node, "" for none, of pods that are not ending."""
    pods = json.loads(kubectl("get", "pods", "-o", "json"))["items"]
    alive = [p for p in pods if "deletionTimestamp" not in p["metadata"]]
    return {p["metadata"]["name"]: p["spec"].get("nodeName", "") for p in alive}


def test_anti_affinity_puts_one_on_each_node(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=controller(4, affinity=APART))
    found = until(
        lambda: nodes_of(kubectl), lambda pods: len(pods) == 4 and sum(map(bool, pods.values())) == 3
    )
    assert Counter(found.values()) == Counter({"node-1": 1, "node-2": 1, "node-3": 1, "": 1})
    (waiting,) = [name for name, node in found.items() if not node]
    refusal = (
        "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules. "
        "preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod."
    )
    until(lambda: kubectl("describe", "pod", waiting), lambda text: refusal in text)
    kubectl("scale", "rc", "x", "--replicas=3")
    leaves = next(name for name in found if name != waiting)
    kubectl("delete", "pod", leaves, "--grace-period=0", "--force", "--wait=false")
    spread = {"node-1", "node-2", "node-3"}
    until(lambda: nodes_of(kubectl), lambda pods: set(pods.values()) == spread)


@pytest.fixture
def zones(hollow_cluster: Any) -> Iterator[None]:
    """One node in zone b, the others in zone a."""
    for node, zone in (("node-1", "a"), ("node-2", "a"), ("node-3", "b")):
        hollow_cluster.kubectl("label", "node", node, f"{ZONE}={zone}")
    yield
    hollow_cluster.kubectl("label", "nodes", "--all", f"{ZONE}-")


@pytest.mark.usefixtures("zones")
def test_topology_spread_fills_zones_evenly(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=controller(6, topologySpreadConstraints=[EVENLY]))
    found = until(lambda: nodes_of(kubectl), lambda pods: len(pods) == 6 and all(pods.values()))
    assert sum(node == "node-3" for node in found.values()) == 3
    event = kubectl("describe", "pod", next(iter(found)))
    assert "Successfully assigned" in event


@pytest.fixture
def priorities(hollow_cluster: Any) -> Iterator[None]:
    """PriorityClasses test-1, test-2, test-3 and test-10, of these values."""
    names = {f"test-{value}": value for value in (1, 2, 3, 10)}
    for name, value in names.items():
        hollow_cluster.kubectl("create", "priorityclass", name, f"--value={value}")
    yield
    hollow_cluster.kubectl("delete", "priorityclass", *names)


@pytest.mark.usefixtures("priorities")
def test_a_more_important_pod_takes_the_place_of_another(kubectl: Kubectl) -> None:
    for i, priority in enumerate((3, 1, 2)):
        kubectl("create", "-f", "-", stdin=pod(f"low-{i}", 31999, priority))
    before = until(lambda: nodes_of(kubectl), lambda pods: len(pods) == 3 and all(pods.values()))
    kubectl("create", "-f", "-", stdin=pod("high", 31999, 10))
    after = until(lambda: nodes_of(kubectl), lambda pods: bool(pods.get("high")))
    assert set(after) == {"low-0", "low-2", "high"}, "the least important had to go"
    assert after["high"] == before["low-1"]
    high = json.loads(kubectl("get", "pod", "high", "-o", "json"))
    assert high["status"]["nominatedNodeName"] == before["low-1"]
    described = kubectl("describe", "pod", "high")
    assert (
        "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports." in described
    )
    preempted = f"Preempted by pod {high['metadata']['uid']} on node {before['low-1']}"
    until(
        lambda: kubectl("get", "events", "--field-selector=involvedObject.name=low-1,reason=Preempted"),
        lambda text: preempted in text,
    )
