"""The garbage collector: the graph, the verdicts, and deletion of every sort."""

from __future__ import annotations

from typing import Any

import pytest

from dromon.api import kinds
from dromon.api.types.meta import OwnerReference
from dromon.controllers.garbage import plan
from dromon.controllers.garbage.controller import GarbageCollector
from dromon.controllers.garbage.graph import FOREGROUND, ORPHAN, Graph, Node
from dromon.controllers.garbage.plan import Delete, Disown, Keep, Owner


def reference(uid: str, block: bool = False) -> OwnerReference:
    return OwnerReference(api_version="v1", kind="ConfigMap", name=uid, uid=uid, block_owner_deletion=block)


def node(uid: str, *owners: str, deleting: bool = False, finalizers: tuple[str, ...] = ()) -> Node:
    return Node(
        uid=uid,
        resource=kinds.CONFIG_MAPS,
        namespace="default",
        name=uid,
        owners=tuple(reference(o, block=True) for o in owners),
        finalizers=finalizers,
        deleting=deleting,
    )


P, W, A = Owner.PRESENT, Owner.WAITING, Owner.ABSENT


@pytest.mark.parametrize(
    ("owners", "verdict"),
    [
        ({}, Keep()),
        ({"a": P}, Keep()),
        ({"a": A}, Delete("Background")),
        ({"a": W}, Delete("Background")),
        ({"a": P, "b": A}, Disown(frozenset({"b"}))),
        ({"a": P, "b": W}, Disown(frozenset({"b"}))),
        ({"a": A, "b": A}, Delete("Background")),
    ],
)
def test_verdicts(owners: dict[str, Owner], verdict: Any) -> None:
    assert plan.judge(node("x", *owners), owners, []) == verdict


def test_what_is_being_deleted_is_left_to_that() -> None:
    assert plan.judge(node("x", "a", deleting=True), {"a": A}, []) == Keep()


def test_an_object_that_blocks_takes_its_dependents_along_first() -> None:
    child = node("child", "x")
    assert plan.judge(node("x", "a"), {"a": W}, [child]) == Delete("Foreground")
    circle = node("a", "x", deleting=True, finalizers=(FOREGROUND,))
    assert plan.judge(node("x", "a"), {"a": W}, [circle]) == Delete("Foreground", unblock=True)


@pytest.mark.parametrize(("finalizer", "policy"), [(ORPHAN, "Orphan"), (FOREGROUND, "Foreground")])
def test_finalizers_say_how_to_delete(finalizer: str, policy: str) -> None:
    assert plan.judge(node("x", "a", finalizers=(finalizer,)), {"a": A}, []) == Delete(policy)


def test_graph_does_not_depend_on_the_order_of_events() -> None:
    graph = Graph()
    assert graph.put(node("child", "owner")) == {"child"}  # in doubt: the owner has not been seen
    assert graph.put(node("owner")) == set()
    assert graph.put(node("second", "owner")) == set()
    assert graph.put(node("second", "owner")) == set()
    assert graph.remove("owner") == {"child", "second"}
    assert [n.uid for n in graph.dependents("owner")] == ["child", "second"]
    graph.remove("child")
    graph.remove("second")
    assert len(graph) == 0
    assert graph.dependents("owner") == []


def test_graph_wakes_who_waits() -> None:
    graph = Graph()
    graph.put(node("owner"))
    graph.put(node("child", "owner"))
    waiting = node("owner", deleting=True, finalizers=(FOREGROUND,))
    assert graph.put(waiting) == {"owner", "child"}
    assert graph.remove("child") == {"owner"}


async def collector(world: Any) -> GarbageCollector:
    loop = GarbageCollector(world.context)
    await loop.synced()
    return loop


def names(world: Any) -> set[str]:
    return {m.metadata.name for m in world.api.all(kinds.CONFIG_MAPS)}


def owned_by(make: Any, *owners: Any, **more: Any) -> list[dict[str, Any]]:
    return [make.owner(o, "ConfigMap", **more) for o in owners]


async def test_background(world: Any, make: Any) -> None:
    loop = await collector(world)
    owner = world.api.put(make.config_map("owner"))
    child = world.api.put(make.config_map("child", owned_by(make, owner)))
    world.api.put(make.config_map("grandchild", owned_by(make, child)))
    world.api.put(make.config_map("bystander"))
    await world.settle(loop)
    assert world.api.count("get", "configmaps") == 0
    await world.api.delete(kinds.CONFIG_MAPS, "owner", "default")
    await world.settle(loop)
    assert names(world) == {"bystander"}


