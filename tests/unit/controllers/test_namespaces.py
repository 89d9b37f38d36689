"""Namespaces: what is in them, conditions, finalization; accounts and CA in each."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from dromon.api import errors, kinds, times
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace, NamespaceSpec, NamespaceStatus
from dromon.controllers.namespaces import plan
from dromon.controllers.namespaces.controller import NamespaceController
from dromon.controllers.root_ca import NAME, RootCAController, plan_root_ca
from dromon.controllers.serviceaccounts import ServiceAccountsController, plan_accounts

NOW = 1_700_000_000.0


def namespace(
    name: str = "play", *, going: bool = False, finalizers: tuple[str, ...] = ("kubernetes",)
) -> Namespace:
    meta = ObjectMeta(name=name, deletion_timestamp=times.format(NOW) if going else None)
    status = NamespaceStatus(phase="Terminating" if going else "Active")
    return Namespace(metadata=meta, spec=NamespaceSpec(finalizers=list(finalizers)), status=status)


def test_conditions_when_all_is_well() -> None:
    conditions = plan.plan_conditions([], plan.Content(), NOW)
    assert [c.status for c in conditions] == ["False"] * 5
    assert plan.plan_conditions(conditions, plan.Content(), NOW + 9) == conditions


def test_conditions_tell_what_is_in_the_way() -> None:
    content = plan.Content(
        remaining=Counter({"pods.": 2}),
        finalizers=Counter({"example.com/hold": 1}),
        failures=["secrets.: forbidden"],
        undiscovered=["metrics/v1: unavailable"],
    )
    conditions = {c.type: c for c in plan.plan_conditions([], content, NOW)}
    assert conditions["NamespaceContentRemaining"].status == "True"
    assert "pods. has 2 resource instances" in conditions["NamespaceContentRemaining"].message
    assert "example.com/hold in 1" in conditions["NamespaceFinalizersRemaining"].message
    assert "secrets.: forbidden" in conditions["NamespaceDeletionContentFailure"].message
    assert "metrics/v1" in conditions["NamespaceDeletionDiscoveryFailure"].message
    assert conditions["NamespaceDeletionGroupVersionParsingFailure"].status == "False"
    assert not content.empty


def test_other_finalizers_stay() -> None:
    left = plan.finalized(namespace(finalizers=("kubernetes", "example.com/x")))
    assert left.spec.finalizers == ["example.com/x"]
    assert not plan.is_due(left)


async def test_empties_and_finalizes(world: Any, make: Any) -> None:
    loop = NamespaceController(world.context)
    world.api.put(namespace())
    world.api.put(make.config_map("a", namespace="play"))
    world.api.put(make.pod("p", namespace="play"))
    world.api.put(make.pod("elsewhere"))
    await world.settle(loop)
    assert not [c for c in world.api.calls if c[0] != "get"]
    world.api.put(namespace(going=True))
    await world.settle(loop, 2)
    assert world.api.one(kinds.NAMESPACES, "play") is None
    assert not world.api.all(kinds.CONFIG_MAPS, "play")
    assert [p.metadata.name for p in world.api.all(kinds.PODS)] == ["elsewhere"]


async def test_waits_for_pods_that_end_gracefully(world: Any, make: Any) -> None:
    loop = NamespaceController(world.context)
    world.api.put(namespace(going=True))
    world.api.put(make.pod("p", namespace="play", node="n1"))
    await world.settle(loop, 3)
    waiting = world.api.one(kinds.NAMESPACES, "play")
    assert waiting is not None
    remaining = next(c for c in waiting.status.conditions if c.type == "NamespaceContentRemaining")
    assert remaining.message == "Some resources are remaining: pods. has 1 resource instances"
    assert world.api.one(kinds.PODS, "p", "play").metadata.deletion_timestamp is not None
    world.api.drop(kinds.PODS, "p", "play")
    await world.settle(loop, 1)
    assert world.api.one(kinds.NAMESPACES, "play") is None


async def test_failures_show_and_are_tried_again(world: Any, make: Any) -> None:
    refused = errors.forbidden("configmaps", "", "", "not yours")
    world.api.fail = lambda verb, plural, name: (
        refused if (verb, plural) == ("deletecollection", "configmaps") else None
    )
    loop = NamespaceController(world.context)
    world.api.put(namespace(going=True))
    world.api.put(make.config_map("a", namespace="play"))
    await world.settle(loop, 2)
    stuck = world.api.one(kinds.NAMESPACES, "play")
    failure = next(c for c in stuck.status.conditions if c.type == "NamespaceDeletionContentFailure")
    assert failure.status == "True"
    assert "not yours" in failure.message
    world.api.fail = lambda verb, plural, name: None
    await world.settle(loop, 10)
    assert world.api.one(kinds.NAMESPACES, "play") is None


async def test_a_cache_that_is_behind_deletes_nothing(world: Any, make: Any) -> None:
    """The namespace was deleted and made anew; the informer still shows the old one."""
    loop = NamespaceController(world.context)
    world.api.put(namespace(going=True))
    world.informers.pump()
    world.api.put(namespace())
    world.api.put(make.config_map("a", namespace="play"))
    await world.clock.advance(1)
    await world.work(loop)
    assert len(world.api.all(kinds.CONFIG_MAPS, "play")) == 1


def test_accounts() -> None:
    assert [a.metadata.name for a in plan_accounts(namespace(), set())] == ["default"]
    assert plan_accounts(namespace(), {"default"}) == []
    assert plan_accounts(namespace(going=True), set()) == []


async def test_accounts_are_made_once_and_again(world: Any) -> None:
    loop = ServiceAccountsController(world.context)
    world.api.put(namespace())
    await world.settle(loop)
    assert world.api.count("create", "serviceaccounts") == 1
    world.api.drop(kinds.SERVICE_ACCOUNTS, "default", "play")
    await world.settle(loop)
    assert world.api.one(kinds.SERVICE_ACCOUNTS, "default", "play") is not None


def test_root_ca_plan(make: Any) -> None:
    made = plan_root_ca(namespace(), None, "PEM")
    assert made is not None
    assert made.data == {"ca.crt": "PEM"}
    assert plan_root_ca(namespace(), made, "PEM") is None
    changed = plan_root_ca(namespace(), made, "NEW")
    assert changed is not None
    assert changed.data == {"ca.crt": "NEW"}
    assert plan_root_ca(namespace(going=True), None, "PEM") is None


@pytest.fixture
def ca_world(make_world: Any, tmp_path: Any) -> Any:
    from dromon.controllers.config import ControllerManagerConfig

    file = tmp_path / "ca.crt"
    file.write_text("PEM")
    return make_world(config=ControllerManagerConfig(kubeconfig="", root_ca_file=str(file)))


async def test_root_ca_is_published_and_mended(ca_world: Any, make: Any) -> None:
    world = ca_world
    loop = RootCAController(world.context)
    world.api.put(namespace())
    world.api.put(make.config_map("other", namespace="play"))
    await world.settle(loop)
    published = world.api.one(kinds.CONFIG_MAPS, NAME, "play")
    assert published.data == {"ca.crt": "PEM"}
    published.data = {"ca.crt": "forged"}
    world.api.put(published)
    await world.settle(loop)
    assert world.api.one(kinds.CONFIG_MAPS, NAME, "play").data == {"ca.crt": "PEM"}
    world.api.drop(kinds.CONFIG_MAPS, NAME, "play")
    await world.settle(loop)
    assert world.api.one(kinds.CONFIG_MAPS, NAME, "play") is not None
