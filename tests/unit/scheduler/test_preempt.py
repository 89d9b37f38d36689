"""Preemption through the loop: who is ended, what is said, who waits for which node, and for how long."""

from __future__ import annotations

import pytest
from msgspec import convert

from dromon.api.types.pod_status import PodCondition
from dromon.api.types.policy import PodDisruptionBudget
from dromon.scheduler.budgets import Budgets
from dromon.testing.clock import settle

from .rig import Rig, on

TERMINATING = {"deletionTimestamp": "2024-01-01T00:00:00Z"}
REFUSED = "0/1 nodes are available: 1 Insufficient cpu."


@pytest.fixture(params=["rust", "python"])
def rig(request) -> Rig:
    return Rig(request.param)


def placed(make, name, node="n", cpu="1", priority=0, **spec):
    pod = make.pod(name, containers=make.requests(cpu=cpu), priority=priority, **spec)
    return on(pod, node)


def wanting(make, name, cpu="1", priority=10, **spec):
    return make.pod(name, containers=make.requests(cpu=cpu), priority=priority, **spec)


async def test_the_least_important_is_ended_and_the_pod_follows(rig, make):
    rig.nodes(make.node("n", cpu="2"), make.node("m", cpu="1"))
    rig.see(placed(make, "a", priority=5), placed(make, "b", priority=1), placed(make, "c", "m", priority=5))
    async with rig.running():
        rig.see(wanting(make, "high"))
        await settle()
        assert rig.evictor.ended == ["b"]
        assert ("Normal", "Preempted", "Preempted by pod uid-high on node n") in rig.recorder.events
        message = "0/2 nodes are available: 2 Insufficient cpu."
        assert rig.conditions.reports == [("high", "Unschedulable", message)]
        assert rig.nominated("high") == "n"
        await rig.wait(20)
        assert rig.evictor.ended == ["b"], "nobody else has to go while b is ending"
        rig.lose("b")
        await settle()
        assert rig.binder.bound == {"high": "n"}


async def test_the_pod_waits_for_its_last_victim(rig, make):
    rig.nodes(make.node("n", cpu="2"))
    rig.see(placed(make, "a"), placed(make, "b"))
    async with rig.running():
        rig.see(wanting(make, "high", cpu="2"))
        await rig.wait(20)
        assert sorted(rig.evictor.ended) == ["a", "b"]
        rig.lose("a")
        await rig.wait(20)
        assert rig.binder.bound == {}
        assert rig.scheduler._queue.get("uid-high").attempts == 1
        rig.lose("b")
        await settle()
        assert rig.binder.bound == {"high": "n"}


async def test_nobody_of_the_same_priority_has_to_go(rig, make):
    rig.nodes(make.node("n", cpu="1"))
    rig.see(placed(make, "a", priority=10))
    async with rig.running():
        rig.see(wanting(make, "high"))
        await settle()
        why_not = " preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
        assert rig.conditions.reports == [("high", "Unschedulable", REFUSED + why_not)]
        assert rig.evictor.ended == []


async def test_a_pod_that_never_preempts(rig, make):
    rig.nodes(make.node("n", cpu="1"))
    rig.see(placed(make, "a"))
    async with rig.running():
        rig.see(wanting(make, "high", preemptionPolicy="Never"))
        await settle()
        why_not = " preemption: not eligible due to preemptionPolicy=Never."
        assert rig.conditions.reports == [("high", "Unschedulable", REFUSED + why_not)]
        assert rig.evictor.ended == []


async def test_the_room_is_kept_from_less_important_pods(rig, make):
    rig.nodes(make.node("n", cpu="1"))
    rig.see(placed(make, "a"))
    async with rig.running():
        rig.see(wanting(make, "high"))
        await rig.wait(2)
        rig.see(wanting(make, "low", priority=1))
        rig.lose("a")
        await rig.wait(2)
        assert rig.binder.bound == {"high": "n"}
        rig.see(on(rig.pods["high"], "n"))
        rig.lose("high")
        await rig.wait(15)
        assert rig.binder.bound["low"] == "n"


