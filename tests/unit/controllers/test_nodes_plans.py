"""Nodes: the pure parts - silence, taints, tolerations, zones, subnets."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.api.types.affinity import Taint, Toleration
from dromon.controllers.nodes import health, taints, zones
from dromon.controllers.nodes.cidrs import Subnets
from dromon.controllers.nodes.zones import Rates, Zone, ZoneState

NOW = 1_700_000_000.0


def test_silence(make: Any) -> None:
    posted, fresh = make.node_view(ready="True"), make.node_view()
    assert health.silence(posted, 100, 139, 40, 60) == 1
    assert health.silence(posted, 100, 140, 40, 60) == 0
    assert health.silence(fresh, 100, 140, 40, 60) == 20


def test_lost_conditions(make: Any) -> None:
    node = make.node_view(ready="True", conditions={"MemoryPressure": "False"}, heartbeat=NOW - 50)
    lost = {c.type: c for c in health.lost_conditions(node, NOW)}
    assert set(lost) == {"Ready", "MemoryPressure", "DiskPressure", "PIDPressure"}
    assert all(c.status == "Unknown" for c in lost.values())
    assert (lost["Ready"].reason, lost["Ready"].message) == (
        "NodeStatusUnknown",
        "Kubelet stopped posting node status.",
    )
    assert lost["Ready"].last_heartbeat_time == "2023-11-14T22:12:30Z"
    assert lost["DiskPressure"].reason == "NodeStatusNeverUpdated"
    known = dict.fromkeys(health.WATCHED, "Unknown")
    assert health.lost_conditions(make.node_view(conditions=known), NOW) == []


def shape(found: list[Taint] | None) -> set[tuple[str, str]] | None:
    return None if found is None else {(t.key.removeprefix("node.kubernetes.io/"), t.effect) for t in found}


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"ready": "True"}, None),
        ({}, None),
        ({"ready": "False"}, {("not-ready", "NoSchedule"), ("not-ready", "NoExecute")}),
        ({"ready": "Unknown"}, {("unreachable", "NoSchedule"), ("unreachable", "NoExecute")}),
        (
            {"ready": "True", "conditions": {"MemoryPressure": "True", "DiskPressure": "False"}},
            {("memory-pressure", "NoSchedule")},
        ),
        ({"ready": "True", "conditions": {"DiskPressure": "True"}}, {("disk-pressure", "NoSchedule")}),
        ({"ready": "True", "conditions": {"PIDPressure": "True"}}, {("pid-pressure", "NoSchedule")}),
        (
            {"ready": "True", "conditions": {"NetworkUnavailable": "True"}},
            {("network-unavailable", "NoSchedule")},
        ),
        ({"ready": "True", "unschedulable": True}, {("unschedulable", "NoSchedule")}),
    ],
)
def test_taints(make: Any, parts: Any, expected: Any) -> None:
    node = make.node_view(**parts)
    planned = taints.plan_taints(node, NOW, execute=True)
    assert shape(planned) == expected
    if planned is not None:
        assert all(t.time_added == "2023-11-14T22:13:20Z" for t in planned)
        settled = make.node_view(**parts, taints=msgspec.to_builtins(planned))
        assert taints.plan_taints(settled, NOW + 5, execute=True) is None


def test_taints_of_others_stay_and_ours_go(make: Any) -> None:
    theirs = {"key": "dedicated", "effect": "NoExecute"}
    ours = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    cordoned = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    node = make.node_view(ready="True", taints=[theirs, ours, cordoned])
    assert shape(taints.plan_taints(node, NOW, execute=False)) == {("dedicated", "NoExecute")}


def test_without_permission_nobody_is_driven_away(make: Any) -> None:
    node = make.node_view(ready="Unknown")
    assert shape(taints.plan_taints(node, NOW, execute=False)) == {("unreachable", "NoSchedule")}


def test_a_reason_that_changes_needs_no_new_permission(make: Any) -> None:
    before = {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}
    node = make.node_view(ready="Unknown", taints=[before])
    assert shape(taints.plan_taints(node, NOW, execute=False)) == {
        ("unreachable", "NoSchedule"),
        ("unreachable", "NoExecute"),
    }
    assert shape(taints.without_execute(node)) == set()
    assert taints.without_execute(make.node_view()) is None


@pytest.mark.parametrize(
    ("toleration", "yes"),
    [
        (Toleration(operator="Exists"), True),
        (Toleration(key="k", operator="Exists"), True),
        (Toleration(key="k", operator="Exists", effect="NoSchedule"), False),
        (Toleration(key="other", operator="Exists"), False),
        (Toleration(key="k", value="v"), True),
        (Toleration(key="k", operator="Equal", value="w"), False),
        (Toleration(), False),
    ],
)
def test_tolerates(toleration: Toleration, yes: bool) -> None:
    assert taints.tolerates(toleration, Taint(key="k", value="v", effect="NoExecute")) is yes


@pytest.mark.parametrize(
    ("effects", "seconds", "expected"),
    [
        ([], [], None),
        (["NoSchedule"], [], None),
        (["NoExecute"], [], 0.0),
        (["NoExecute"], [None], None),
        (["NoExecute"], [300], 300.0),
        (["NoExecute"], [300, 10, None], 10.0),
        (["NoExecute"], [-5], 0.0),
    ],
)
def test_tolerated_for(effects: list[str], seconds: list[int | None], expected: float | None) -> None:
    found = [Taint(key="k", effect=e) for e in effects]
    bears = [Toleration(key="k", operator="Exists", toleration_seconds=s) for s in seconds]
    assert taints.tolerated_for(found, bears) == expected


def test_one_taint_that_is_not_borne_is_enough() -> None:
    found = [Taint(key="k", effect="NoExecute"), Taint(key="l", effect="NoExecute")]
    assert taints.tolerated_for(found, [Toleration(key="k", operator="Exists")]) == 0.0


@pytest.mark.parametrize(
    ("ready", "lost", "state"),
    [
        (3, 0, ZoneState.NORMAL),
        (0, 0, ZoneState.NORMAL),
        (0, 1, ZoneState.FULL),
        (1, 2, ZoneState.NORMAL),
        (2, 3, ZoneState.PARTIAL),
        (3, 3, ZoneState.NORMAL),
    ],
)
def test_zone_states(ready: int, lost: int, state: ZoneState) -> None:
    assert Zone(ready, lost).state(0.55) is state


def test_rates() -> None:
    rates = Rates()
    counted = {"normal": Zone(2, 1), "full": Zone(0, 5), "small": Zone(2, 8), "large": Zone(20, 80)}
    assert {z: zones.rate(z, counted, rates) for z in counted} == {
        "normal": 0.1,
        "full": 0.1,
        "small": 0.0,
        "large": 0.01,
    }
    assert zones.rate("full", {"full": Zone(0, 5)}, rates) == 0.0
    assert zones.all_lost({"a": Zone(0, 5), "b": Zone(0, 1)}, rates)


def test_subnets_as_on_the_slides() -> None:
    books = Subnets("10.1.0.0/16", 24)
    assert [books.take(f"n{i}") for i in range(3)] == ["10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24"]
    books.release("10.1.2.0/24", "n1")
    assert books.take("n4") == "10.1.2.0/24"
    assert [books.take(f"m{i}") for i in range(253)][-1] == "10.1.0.0/24"
    assert books.take("one too many") is None


def test_subnets_respect_what_is_there() -> None:
    books = Subnets("10.1.0.0/22", 24)
    assert books.occupy("10.1.1.0/24", "a")
    assert not books.occupy("10.1.1.0/24", "b")
    assert books.occupy("10.1.2.0/23", "wide")
    assert books.occupy("192.168.0.0/24", "foreign")
    assert books.take("c") == "10.1.0.0/24"
    assert books.take("d") is None
    books.release("10.1.1.0/24", "a")
    assert books.take("d") is None  # b still has it
    books.release("10.1.1.0/24", "b")
    assert books.take("d") == "10.1.1.0/24"


@pytest.mark.parametrize(
    ("network", "prefix"), [("10.1.0.0/16", 8), ("10.1.0.0/16", 33), ("10.1.0.1/16", 24)]
)
def test_networks_that_cannot_be_divided(network: str, prefix: int) -> None:
    with pytest.raises(ValueError):
        Subnets(network, prefix)


def test_a_network_of_one_subnet() -> None:
    assert Subnets("10.1.5.0/24", 24).take("n") == "10.1.5.0/24"
    assert Subnets("fd00::/48", 64).take("n") == "fd00:0:0:1::/64"


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60))
def test_no_subnet_is_given_twice(steps: list[tuple[bool, int]]) -> None:
    books = Subnets("10.1.0.0/21", 24)
    held: dict[str, str] = {}
    for take, who in steps:
        name = f"n{who}"
        if take and name not in held:
            subnet = books.take(name)
            if subnet is not None:
                assert subnet not in held.values()
                assert ip_network(subnet).subnet_of(ip_network("10.1.0.0/21"))
                held[name] = subnet
            else:
                assert len(held) == 8
        elif not take and name in held:
            books.release(held.pop(name), name)
