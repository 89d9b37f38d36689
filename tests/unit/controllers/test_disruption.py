"""Disruption budgets: counts as documented, and nothing let go that was let go already."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.api import kinds, times
from dromon.api.types.policy import PodDisruptionBudget
from dromon.controllers import views
from dromon.controllers.disruption import plan
from dromon.controllers.disruption.controller import DisruptionController


def budget(**spec: Any) -> PodDisruptionBudget:
    meta = {"name": "b", "namespace": "default", "generation": 1}
    given = {"selector": {"matchLabels": {"app": "x"}}, **spec}
    return msgspec.convert({"metadata": meta, "spec": given}, PodDisruptionBudget)


def pods(healthy: int, sick: int = 0) -> list[views.PodView]:
    made = []
    for i in range(healthy + sick):
        ready = {"type": "Ready", "status": "True" if i < healthy else "False"}
        plain = {"metadata": {"name": f"p{i}", "namespace": "default"}, "status": {"conditions": [ready]}}
        made.append(msgspec.convert(plain, views.PodView))
    return made


@pytest.mark.parametrize(
    ("spec", "healthy", "wanted", "desired", "allowed"),
    [
        ({"minAvailable": 2}, 3, None, 2, 1),
        ({"minAvailable": 2}, 2, None, 2, 0),
        ({"minAvailable": 5}, 3, None, 5, 0),
        ({"minAvailable": "50%"}, 7, 7, 4, 3),
        ({"minAvailable": "100%"}, 3, 3, 3, 0),
        ({"maxUnavailable": 1}, 3, 3, 2, 1),
        ({"maxUnavailable": 1}, 2, 3, 2, 0),
        ({"maxUnavailable": "30%"}, 10, 10, 7, 3),
        ({"maxUnavailable": "1%"}, 10, 10, 9, 1),
        ({"maxUnavailable": 0}, 3, 3, 3, 0),
        ({}, 3, None, 0, 3),
        ({"minAvailable": 0}, 0, None, 0, 0),
    ],
)
def test_counts(spec: Any, healthy: int, wanted: int | None, desired: int, allowed: int) -> None:
    status = plan.plan_status(budget(**spec), pods(healthy), wanted, 1000.0)
    assert (status.desired_healthy, status.disruptions_allowed) == (desired, allowed)
    (condition,) = status.conditions
    assert condition.status == ("True" if allowed else "False")


@given(st.integers(0, 20), st.integers(0, 20), st.one_of(st.integers(0, 20), st.integers(0, 100)))
def test_letting_go_what_is_allowed_leaves_what_is_desired(healthy: int, sick: int, share: int) -> None:
    status = plan.plan_status(budget(minAvailable=f"{share}%"), pods(healthy, sick), healthy + sick, 0.0)
    assert status.current_healthy - status.disruptions_allowed >= min(status.desired_healthy, healthy)


def test_an_eviction_let_through_counts_until_its_pod_goes() -> None:
    pdb = budget(minAvailable=1)
    pdb.status.disrupted_pods = {"p0": times.format(1000.0), "gone": times.format(1000.0)}
    status = plan.plan_status(pdb, pods(3), None, 1001.0)
    assert status.disrupted_pods == {"p0": times.format(1000.0)}
    assert (status.current_healthy, status.disruptions_allowed) == (2, 1)
    assert plan.next_look(status.disrupted_pods, 1001.0) == pytest.approx(119.0)
    late = plan.plan_status(pdb, pods(3), None, 1000.0 + plan.LET_THROUGH)
    assert (late.disrupted_pods, late.disruptions_allowed) == ({}, 2)


async def test_the_size_comes_from_the_owner(world: Any, make: Any) -> None:
    loop = DisruptionController(world.context)
    rc = world.api.put(make.rc(replicas=5))
    for i in range(4):
        world.api.put(make.pod(f"p{i}", owner=make.owner(rc), ready=True))
    world.api.put(budget(maxUnavailable=2))
    await world.settle(loop)
    status = world.api.one(kinds.POD_DISRUPTION_BUDGETS, "b", "default").status
    assert (status.expected_pods, status.desired_healthy, status.current_healthy) == (5, 3, 4)
    assert status.disruptions_allowed == 1
    world.api.drop(kinds.PODS, "p0", "default")
    await world.settle(loop)
    assert world.api.one(kinds.POD_DISRUPTION_BUDGETS, "b", "default").status.disruptions_allowed == 0


async def test_pods_of_nobody_can_t_be_shared_out(world: Any, make: Any) -> None:
    loop = DisruptionController(world.context)
    world.api.put(make.pod("p", ready=True))
    world.api.put(budget(maxUnavailable=1))
    await world.settle(loop)
    (condition,) = world.api.one(kinds.POD_DISRUPTION_BUDGETS, "b", "default").status.conditions
    assert (condition.status, condition.reason) == ("False", "SyncFailed")