async def test_the_kept_room_is_free_again_when_the_pod_is_deleted(rig, make):
    rig.nodes(make.node("n", cpu="1"))
    rig.see(placed(make, "a"))
    async with rig.running():
        rig.see(wanting(make, "high", cpu="1"))
        await rig.wait(2)
        rig.see(wanting(make, "low", priority=1))
        rig.scheduler._engine.remove_pod("uid-a")
        await rig.wait(15)
        assert rig.binder.bound == {}
        rig.lose("high")
        await rig.wait(15)
        assert rig.binder.bound == {"low": "n"}


async def test_a_still_more_important_pod_takes_the_nomination_over(rig, make):
    rig.nodes(make.node("n", cpu="2"))
    rig.see(placed(make, "a", cpu="2"))
    async with rig.running():
        rig.see(wanting(make, "high", cpu="2"))
        await settle()
        assert rig.nominated("high") == "n"
        rig.see(wanting(make, "higher", cpu="2", priority=20))
        await settle()
        assert rig.nominated("higher") == "n"
        assert rig.nominated("high") == ""
        rig.lose("a")
        await rig.wait(12)
        assert rig.binder.bound == {"higher": "n"}


async def test_a_pod_whose_node_goes_looks_for_another(rig, make):
    rig.nodes(make.node("n", cpu="1"), make.node("m", cpu="1"))
    rig.see(placed(make, "a", priority=1), placed(make, "b", "m", priority=2))
    async with rig.running():
        rig.see(wanting(make, "high"))
        await settle()
        assert rig.evictor.ended == ["a"]
        rig.scheduler.node_changed(make.node("n"), None)
        await rig.wait(2)
        assert rig.evictor.ended == ["a", "b"]
        assert rig.nominated("high") == "m"


async def test_a_nomination_of_before_a_restart_is_kept(rig, make):
    rig.nodes(make.node("n", cpu="1"), make.node("m", cpu="1"))
    victim = placed(make, "a", metadata=TERMINATING)
    victim.status.conditions = [
        PodCondition(type="DisruptionTarget", status="True", reason="PreemptionByScheduler")
    ]
    rig.see(victim, placed(make, "b", "m", priority=-1))
    high = wanting(make, "high")
    high.status.nominated_node_name = "n"
    async with rig.running():
        rig.see(high)
        await rig.wait(2)
        assert rig.evictor.ended == []
        waiting = " preemption: not eligible due to a terminating pod on the nominated node."
        assert rig.conditions.reports[0][2].endswith(waiting)
        rig.see(wanting(make, "low", priority=1))
        rig.lose("a")
        await rig.wait(2)
        assert rig.binder.bound == {"high": "n"}


async def test_budgets_decide_between_nodes(rig, make):
    rig.nodes(make.node("n", cpu="1"), make.node("m", cpu="1"))
    guarded = placed(make, "a", priority=0, metadata={"labels": {"app": "x"}})
    rig.see(guarded, placed(make, "b", "m", priority=5))
    budget = convert(
        {
            "metadata": {"name": "x", "namespace": "default"},
            "spec": {"selector": {"matchLabels": {"app": "x"}}},
            "status": {"disruptionsAllowed": 0, "disruptedPods": {"gone": "2024-01-01T00:00:00Z"}},
        },
        PodDisruptionBudget,
    )
    budgets = Budgets(rig.engine, lambda namespace, name: None)
    budgets.changed(None, budget)
    async with rig.running():
        rig.see(wanting(make, "high"))
        await settle()
        assert rig.evictor.ended == ["b"], "though a is less important"
        budgets.changed(budget, None)
        rig.see(wanting(make, "higher", priority=11))
        await settle()
        assert rig.evictor.ended == ["b", "a"]


async def test_a_victim_is_ended_only_while_it_is_in_the_way(rig, make):
    rig.nodes(make.node("n", cpu="1"))
    rig.see(placed(make, "a"))
    async with rig.running():
        rig.see(wanting(make, "high"))
        await settle()
        (wanted,) = rig.evictor.wanted
        assert wanted()
        rig.lose("high")
        assert not wanted()
