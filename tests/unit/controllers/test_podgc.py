"""Pod garbage collection: ended pods, pods of nodes that are gone, pods that nobody will end."""

from __future__ import annotations

from typing import Any

import pytest

from dromon.api import kinds
from dromon.controllers.config import ControllerManagerConfig
from dromon.controllers.podgc import PodGarbageCollector, plan_terminated


def names(world: Any) -> set[str]:
    return {p.metadata.name for p in world.api.all(kinds.PODS)}


def test_oldest_first_and_evicted_before_all(make: Any) -> None:
    ended = [make.view(f"p{i}", phase="Failed", created=100 + i) for i in range(4)]
    ended.append(make.view("evicted", phase="Failed", created=900, reason="Evicted"))
    assert [p.metadata.name for p in plan_terminated(ended, 3)] == ["evicted", "p0"]
    assert plan_terminated(ended, 5) == []
    assert plan_terminated(ended, 0) == []


@pytest.fixture
def small(make_world: Any) -> Any:
    return make_world(config=ControllerManagerConfig(kubeconfig="", terminated_pod_threshold=2))


async def test_threshold(small: Any, make: Any) -> None:
    loop = PodGarbageCollector(small.context)
    small.api.put(make.node("n1"))
    for i in range(5):
        small.api.put(make.pod(f"p{i}", phase="Succeeded", node="n1", created=i + 1))
    small.api.put(make.pod("runs", node="n1"))
    await small.settle(loop, 30)
    assert names(small) == {"p3", "p4", "runs"}


async def test_pods_of_a_node_that_is_gone(world: Any, make: Any) -> None:
    loop = PodGarbageCollector(world.context)
    world.api.put(make.node("n1"))
    world.api.put(make.pod("p", node="n1"))
    world.api.put(make.pod("never-was", node="n0"))
    await world.settle(loop, 60)
    assert names(world) == {"p"}
    world.api.drop(kinds.NODES, "n1")
    await world.settle(loop, 35)
    assert names(world) == {"p"}
    await world.settle(loop, 10)
    assert names(world) == set()
    statuses = [
        obj["status"] for type_, plural, obj in world.api.log if type_ == "DELETED" and plural == "pods"
    ]
    assert statuses[-1]["phase"] == "Failed"
    assert statuses[-1]["conditions"][-1]["reason"] == "DeletionByPodGC"


async def test_a_node_that_comes_back_keeps_its_pods(world: Any, make: Any) -> None:
    loop = PodGarbageCollector(world.context)
    world.api.put(make.node("n1"))
    world.api.put(make.pod("p", node="n1"))
    await world.settle(loop)
    world.api.drop(kinds.NODES, "n1")
    await world.settle(loop, 30)
    world.api.put(make.node("n1"))
    await world.settle(loop, 60)
    assert names(world) == {"p"}


async def test_asks_before_it_deletes(world: Any, make: Any) -> None:
    loop = PodGarbageCollector(world.context)
    world.api.put(make.pod("p", node="n1"))
    world.informers.pump()
    world.api.put(make.node("n1"))  # not seen
    await world.work(loop)
    await world.clock.advance(60)
    await world.work(loop)
    assert names(world) == {"p"}


async def test_deleted_before_scheduled(world: Any, make: Any) -> None:
    loop = PodGarbageCollector(world.context)
    world.api.put(make.pod("p", phase="Pending", deleted=world.clock.now()))
    world.api.put(make.pod("waits", phase="Pending"))
    await world.settle(loop, 1)
    assert names(world) == {"waits"}


async def test_out_of_service(world: Any, make: Any) -> None:
    loop = PodGarbageCollector(world.context)
    world.api.put(make.node("n1", ready="Unknown"))
    world.api.put(make.pod("going", node="n1", deleted=world.clock.now()))
    world.api.put(make.pod("stays", node="n1"))
    await world.settle(loop, 1)
    assert names(world) == {"going", "stays"}
    taint = {"key": "node.kubernetes.io/out-of-service", "effect": "NoExecute"}
    world.api.put(make.node("n1", ready="Unknown", taints=[taint]))
    await world.settle(loop, 1)
    assert names(world) == {"stays"}
