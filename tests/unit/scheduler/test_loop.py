"""The loop, with both engines: what it binds, parks, retries and says, when the API does this or that."""

from __future__ import annotations

import asyncio

import pytest

from dromon.scheduler.bind import Placement, Refused
from dromon.scheduler.loop import REPEAT_EVENT_SECONDS
from dromon.testing.clock import settle

from .rig import Rig, on


@pytest.fixture(params=["rust", "python"])
def rig(request) -> Rig:
    return Rig(request.param)


HOPELESS = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."


async def test_pods_are_bound_and_said_so(rig, make):
    rig.nodes(make.node("n"))
    async with rig.running():
        rig.see(make.pod("a"), make.pod("b"))
        await settle()
        assert rig.binder.bound == {"a": "n", "b": "n"}
        assert rig.binder.placements[0] == Placement("uid-a", "default", "a", "n")
        assert ("Normal", "Scheduled", "Successfully assigned default/a to n") in rig.recorder.events
        assert rig.conditions.settled == ["uid-a", "uid-b"]
        assert rig.conditions.reports == []


async def test_only_its_own_pods_are_scheduled(rig, make):
    rig.nodes(make.node("n"))
    async with rig.running():
        rig.see(
            make.pod("other", schedulerName="other"),
            make.pod("mine", schedulerName="default-scheduler"),
            make.pod("deleted", metadata={"deletionTimestamp": "2024-01-01T00:00:00Z"}),
            make.pod("done", phase="Failed"),
        )
        await settle()
        assert set(rig.binder.bound) == {"mine"}


async def test_a_pod_that_fits_nowhere_is_explained_and_bound_when_a_node_comes(rig, make):
    rig.nodes(make.node("small", cpu="1"))
    async with rig.running():
        rig.see(make.pod("a", containers=make.requests(cpu="2")))
        await settle()
        message = "0/1 nodes are available: 1 Insufficient cpu. " + HOPELESS
        assert rig.conditions.reports == [("a", "Unschedulable", message)]
        assert rig.recorder.events == [("Warning", "FailedScheduling", message)]
        await rig.wait(20)
        rig.nodes(make.node("other", cpu="1"))
        await settle()
        assert len(rig.conditions.reports) == 1, "a node that does not help is no reason to try again"
        rig.nodes(make.node("large", cpu="2"))
        await settle()
        assert rig.binder.bound == {"a": "large"}


async def test_without_nodes(rig, make):
    async with rig.running():
        rig.see(make.pod("a"))
        await settle()
        assert rig.conditions.reports == [("a", "Unschedulable", "no nodes available to schedule pods")]


async def test_pods_placed_but_not_seen_yet_count(rig, make):
    rig.nodes(make.node("n", cpu="1"))
    async with rig.running():
        rig.see(*(make.pod(f"p{i}", containers=make.requests(cpu="600m")) for i in range(2)))
        await settle()
        assert list(rig.binder.bound) == ["p0"]
        rig.see(on(rig.pods["p0"], "n"))
        await rig.wait(10)
        assert list(rig.binder.bound) == ["p0"]
        rig.lose("p0")
        await settle()
        assert rig.binder.bound == {"p0": "n", "p1": "n"}


async def test_a_finished_pod_makes_room(rig, make):
    rig.nodes(make.node("n", cpu="1"))
    first = on(make.pod("first", containers=make.requests(cpu="1")), "n")
    rig.see(first)
    async with rig.running():
        rig.see(make.pod("second", containers=make.requests(cpu="1")))
        await rig.wait(2)
        assert rig.binder.bound == {}
        done = make.pod("first", phase="Succeeded", nodeName="n", containers=make.requests(cpu="1"))
        rig.see(done)
        await settle()
        assert rig.binder.bound == {"second": "n"}


async def test_an_uncordoned_node_helps(rig, make):
    rig.nodes(make.node("n", unschedulable=True))
    async with rig.running():
        rig.see(make.pod("a"))
        await rig.wait(2)
        message = "0/1 nodes are available: 1 node(s) were unschedulable. " + HOPELESS
        assert rig.conditions.reports[0][2] == message
        rig.nodes(make.node("n"))
        await settle()
        assert rig.binder.bound == {"a": "n"}


