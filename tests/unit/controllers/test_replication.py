"""The replication controller at work on a fake API: safe and live under every order of events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dromon.api import errors, kinds
from dromon.client.rest import ConnectionFailed
from dromon.controllers.replication import plan
from dromon.controllers.replication.controller import ReplicationManager


def active(world: Any) -> list[Any]:
    return [
        p
        for p in world.api.all(kinds.PODS)
        if p.metadata.deletion_timestamp is None and p.status.phase not in ("Failed", "Succeeded")
    ]


def scale(world: Any, replicas: int) -> None:
    rc = world.api.one(kinds.REPLICATION_CONTROLLERS, "rc", "default")
    rc.spec.replicas = replicas
    rc.metadata.generation += 1
    world.api.put(rc)


async def test_creates_what_is_missing_once(world: Any, make: Any) -> None:
    loop = ReplicationManager(world.context)
    world.api.put(make.rc(replicas=5))
    world.informers.pump()
    await world.work(loop)
    assert len(active(world)) == 5
    # The informer has not shown the pods: looked at again, nothing more is made.
    loop.queue.add(("default", "rc"))
    await world.work(loop)
    assert len(active(world)) == 5
    await world.settle(loop)
    rc = world.api.one(kinds.REPLICATION_CONTROLLERS, "rc", "default")
    assert rc.status.replicas == rc.status.fully_labeled_replicas == 5
    assert ("Normal", "SuccessfulCreate") in {e[:2] for e in world.events}
    updates = world.api.count("update", "replicationcontrollers")
    await world.settle(loop, 10)
    assert world.api.count("update", "replicationcontrollers") == updates


async def test_large_numbers_come_in_bursts(world: Any, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "CREATIONS", 500)
    loop = ReplicationManager(world.context)
    world.api.put(make.rc(replicas=1200))
    world.informers.pump()
    await world.work(loop)
    assert len(active(world)) == 500
    await world.settle(loop)
    assert len(active(world)) == 1200


async def test_events_that_come_before_the_answers(world: Any, make: Any) -> None:
    world.api.after = lambda verb, plural, obj: world.informers.pump()
    loop = ReplicationManager(world.context)
    world.api.put(make.rc(replicas=4))
    await world.settle(loop)
    assert len(active(world)) == 4
    assert world.api.one(kinds.REPLICATION_CONTROLLERS, "rc", "default").status.replicas == 4


async def test_scales_down_by_use_and_replaces_the_ended(world: Any, make: Any) -> None:
    loop = ReplicationManager(world.context)
    rc = world.api.put(make.rc(replicas=3))
    for i in range(3):
        world.api.put(make.pod(f"p{i}", owner=make.owner(rc), node="n", ready=i != 1))
    await world.settle(loop)
    scale(world, 2)
    await world.settle(loop)
    assert {p.metadata.name for p in active(world)} == {"p0", "p2"}
    failed = world.api.one(kinds.PODS, "p0", "default")
    failed.status.phase = "Failed"
    world.api.put(failed)
    await world.settle(loop)
    assert len(active(world)) == 2
    assert world.api.one(kinds.PODS, "p0", "default") is not None


async def test_a_stale_cache_costs_no_pod_its_life(world: Any, make: Any) -> None:
    loop = ReplicationManager(world.context)
    rc = world.api.put(make.rc(replicas=1))
    for i in range(3):
        world.api.put(make.pod(f"p{i}", owner=make.owner(rc), node="n"))
    world.informers.pump()
    scale(world, 3)  # not seen yet
    await world.work(loop)
    assert len(active(world)) == 3
    await world.settle(loop)
    assert len(active(world)) == 3
    assert world.api.count("delete", "pods") == 0


async def test_adopts_and_releases(world: Any, make: Any) -> None:
    loop = ReplicationManager(world.context)
    world.api.put(make.pod("stray"))
    rc = world.api.put(make.rc(replicas=1))
    await world.settle(loop)
    (pod,) = active(world)
    assert pod.metadata.owner_references[0].uid == rc.metadata.uid
    pod.metadata.labels = {"app": "other"}
    world.api.put(pod)
    await world.settle(loop)
    assert not world.api.one(kinds.PODS, "stray", "default").metadata.owner_references
    assert len(active(world)) == 2


async def test_does_not_adopt_for_a_controller_that_is_gone(world: Any, make: Any) -> None:
    loop = ReplicationManager(world.context)
    world.api.put(make.pod("stray"))
    world.api.put(make.rc(replicas=1))
    world.informers.pump()
    world.api.drop(kinds.REPLICATION_CONTROLLERS, "rc", "default")
    await world.work(loop)
    assert not world.api.one(kinds.PODS, "stray", "default").metadata.owner_references
    assert world.api.count("create", "pods") == 0


async def test_refusals_stop_the_slow_start_and_show(world: Any, make: Any) -> None:
    quota = errors.forbidden("pods", "", "", "exceeded quota")
    world.api.fail = lambda verb, plural, name: quota if (verb, plural) == ("create", "pods") else None
    loop = ReplicationManager(world.context)
    world.api.put(make.rc(replicas=100))
    world.informers.pump()
    await world.work(loop)
    assert world.api.count("create", "pods") == 1
    world.informers.pump()
    rc = world.api.one(kinds.REPLICATION_CONTROLLERS, "rc", "default")
    assert [(c.type, c.reason) for c in rc.status.conditions] == [("ReplicaFailure", "FailedCreate")]
    assert world.events[0][:2] == ("Warning", "FailedCreate")
    world.api.fail = lambda verb, plural, name: None
    await world.settle(loop, 60)
    assert len(active(world)) == 100
    assert not world.api.one(kinds.REPLICATION_CONTROLLERS, "rc", "default").status.conditions


async def test_lost_event_is_given_up_after_five_minutes(world: Any, make: Any) -> None:
    loop = ReplicationManager(world.context)
    world.api.put(make.rc(replicas=2))
    world.informers.pump()
    await world.work(loop)
    pods = world.informers.of(kinds.PODS)
    world.informers.gather()
    pods.behind.clear()
    for pod in active(world):
        world.api.objects.pop(("pods", "default", pod.metadata.name))
    await world.settle(loop, 200)
    assert not active(world)
    await world.settle(loop, 200)
    assert len(active(world)) == 2


async def test_terminating_namespace_is_no_error(world: Any, make: Any) -> None:
    refused = errors.forbidden("pods", "", "", "namespace is being terminated")
    refused.status.details.causes = [_cause("NamespaceTerminating")]
    world.api.fail = lambda verb, plural, name: refused if (verb, plural) == ("create", "pods") else None
    loop = ReplicationManager(world.context)
    world.api.put(make.rc(replicas=1))
    await world.settle(loop)
    assert not world.events


def _cause(reason: str) -> Any:
    from dromon.api.types.status import StatusCause

    return StatusCause(reason=reason)


OPS = st.lists(
    st.one_of(
        st.tuples(st.just("scale"), st.integers(0, 8)),
        st.tuples(st.just("show"), st.integers(1, 4)),
        st.tuples(st.just("work"), st.just(0)),
        st.tuples(st.just("kill"), st.integers(0, 7)),
        st.tuples(st.just("finish"), st.integers(0, 7)),
        st.tuples(st.just("fail"), st.integers(0, 7)),
        st.tuples(st.just("break"), st.sampled_from(["create", "delete", "update", "lost"])),
        st.tuples(st.just("relabel"), st.integers(0, 7)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("wait"), st.integers(1, 400)),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ops=OPS, last=st.integers(0, 8))
def test_converges_whatever_happens(make_world: Any, make: Any, ops: list[Any], last: int) -> None:
    """Safety: never more pods than the largest number asked for since the last quiet moment, plus what a lost
    answer hid. Liveness: when events come through again, exactly as many as asked for."""
    asyncio.run(_storm(make_world(), make, ops, last))


async def _storm(world: Any, make: Any, ops: list[Any], last: int) -> None:
    loop = ReplicationManager(world.context)
    world.api.put(make.rc(replicas=3))
    largest, hidden = 3, 0
    broken: list[str] = []

    def fail(verb: str, plural: str, name: str) -> Exception | None:
        if broken and broken[0] == verb:
            broken.pop(0)
            return errors.unavailable("broken")
        return None

    def lose(verb: str, plural: str, obj: Any) -> None:
        nonlocal hidden
        if plural == "pods" and broken and broken[0] == "lost":
            broken.pop(0)
            hidden += 1
            raise ConnectionFailed("the answer got lost")

    world.api.fail, world.api.after = fail, lose
    for op, value in ops:
        pods = active(world)
        pod = pods[value % len(pods)] if pods and isinstance(value, int) else None
        if op == "scale":
            scale(world, value)
            largest = max(largest, value)
        elif op == "show":
            world.informers.gather()
            for informer in world.informers.made.values():
                for _ in range(min(value, len(informer.behind))):
                    informer.step()
        elif op == "work":
            await world.work(loop)
        elif op == "kill" and pod is not None:
            world.api.drop(kinds.PODS, pod.metadata.name, "default")
        elif op == "finish" and pod is not None:
            pod.spec.node_name = "n"
            world.api.put(pod)
        elif op == "fail" and pod is not None:
            pod.status.phase = "Failed"
            world.api.put(pod)
        elif op == "relabel" and pod is not None:
            pod.metadata.labels = {"app": "other"}
            world.api.put(pod)
        elif op == "break":
            broken.append(value)
        elif op == "restart":
            world.informers.made.clear()
            world.informers._at = len(world.api.log)
            loop = ReplicationManager(world.context)
            world.informers.pump()
        elif op == "wait":
            await world.clock.advance(value)
        owned = [p for p in active(world) if p.metadata.labels == {"app": "x"}]
        assert len(owned) <= largest + hidden
    broken.clear()
    scale(world, last)
    await world.settle(loop, 1400)
    assert len([p for p in active(world) if p.metadata.labels == {"app": "x"}]) == last
    assert world.api.one(kinds.REPLICATION_CONTROLLERS, "rc", "default").status.replicas == last


@pytest.mark.parametrize("code", [404, 409])
async def test_a_pod_that_is_gone_already_is_no_failure(world: Any, make: Any, code: int) -> None:
    loop = ReplicationManager(world.context)
    rc = world.api.put(make.rc(replicas=0))
    world.api.put(make.pod("p0", owner=make.owner(rc)))
    world.informers.pump()
    world.api.drop(kinds.PODS, "p0", "default")
    if code == 409:
        world.api.put(make.pod("p0", labels={"app": "other"}))
    await world.work(loop)
    await world.settle(loop)
    assert not [e for e in world.events if e[0] == "Warning"]
    assert len(world.api.all(kinds.PODS)) == (1 if code == 409 else 0)
