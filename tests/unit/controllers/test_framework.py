"""What all loops share: the manager's table, reconciliation with back-off, expectations, discovery, views."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import msgspec
import pytest

from dromon.api import errors, kinds
from dromon.base.http.client import ClientResponse
from dromon.base.http.messages import Headers
from dromon.controllers import manager, views
from dromon.controllers.config import ControllerManagerConfig
from dromon.controllers.controller import Controller, each
from dromon.controllers.discovery import discover
from dromon.controllers.expectations import Expectations
from dromon.testing.clock import FakeClock, settle


class Counting(Controller[str]):
    name: ClassVar[str] = "counting"
    workers: ClassVar[int] = 2

    def __init__(self, context: Any) -> None:
        super().__init__(context)
        self.seen: list[str] = []
        self.errors: list[Exception] = []
        self.gate: asyncio.Event | None = None

    async def reconcile(self, key: str) -> None:
        self.seen.append(key)
        if self.errors:
            raise self.errors.pop(0)
        if self.gate is not None:
            await self.gate.wait()


async def test_a_failure_is_tried_again_later(world: Any) -> None:
    loop = Counting(world.context)
    loop.errors = [ValueError("a bug"), errors.conflict("pods", "", "p"), errors.unavailable("away")]
    task = asyncio.create_task(loop.run())
    loop.queue.add("x")
    await settle()
    assert loop.ready.is_set()
    assert loop.seen == ["x"]
    for tries, seconds in ((2, 0.006), (3, 0.011), (4, 0.021)):
        await world.clock.advance(seconds)
        assert loop.seen == ["x"] * tries
    await world.clock.advance(100)
    assert len(loop.seen) == 4
    assert loop.queue.failures("x") == 0
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_workers_end_when_the_queue_is_shut_down(world: Any) -> None:
    loop = Counting(world.context)
    task = asyncio.create_task(loop.run())
    await settle()
    loop.queue.add("x")
    loop.queue.shut_down()
    await asyncio.wait_for(task, 1)
    assert loop.seen == ["x"]


async def test_one_key_has_one_worker_and_changes_coalesce(world: Any) -> None:
    loop = Counting(world.context)
    loop.gate = asyncio.Event()
    task = asyncio.create_task(loop.run())
    loop.queue.add("x")
    await settle()
    for _ in range(10):
        loop.queue.add("x")
    await settle()
    assert loop.seen == ["x"]
    loop.gate.set()
    await settle()
    assert loop.seen == ["x", "x"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_each_runs_all_within_its_limit() -> None:
    running = most = 0
    done: list[int] = []

    async def act(item: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        if item % 4 == 0:
            raise ValueError(item)
        done.append(item)

    found = await each(list(range(20)), act, limit=3)
    assert most == 3
    assert len(done) == 15
    assert len(found) == 5
    assert await each([], act) == []


def test_choose() -> None:
    every = manager.choose(["*"])
    assert every == list(manager.CONTROLLERS)
    assert len(set(manager.names())) == len(every)
    assert [c.name for c in manager.choose(["podgc", "endpoints"])] == ["endpoints", "podgc"]
    assert "podgc" not in {c.name for c in manager.choose(["*", "-podgc"])}
    assert manager.choose(["-podgc"]) == []
    with pytest.raises(ValueError, match="no such controller: cronjob"):
        manager.choose(["*", "-cronjob"])


def test_idle_controllers_say_why() -> None:
    from dromon.controllers.nodes.ipam import NodeIpam
    from dromon.controllers.root_ca import RootCAController

    config = ControllerManagerConfig(kubeconfig="", pod_cidr="")
    assert manager.idle(NodeIpam, config)
    assert manager.idle(RootCAController, config)
    assert not manager.idle(manager.CONTROLLERS[0], config)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"pod_cidr": "10.1.0.1/16"}, "pod_cidr: 10.1.0.1/16 has host bits set"),
        ({"pod_cidr": "10.1.0.0/16", "node_cidr_mask": 8}, "node_cidr_mask"),
        ({"node_monitor_grace": 0.0}, "node_monitor_grace must be more than 0"),
        ({"node_eviction_rate": -1.0}, "node_eviction_rate must not be negative"),
        ({"unhealthy_zone_threshold": 1.5}, "unhealthy_zone_threshold"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ControllerManagerConfig(kubeconfig="", **settings)


async def test_manager_makes_every_controller(world: Any) -> None:
    config = ControllerManagerConfig(kubeconfig="", root_ca_file="ca.crt")
    made = manager.Manager(config, world.api, world.clock, world.informers)
    assert [c.name for c in made.controllers] == manager.names()


def test_expectations() -> None:
    clock = FakeClock()
    book = Expectations(clock)
    assert book.satisfied("rc")
    book.creating("rc", 3)
    assert not book.satisfied("rc")
    book.saw_creation("rc", "early")
    book.created("rc", "early")
    book.created("rc", "late")
    book.not_created("rc")
    assert not book.satisfied("rc")
    book.saw_creation("rc", "late")
    book.saw_creation("rc", "late")
    assert book.satisfied("rc")
    book.deleting("rc", ["a", "b"])
    book.saw_deletion("rc", "a")
    book.not_deleted("rc", "b")
    assert book.satisfied("rc")


async def test_expectations_are_given_up() -> None:
    clock = FakeClock()
    book = Expectations(clock)
    book.deleting("rc", ["lost"])
    await clock.advance(299)
    assert book.remaining("rc") == 1
    await clock.advance(1)
    assert book.satisfied("rc")
    book.forget("rc")
    assert book.remaining("rc") == 0


async def test_discovery_finds_what_is_served(world: Any) -> None:
    found = await discover(world.api)
    assert found.failures == []
    declared = {(r.group, r.plural, r.namespaced) for r in kinds.RESOURCES}
    assert {(r.group, r.plural, r.namespaced) for r in found.resources} == declared


async def test_discovery_survives_a_group_that_is_away(world: Any, monkeypatch: Any) -> None:
    raw = world.api.raw

    async def broken(method: str, path: str, **more: Any) -> ClientResponse:
        if "discovery.k8s.io" in path:
            status = errors.unavailable("away").status
            return ClientResponse(503, Headers(()), msgspec.json.encode(status))
        return await raw(method, path, **more)

    monkeypatch.setattr(world.api, "raw", broken)
    found = await discover(world.api)
    assert found.failures == ["discovery.k8s.io/v1: away"]
    assert "pods" in {r.plural for r in found.resources}
    assert "endpointslices" not in {r.plural for r in found.resources}


def test_views_are_subsets_of_the_kinds() -> None:
    """Every field of a view has the wire name that the whole struct has."""

    def compare(view: Any, full: Any) -> None:
        for field in msgspec.structs.fields(view):
            whole = {f.encode_name: f for f in msgspec.structs.fields(full)}
            assert field.encode_name in whole, f"{view.__name__}.{field.name}"
            parts = _structs(field.type), _structs(whole[field.encode_name].type)
            for a, b in zip(*parts, strict=True):
                compare(a, b)

    compare(views.PodView, kinds.PODS.struct)
    compare(views.NodeView, kinds.NODES.struct)


def _structs(type_: Any) -> list[Any]:
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return [type_]
    return [s for arg in getattr(type_, "__args__", ()) for s in _structs(arg)]


def test_metadata_view_shares_the_typed_watch() -> None:
    assert views.metadata_of(kinds.PODS) is views.PODS
    assert views.metadata_of(kinds.SECRETS).struct is views.ObjectView
    secret = msgspec.json.decode(
        b'{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s","managedFields":[{}]},"data":{"a":"eA=="}}',
        type=views.ObjectView,
    )
    assert secret.metadata.name == "s"