async def test_more_important_pods_come_first(rig, make):
    rig.see(make.pod("low"), make.pod("high", priority=10))
    rig.nodes(make.node("n", pods="1"))
    async with rig.running():
        assert list(rig.binder.bound) == ["high"]


async def test_a_refused_binding_is_forgotten_said_and_tried_again(rig, make):
    rig.nodes(make.node("n", pods="1"))
    rig.binder.refusals["a"] = Refused("no", stale=False)
    async with rig.running():
        rig.see(make.pod("a"))
        await settle()
        assert rig.engine.pod_node("uid-a") is None
        assert rig.conditions.reports == [("a", "SchedulerError", "binding rejected: no")]
        await rig.wait(0.9)
        assert len(rig.binder.placements) == 1
        await rig.wait(0.2)
        assert len(rig.binder.placements) == 2
        assert rig.engine.pod_node("uid-a") == "n"


async def test_a_pod_bound_by_somebody_else_counts_where_it_is(rig, make):
    rig.nodes(make.node("n"), make.node("m", unschedulable=True))
    rig.binder.refusals["a"] = Refused("already assigned", stale=True)
    async with rig.running():
        rig.see(make.pod("a"))
        await settle()
        rig.see(on(rig.pods["a"], "m"))
        await rig.wait(20)
        assert len(rig.binder.placements) == 1
        assert rig.engine.pod_node("uid-a") == "m"
        assert rig.conditions.reports == []


async def test_a_conflict_after_the_watch_has_told_changes_nothing(rig, make):
    rig.nodes(make.node("n"), make.node("m", unschedulable=True))
    rig.binder.gate = asyncio.Event()
    rig.binder.refusals["a"] = Refused("already assigned", stale=True)
    async with rig.running():
        rig.see(make.pod("a"))
        await settle()
        rig.see(on(rig.pods["a"], "m"))
        rig.binder.gate.set()
        await rig.wait(20)
        assert len(rig.binder.placements) == 1
        assert rig.engine.pod_node("uid-a") == "m"


async def test_a_pod_deleted_while_it_waits_for_its_binding_is_let_go(rig, make):
    rig.nodes(make.node("n"))
    rig.binder.gate = asyncio.Event()
    async with rig.running():
        rig.see(*(make.pod(f"p{i}") for i in range(6)))
        await settle()
        rig.lose("p5")
        rig.binder.gate.set()
        await settle()
        assert "p5" not in rig.binder.bound
        assert rig.engine.pod_node("uid-p5") is None


async def test_a_node_deleted_before_the_binding_is_written(rig, make):
    rig.nodes(make.node("n"))
    rig.binder.gate = asyncio.Event()
    async with rig.running():
        rig.see(*(make.pod(f"p{i}") for i in range(6)))
        await settle()
        rig.scheduler.node_changed(make.node("n"), None)
        rig.binder.gate.set()
        await settle()
        assert len(rig.binder.bound) == 4, "four were being written already"
        rig.nodes(make.node("m"))
        await rig.wait(2)
        assert {rig.binder.bound["p4"], rig.binder.bound["p5"]} == {"m"}


async def test_gates(rig, make):
    rig.nodes(make.node("n"))
    async with rig.running():
        rig.see(make.pod("a", schedulingGates=[{"name": "g"}]))
        await settle()
        message = "Scheduling is blocked due to non-empty scheduling gates"
        assert rig.conditions.reports == [("a", "SchedulingGated", message)]
        assert rig.recorder.events == []
        rig.see(make.pod("a"))
        await settle()
        assert rig.binder.bound == {"a": "n"}


