"""Writes that don't go straight: names that collide, requests that are cancelled, a store that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random

import pytest

from dromon.api import codec
from dromon.api.errors import ApiError
from dromon.api.kinds import NAMESPACES, SERVICES
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.apiserver import names
from dromon.apiserver.ipalloc import ServiceAllocator
from dromon.apiserver.ipranges import RANGES
from dromon.apiserver.registry import Registry
from dromon.store.cache import CachedStore
from dromon.store.interface import Op, StoreError, Unavailable
from dromon.store.memory import MemoryStore
from dromon.testing.clock import FakeClock, settle


class Backend(MemoryStore):
    """Answers writes when `gate` is open; refuses them with `failure`, or fails after them."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: StoreError | None = None
        self.late_failure: StoreError | None = None

    async def commit(self, ops: Sequence[Op]) -> int:
        if self.failure is not None:
            raise self.failure
        revision = await super().commit(ops)
        await self.gate.wait()
        if self.late_failure is not None:
            raise self.late_failure
        return revision


@pytest.fixture
def backend() -> Backend:
    return Backend(FakeClock())


@pytest.fixture
async def registry(backend: Backend) -> AsyncIterator[Registry]:
    clock = FakeClock()
    store = CachedStore(backend, [NAMESPACES, SERVICES], {}, clock)
    await store.start()
    # One address: whoever has it keeps all others out.
    hooks = {Service: ServiceAllocator(backend, "10.0.0.0/30", "30000-30000", Random(1))}
    yield Registry(store, clock=clock, hooks=hooks, random=Random(1))
    await store.close()


def service(name: str, ip: str = "10.0.0.2") -> Service:
    ports = [ServicePort(port=80, protocol="TCP")]
    return Service(
        metadata=ObjectMeta(name=name), spec=ServiceSpec(type="ClusterIP", ports=ports, cluster_ip=ip)
    )


async def create(registry: Registry, name: str) -> str:
    made = await registry.create(SERVICES, service(name), namespace="n")
    return str(made.obj.spec.cluster_ip)


async def test_a_namespace_is_labelled_with_the_name_that_was_free(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = iter(["x-1", "x-1", "x-2"])
    monkeypatch.setattr(names, "generate", lambda base, random: next(given))
    for _ in range(2):
        made = await registry.create(NAMESPACES, Namespace(metadata=ObjectMeta(generate_name="x-")))
    assert made.obj.metadata.name == "x-2"
    stored = codec.decode_json(Namespace, made.value)
    assert stored.metadata.labels == {"kubernetes.io/metadata.name": "x-2"}


async def test_a_cancelled_create_that_is_stored_keeps_its_address(
    registry: Registry, backend: Backend
) -> None:
    backend.gate.clear()
    task = asyncio.create_task(create(registry, "a"))
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    backend.gate.set()
    await settle()
    assert registry.store.get(SERVICES, "n", "a") is not None
    with pytest.raises(Exception, match="already allocated"):
        await create(registry, "b")


async def test_a_cancelled_delete_that_is_stored_frees_the_address(
    registry: Registry, backend: Backend
) -> None:
    await create(registry, "a")
    backend.gate.clear()
    task = asyncio.create_task(registry.delete(SERVICES, "n", "a"))
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    backend.gate.set()
    await settle()
    assert await create(registry, "b") == "10.0.0.2"


async def test_what_became_of_a_write_decides_about_its_address(registry: Registry, backend: Backend) -> None:
    backend.failure = Unavailable("disk full")
    with pytest.raises(Unavailable):
        await create(registry, "a")
    backend.failure = None
    assert await create(registry, "b") == "10.0.0.2"
    await registry.delete(SERVICES, "n", "b")
    backend.late_failure = Unavailable("the answer was lost")
    with pytest.raises(Unavailable):
        await create(registry, "a")
    backend.late_failure = None
    with pytest.raises(ApiError, match="already allocated"):
        await create(registry, "b")


async def test_a_dry_run_holds_nothing_and_tells_what_is_taken(registry: Registry) -> None:
    await registry.create(SERVICES, service("a"), namespace="n", dry_run=True)
    assert await create(registry, "b") == "10.0.0.2"
    with pytest.raises(ApiError, match="already allocated"):
        await registry.create(SERVICES, service("a"), namespace="n", dry_run=True)


async def test_an_update_takes_and_lets_go(registry: Registry, backend: Backend) -> None:
    await create(registry, "a")

    def external(s: Service) -> Service:
        s.spec.type, s.spec.external_name, s.spec.ports = "ExternalName", "x.y", []
        return s

    await registry.update(SERVICES, "n", "a", external)
    assert (await backend.list(RANGES)).items == []
    await create(registry, "b")

    def internal(s: Service) -> Service:
        s.spec.type, s.spec.external_name, s.spec.ports = "ClusterIP", "", [ServicePort(port=80)]
        return s

    with pytest.raises(ApiError, match="range is full"):
        await registry.update(SERVICES, "n", "a", internal)
    await registry.delete(SERVICES, "n", "b")
    await registry.update(SERVICES, "n", "a", internal)
    assert [kv.key for kv in (await backend.list(RANGES)).items] == [RANGES + "serviceips/10.0.0.2"]


async def test_the_last_finalizer_takes_the_address_along(registry: Registry, backend: Backend) -> None:
    held = service("a")
    held.metadata.finalizers = ["example.com/held"]
    await registry.create(SERVICES, held, namespace="n")
    await registry.delete(SERVICES, "n", "a")
    assert len((await backend.list(RANGES)).items) == 1

    def let_go(s: Service) -> Service:
        s.metadata.finalizers = []
        return s

    await registry.update(SERVICES, "n", "a", let_go)
    assert (await backend.list("")).items == []


async def test_an_address_is_refused_only_for_what_is_stored(registry: Registry, backend: Backend) -> None:
    """A refusal that rests on a write in flight waits until that is committed."""
    waited: list[str] = []

    async def settled(key: str) -> None:
        waited.append(key)

    backend.settled = settled  # type: ignore[method-assign]
    await create(registry, "a")
    with pytest.raises(ApiError, match="already allocated"):
        await create(registry, "b")
    assert RANGES + "serviceips/10.0.0.2" in waited
