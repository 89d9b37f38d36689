"""EndpointSlices: contents, and how few of them are written."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dromon.api import kinds
from dromon.api.types.discovery import EndpointSlice
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import ServicePort
from dromon.controllers.services import slices_plan as plan
from dromon.controllers.services.slices import SlicesController


def ips(slices: Any) -> list[list[str]]:
    return [[e.addresses[0] for e in s.endpoints] for s in slices]


def carry_out(current: list[Any], todo: plan.Plan, serial: list[int]) -> list[Any]:
    """The slices after a plan."""
    gone = {s.metadata.name for s in todo.delete}
    changed = {s.metadata.name: s for s in todo.update}
    result = [changed.get(s.metadata.name, s) for s in current if s.metadata.name not in gone]
    for made in todo.create:
        serial[0] += 1
        made.metadata.name = f"{made.metadata.generate_name}{serial[0]}"
        result.append(made)
    return result


def test_contents(make: Any) -> None:
    pods = [
        make.view("a", ip="10.1.0.2", ready=True, node="n1"),
        make.view("b", ip="10.1.0.3", ready=False, node="n2", hostname="h", subdomain="svc"),
        make.view("c", ip="10.1.0.4", ready=True, deleted=1),
    ]
    todo = plan.plan_slices(make.service(), pods, [], {"n1": "west"})
    (slice_,) = todo.create
    assert slice_.metadata.labels == {
        "kubernetes.io/service-name": "svc",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    (owner,) = slice_.metadata.owner_references
    assert (owner.kind, owner.uid, owner.controller, owner.block_owner_deletion) == (
        "Service",
        "svc-uid",
        True,
        True,
    )
    assert slice_.metadata.generate_name == "svc-"
    assert slice_.address_type == "IPv4"
    assert [(p.name, p.port, p.protocol) for p in slice_.ports] == [("", 8080, "TCP")]
    conditions = [
        (e.conditions.ready, e.conditions.serving, e.conditions.terminating) for e in slice_.endpoints
    ]
    assert conditions == [(True, True, False), (False, False, False), (False, True, True)]
    assert [(e.node_name, e.zone, e.hostname) for e in slice_.endpoints] == [
        ("n1", "west", None),
        ("n2", None, "h"),
        (None, None, None),
    ]
    assert slice_.endpoints[0].target_ref.name == "a"


def test_publish_not_ready_is_ready_always(make: Any) -> None:
    service = make.service(publish_not_ready_addresses=True)
    (slice_,) = plan.plan_slices(service, [make.view(ip="10.1.0.2", ready=False, deleted=1)], [], {}).create
    assert slice_.endpoints[0].conditions.ready is True
    assert slice_.endpoints[0].conditions.serving is False


def test_a_service_without_pods_has_an_empty_slice(make: Any) -> None:
    todo = plan.plan_slices(make.service(), [], [], {})
    assert ips(todo.create) == [[]]
    current = carry_out([], todo, [0])
    assert plan.plan_slices(make.service(), [], current, {}) == plan.Plan()
    # The first pod turns it into a real one, in place.
    todo = plan.plan_slices(make.service(), [make.view(ip="10.1.0.2", ready=True)], current, {})
    assert (len(todo.create), ips(todo.update), len(todo.delete)) == (0, [["10.1.0.2"]], 0)
    assert todo.update[0].ports[0].port == 8080
    # And the last one leaves it there.
    current = carry_out(current, todo, [1])
    todo = plan.plan_slices(make.service(), [], current, {})
    assert (len(todo.create), ips(todo.update), len(todo.delete)) == (0, [[]], 0)


def test_headless_without_ports(make: Any) -> None:
    service = make.service(cluster_ip="None", ports=[])
    (slice_,) = plan.plan_slices(service, [make.view(ip="10.1.0.2", ready=True)], [], {}).create
    assert slice_.ports == []
    assert slice_.metadata.labels["service.kubernetes.io/headless"] == ""


def test_both_families(make: Any) -> None:
    service = make.service(ip_families=["IPv4", "IPv6"])
    pod = make.view(ready=True, ip="10.1.0.2", ips=["10.1.0.2", "fd00::2"])
    made = plan.plan_slices(service, [pod], [], {}).create
    assert {s.address_type: s.endpoints[0].addresses for s in made} == {
        "IPv4": ["10.1.0.2"],
        "IPv6": ["fd00::2"],
    }


def test_named_ports_split_slices(make: Any) -> None:
    service = make.service(ports=[ServicePort(port=80, target_port="http")])
    pods = [
        make.view("a", ip="10.1.0.2", ready=True, ports=[{"name": "http", "containerPort": 80}]),
        make.view("b", ip="10.1.0.3", ready=True, ports=[{"name": "http", "containerPort": 81}]),
    ]
    made = plan.plan_slices(service, pods, [], {}).create
    assert {s.ports[0].port: ips([s])[0] for s in made} == {80: ["10.1.0.2"], 81: ["10.1.0.3"]}


def test_hundred_a_slice_and_one_change_one_write(make: Any) -> None:
    pods = [make.view(f"p{i}", ip=f"10.1.{i // 200}.{i % 200}", ready=True) for i in range(250)]
    serial = [0]
    current = carry_out([], plan.plan_slices(make.service(), pods, [], {}), serial)
    assert [len(s.endpoints) for s in current] == [100, 100, 50]
    pods[7] = make.view("p7", ip="10.1.0.7", ready=False)
    todo = plan.plan_slices(make.service(), pods, current, {})
    assert (len(todo.create), len(todo.update), len(todo.delete)) == (0, 1, 0)
    current = carry_out(current, todo, serial)
    # One goes and one comes: the slice that lost one takes the other.
    del pods[7]
    pods.append(make.view("new", ip="10.9.9.9", ready=True))
    todo = plan.plan_slices(make.service(), pods, current, {})
    assert (len(todo.create), len(todo.update), len(todo.delete)) == (0, 1, 0)
    current = carry_out(current, todo, serial)
    # One more finds room in the slice that has some.
    pods.append(make.view("more", ip="10.9.9.10", ready=True))
    todo = plan.plan_slices(make.service(), pods, current, {})
    assert [len(s.endpoints) for s in todo.update] == [51]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.integers(0, 30)), min_size=1, max_size=6), st.integers(1, 7))
def test_slices_show_exactly_the_members(make: Any, rounds: list[set[int]], limit: int) -> None:
    """Whatever came before: every member once, no slice too full, none empty beside others, then rest."""
    current: list[Any] = []
    serial = [0]
    for members in rounds:
        pods = [make.view(f"p{i}", ip=f"10.1.0.{i}", ready=i % 2 == 0) for i in sorted(members)]
        todo = plan.plan_slices(make.service(), pods, current, {}, limit)
        current = carry_out(current, todo, serial)
        shown = [e.target_ref.name for s in current for e in s.endpoints]
        assert sorted(shown) == sorted(p.metadata.name for p in pods)
        assert all(len(s.endpoints) <= limit for s in current)
        assert len(current) == 1 or all(s.endpoints for s in current)
        assert plan.plan_slices(make.service(), pods, current, {}, limit) == plan.Plan()


async def test_at_work(world: Any, make: Any) -> None:
    loop = SlicesController(world.context)
    world.api.put(make.service())
    world.api.put(make.node("n1", labels={"topology.kubernetes.io/zone": "west"}))
    for i in range(3):
        world.api.put(make.pod(f"p{i}", ip=f"10.1.0.{i + 2}", ready=True, node="n1"))
    world.informers.pump()
    await world.work(loop)
    # Not seen yet: looked at again, no second slice.
    loop.queue.add(("default", "svc"))
    await world.work(loop)
    assert len(world.api.all(kinds.ENDPOINT_SLICES)) == 1
    await world.settle(loop)
    (slice_,) = world.api.all(kinds.ENDPOINT_SLICES)
    assert {e.zone for e in slice_.endpoints} == {"west"}
    world.api.drop(kinds.PODS, "p1", "default")
    await world.settle(loop)
    (slice_,) = world.api.all(kinds.ENDPOINT_SLICES)
    assert sorted(ips([slice_])[0]) == ["10.1.0.2", "10.1.0.4"]
    world.api.drop(kinds.ENDPOINT_SLICES, slice_.metadata.name, "default")
    await world.settle(loop)
    assert len(world.api.all(kinds.ENDPOINT_SLICES)) == 1


async def test_slices_of_others_are_left_alone(world: Any, make: Any) -> None:
    labels = {"kubernetes.io/service-name": "svc", "endpointslice.kubernetes.io/managed-by": "somebody"}
    theirs = EndpointSlice(metadata=ObjectMeta(name="theirs", namespace="default", labels=labels))
    world.api.put(theirs)
    world.api.put(make.service())
    loop = SlicesController(world.context)
    await world.settle(loop)
    assert len(world.api.all(kinds.ENDPOINT_SLICES)) == 2
    assert world.api.count("update", "endpointslices") == world.api.count("delete", "endpointslices") == 0