async def test_its_own_condition_does_not_wake_a_parked_pod(rig, make):
    async with rig.running():
        rig.see(make.pod("a"))
        await rig.wait(5)
        changed = make.pod("a", phase="Pending")
        rig.see(changed)
        await settle()
        assert rig.scheduler._queue.get("uid-a").attempts == 1
        rig.see(make.pod("a", metadata={"labels": {"x": "y"}}))
        await settle()
        assert rig.scheduler._queue.get("uid-a").attempts == 2


async def test_an_unchanged_reason_is_not_recorded_again_at_once(rig, make):
    async with rig.running():
        rig.see(make.pod("a"))
        await settle()
        for round in range(3):
            await rig.wait(15)
            rig.see(make.pod("a", metadata={"labels": {"round": str(round)}}))
            await settle()
        assert rig.scheduler._queue.get("uid-a").attempts == 4
        assert len(rig.recorder.events) == 1
        await rig.wait(REPEAT_EVENT_SECONDS)
        rig.see(make.pod("a", metadata={"labels": {}}))
        await settle()
        assert len(rig.recorder.events) == 2
        assert len(rig.conditions.reports) == 1


async def test_a_new_pod_of_the_same_name_is_another_pod(rig, make):
    rig.nodes(make.node("n", pods="1"))
    async with rig.running():
        rig.see(make.pod("a"))
        await settle()
        rig.see(make.pod("a", metadata={"uid": "second"}))
        await settle()
        assert [p.uid for p in rig.binder.placements] == ["uid-a", "second"]
        assert rig.engine.pod_node("uid-a") is None


async def test_decisions_stop_while_too_many_bindings_wait(make):
    rig = Rig("rust", in_flight=3)
    rig.nodes(make.node("n"))
    rig.binder.gate = asyncio.Event()
    async with rig.running():
        rig.see(*(make.pod(f"p{i}") for i in range(5)))
        await settle()
        assert sum(rig.engine.pod_node(f"uid-p{i}") is not None for i in range(5)) == 3
        rig.binder.gate.set()
        await settle()
        assert len(rig.binder.bound) == 5


async def test_heartbeats_change_nothing(rig, make):
    async with rig.running():
        rig.nodes(make.node("n", pods="0"))
        rig.see(make.pod("a"))
        await rig.wait(20)
        rig.nodes(make.node("n", pods="0"))
        await settle()
        assert rig.scheduler._queue.get("uid-a").attempts == 1


KEEPS_A_OFF = {
    "podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "zone"}
        ]
    }
}


@pytest.mark.parametrize("change", ["leaves", "moves", "goes"])
async def test_a_zone_is_open_again_when_nobody_there_objects(rig, make, change):
    """The node that changes would not do itself: it is too small."""
    rig.nodes(make.node("small", cpu="1", labels={"zone": "1"}), make.node("large", labels={"zone": "1"}))
    rig.see(on(make.pod("guard", affinity=KEEPS_A_OFF), "small"))
    async with rig.running():
        rig.see(make.pod("a", metadata={"labels": {"app": "a"}}, containers=make.requests(cpu="2")))
        await rig.wait(20)
        reason = "1 node(s) didn't satisfy existing pods anti-affinity rules"
        assert reason in rig.conditions.reports[0][2]
        if change == "leaves":
            rig.lose("guard")
        elif change == "moves":
            rig.nodes(make.node("small", cpu="1", labels={"zone": "2"}))
        else:
            rig.scheduler.node_changed(make.node("small"), None)
        await settle()
        assert rig.binder.bound == {"a": "large"}


async def test_a_pod_follows_the_company_that_it_needs(rig, make):
    needs = {"podAffinity": KEEPS_A_OFF["podAntiAffinity"]}
    rig.nodes(make.node("n", cpu="1", labels={"zone": "1"}), make.node("m", labels={"zone": "1"}))
    async with rig.running():
        rig.see(make.pod("b", affinity=needs, containers=make.requests(cpu="2")))
        await rig.wait(20)
        assert "1 node(s) didn't match pod affinity rules" in rig.conditions.reports[0][2]
        rig.see(on(make.pod("a", metadata={"labels": {"app": "a"}}), "n"))
        await settle()
        assert rig.binder.bound == {"b": "m"}
