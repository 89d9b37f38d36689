"""The replication controller's plans: claims, scale, ranking, status."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.api.types.workload import ReplicationControllerCondition
from dromon.controllers.replication import plan
from dromon.controllers.replication.ranking import deletion_cost, least_useful_first

NOW = 1_700_000_000.0


@pytest.fixture
def rc(make: Any) -> Any:
    rc = make.rc()
    rc.metadata.uid = "rc-uid"
    return rc


def names(pods: Any) -> list[str]:
    return [p.metadata.name for p in pods]


def test_claims(rc: Any, make: Any) -> None:
    mine, other = make.owner(rc), make.owner(rc, uid="other")
    pods = [
        make.view("owned", owner=mine),
        make.view("stray"),
        make.view("left", owner=mine, labels={"app": "y"}),
        make.view("foreign", owner=other),
        make.view("unrelated", labels={"app": "y"}),
        make.view("ended", owner=mine, phase="Failed"),
        make.view("going", deleted=NOW),
        make.view("elsewhere", namespace="other"),
    ]
    claims = plan.plan_claims(rc, pods)
    assert names(claims.owned) == ["owned"]
    assert names(claims.adopt) == ["stray"]
    assert names(claims.release) == ["left"]


def test_a_controller_that_is_deleted_neither_adopts_nor_releases_nor_scales(rc: Any, make: Any) -> None:
    rc.metadata.deletion_timestamp = "2026-01-01T00:00:00Z"
    pods = [make.view("stray"), make.view("left", owner=make.owner(rc), labels={})]
    assert plan.plan_claims(rc, pods) == plan.Claims([], [], [])
    assert plan.plan_scale(rc, []) == plan.Scale()


@pytest.mark.parametrize(
    ("replicas", "present", "create", "delete"),
    [(3, 0, 3, 0), (3, 3, 0, 0), (0, 4, 0, 4), (20_000, 0, 5000, 0), (0, 600, 0, 500), (None, 0, 1, 0)],
)
def test_scale(rc: Any, make: Any, replicas: int | None, present: int, create: int, delete: int) -> None:
    rc.spec.replicas = replicas
    scale = plan.plan_scale(rc, [make.view(f"p{i}") for i in range(present)])
    assert (scale.create, len(scale.delete)) == (create, delete)


@given(st.integers(0, 2000))
def test_slow_start_doubles_and_sums_up(count: int) -> None:
    sizes = list(plan.batches(count))
    assert sum(sizes) == count
    assert all(size == 2**i for i, size in enumerate(sizes[:-1]))


# Each pair: the first is of less use than the second.
PAIRS = [
    ({"node": ""}, {"node": "n", "ready": False}),
    ({"node": "n", "phase": "Pending"}, {"node": "n", "phase": "Unknown"}),
    ({"node": "n", "phase": "Unknown"}, {"node": "n", "phase": "Running"}),
    ({"node": "n", "ready": False}, {"node": "n", "ready": True, "since": NOW}),
    (
        {"node": "n", "annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"}},
        {"node": "n", "annotations": {}},
    ),
    ({"node": "n", "ready": True, "since": NOW}, {"node": "n", "ready": True, "since": NOW - 10}),
    ({"node": "n", "ready": True}, {"node": "n", "ready": True, "since": NOW - 10}),
    ({"node": "n", "restarts": 3}, {"node": "n", "restarts": 1}),
    ({"node": "n", "created": NOW}, {"node": "n", "created": NOW - 5}),
]


@pytest.mark.parametrize(("less", "more"), PAIRS)
def test_ranking(make: Any, less: dict[str, Any], more: dict[str, Any]) -> None:
    a, b = make.view("a", **less), make.view("b", **more)
    assert names(least_useful_first([b, a])) == ["a", "b"]
    assert names(least_useful_first([a, b])) == ["a", "b"]


def test_ranking_prefers_pods_that_share_a_node(make: Any) -> None:
    pods = [make.view("alone", node="n1"), make.view("twin1", node="n2"), make.view("twin2", node="n2")]
    assert names(least_useful_first(pods))[-1] == "alone"


@pytest.mark.parametrize(
    ("text", "cost"),
    [("7", 7), ("-7", -7), ("", 0), ("x", 0), ("1.5", 0), ("99999999999", 0), ("007", 0), ("٣", 0)],
)
def test_deletion_cost(make: Any, text: str, cost: int) -> None:
    pod = make.view(annotations={"controller.kubernetes.io/pod-deletion-cost": text})
    assert deletion_cost(pod) == cost


def test_pod_for(rc: Any) -> None:
    rc.spec.template.metadata.annotations = {"a": "b"}
    pod = plan.pod_for(rc)
    assert pod.metadata.generate_name == "rc-"
    assert pod.metadata.name == ""
    assert pod.metadata.labels == {"app": "x"}
    assert pod.metadata.annotations == {"a": "b"}
    (owner,) = pod.metadata.owner_references
    assert (owner.uid, owner.controller, owner.block_owner_deletion) == ("rc-uid", True, True)
    pod.spec.containers[0].image = "changed"
    assert rc.spec.template.spec.containers[0].image == "i"


def test_status_counts(rc: Any, make: Any) -> None:
    rc.spec.min_ready_seconds = 10
    rc.metadata.generation = 7
    rc.spec.template.metadata.labels = {"app": "x", "tier": "web"}
    both = {"app": "x", "tier": "web"}
    pods = [
        make.view("long", ready=True, since=NOW - 10, labels=both),
        make.view("short", ready=True, since=NOW - 4),
        make.view("unknown", ready=True),
        make.view("not", ready=False),
    ]
    status = plan.plan_status(rc, pods, None, NOW)
    assert msgspec.to_builtins(status) == {
        "replicas": 4,
        "fullyLabeledReplicas": 1,
        "readyReplicas": 3,
        "availableReplicas": 1,
        "observedGeneration": 7,
    }
    assert plan.next_look(rc, pods, NOW) == 6
    assert plan.next_look(rc, pods, NOW + 6) is None


def test_status_without_min_ready_seconds_is_available_at_once(rc: Any, make: Any) -> None:
    status = plan.plan_status(rc, [make.view(ready=True)], None, NOW)
    assert status.available_replicas == 1


def test_failure_condition_keeps_its_time_and_goes(rc: Any) -> None:
    failure = plan.Failure("FailedCreate", "quota")
    rc.status = plan.plan_status(rc, [], failure, NOW)
    (condition,) = rc.status.conditions
    assert (condition.type, condition.status, condition.reason) == ("ReplicaFailure", "True", "FailedCreate")
    again = plan.plan_status(rc, [], plan.Failure("FailedCreate", "more quota"), NOW + 60)
    assert again.conditions[0].last_transition_time == condition.last_transition_time
    assert again.conditions[0].message == "more quota"
    rc.status.conditions.append(ReplicationControllerCondition(type="Other", status="True"))
    assert [c.type for c in plan.plan_status(rc, [], None, NOW).conditions] == ["Other"]