async def test_one_owner_of_two_is_enough(world: Any, make: Any) -> None:
    loop = await collector(world)
    first, second = world.api.put(make.config_map("first")), world.api.put(make.config_map("second"))
    world.api.put(make.config_map("child", owned_by(make, first, second)))
    await world.api.delete(kinds.CONFIG_MAPS, "first", "default")
    await world.settle(loop)
    child = world.api.one(kinds.CONFIG_MAPS, "child", "default")
    assert [o.name for o in child.metadata.owner_references] == ["second"]


async def test_absence_is_asked_not_assumed(world: Any, make: Any) -> None:
    """The owner exists, but the informer has not shown it."""
    loop = await collector(world)
    world.informers.pump()
    owner = world.api.put(make.config_map("owner"))
    world.api.put(make.config_map("child", owned_by(make, owner)))
    world.informers.gather()
    maps = world.informers.of(kinds.CONFIG_MAPS)
    maps.behind.pop(0)
    await world.settle(loop)
    assert names(world) == {"owner", "child"}
    assert world.api.count("get", "configmaps") == 1


async def test_an_owner_of_the_same_name_is_another(world: Any, make: Any) -> None:
    loop = await collector(world)
    owner = world.api.put(make.config_map("owner"))
    world.api.put(make.config_map("child", owned_by(make, owner, uid="of the one before")))
    await world.settle(loop)
    assert names(world) == {"owner"}


async def test_unknown_kinds_and_impossible_owners_delete_nothing(world: Any, make: Any) -> None:
    loop = await collector(world)
    strange = {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w", "uid": "w"}
    world.api.put(make.config_map("child", [strange]))
    await world.settle(loop)
    assert names(world) == {"child"}


async def test_foreground(world: Any, make: Any) -> None:
    loop = await collector(world)
    owner = world.api.put(make.config_map("owner"))
    world.api.put(make.config_map("child", owned_by(make, owner), finalizers=["example.com/hold"]))
    world.api.put(make.config_map("loose", owned_by(make, owner, blockOwnerDeletion=False)))
    await world.settle(loop)
    await world.api.delete(kinds.CONFIG_MAPS, "owner", "default", propagation="Foreground")
    await world.settle(loop)
    assert names(world) == {"owner", "child"}  # the owner waits for the child, the child for its finalizer
    patch = {"metadata": {"finalizers": []}}
    await world.api.patch(kinds.CONFIG_MAPS, "child", "default", patch, kind="merge")
    await world.settle(loop)
    assert names(world) == set()


async def test_orphan(world: Any, make: Any) -> None:
    loop = await collector(world)
    owner = world.api.put(make.config_map("owner"))
    world.api.put(make.config_map("child", owned_by(make, owner)))
    await world.settle(loop)
    await world.api.delete(kinds.CONFIG_MAPS, "owner", "default", propagation="Orphan")
    await world.settle(loop)
    assert names(world) == {"child"}
    assert not world.api.one(kinds.CONFIG_MAPS, "child", "default").metadata.owner_references


async def test_circle_in_the_foreground_ends(world: Any, make: Any) -> None:
    loop = await collector(world)
    a = make.config_map("a", uid="a")
    b = make.config_map("b", uid="b")
    a.metadata.owner_references = [reference("b", block=True)]
    b.metadata.owner_references = [reference("a", block=True)]
    world.api.put(a)
    world.api.put(b)
    await world.settle(loop)
    await world.api.delete(kinds.CONFIG_MAPS, "a", "default", propagation="Foreground")
    await world.settle(loop, 5)
    assert names(world) == set()


async def test_a_change_meanwhile_is_judged_anew(world: Any, make: Any) -> None:
    """The child found a new owner, which the informer has not shown: the deletion's precondition saves it."""
    loop = await collector(world)
    owner, other = world.api.put(make.config_map("owner")), world.api.put(make.config_map("other"))
    world.api.put(make.config_map("child", owned_by(make, owner)))
    await world.settle(loop)
    await world.api.delete(kinds.CONFIG_MAPS, "owner", "default")
    world.informers.pump()
    world.api.put(make.config_map("child", owned_by(make, other)))
    await world.work(loop)
    assert names(world) == {"other", "child"}
    await world.settle(loop)
    assert names(world) == {"other", "child"}


async def test_kinds_that_are_no_longer_served_are_forgotten(world: Any, make: Any) -> None:
    from dromon.controllers.discovery import Discovered, discover

    loop = await collector(world)
    world.api.put(make.config_map("x"))
    await world.settle(loop)
    assert len(loop.graph) == 1
    found = await discover(world.api)
    assert not found.failures
    without = [r for r in found.resources if r.plural != "configmaps"]
    loop.take_up(Discovered(without, ["example.com/v1: unavailable"]))
    assert len(loop.graph) == 1  # maybe it was only that group that could not be asked
    loop.take_up(Discovered(without))
    assert len(loop.graph) == 0
    assert world.informers.dropped == ["configmaps"]
