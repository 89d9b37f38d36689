"""Several API servers on one store, and the endpoints of the kubernetes Service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from dromon.api import codec
from dromon.api.errors import ApiError
from dromon.api.kinds import CONFIG_MAPS, ENDPOINT_SLICES, ENDPOINTS, NAMESPACES, RESOURCES, SERVICES
from dromon.api.types.config import ConfigMap
from dromon.api.types.discovery import EndpointSlice
from dromon.api.types.endpoints import Endpoints
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace
from dromon.api.types.service import Service
from dromon.apiserver.admission import NamespaceLifecycle
from dromon.apiserver.bootstrap import create_objects
from dromon.apiserver.ipalloc import ServiceAllocator
from dromon.apiserver.masterleases import PREFIX, MasterLeases
from dromon.apiserver.registry import Registry
from dromon.store.cache import CachedStore
from dromon.store.interface import Put, Store
from dromon.store.memory import MemoryStore
from dromon.testing.clock import FakeClock, settle


class Shared:
    """One process's view of a store that several use: it is started and closed by somebody else."""

    shared = True

    def __init__(self, store: Store) -> None:
        self._store = store

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


class Server:
    """What counts of an API server."""

    def __init__(self, store: Store, clock: FakeClock, address: str, port: int = 6443) -> None:
        self.cache = CachedStore(store, RESOURCES, {}, clock)
        hooks = {Service: ServiceAllocator(store, "10.0.0.0/24", "30000-30010", Random(1))}
        admission = [NamespaceLifecycle(lambda name: self.cache.get(NAMESPACES, "", name))]
        self.registry = Registry(self.cache, clock=clock, admission=admission, hooks=hooks, random=Random(1))
        self.leases = MasterLeases(self.registry, store, address, port)
        self.port = port

    async def look(self) -> None:
        await create_objects(self.registry, self.leases, self.port)

    def endpoints(self) -> dict[int, list[str]]:
        value = self.cache.get(ENDPOINTS, "default", "kubernetes")
        found = codec.decode_json(Endpoints, value).subsets if value else []
        return {s.ports[0].port: [a.ip for a in s.addresses] for s in found}

    def slices(self) -> dict[str, list[str]]:
        items = [codec.decode_json(EndpointSlice, i) for i in self.cache.everything(ENDPOINT_SLICES)]
        return {s.metadata.name: [e.addresses[0] for e in s.endpoints] for s in items}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def servers(clock: FakeClock) -> AsyncIterator[list[Server]]:
    store = MemoryStore(clock)
    await store.start()
    found = [Server(Shared(store), clock, f"192.0.2.{i}") for i in (1, 2)]  # type: ignore[arg-type]
    for server in found:
        await server.cache.start()
    yield found
    for server in found:
        await server.cache.close()
    await store.close()


async def test_two_that_start_together_make_everything_once(servers: list[Server]) -> None:
    await asyncio.gather(*(server.look() for server in servers))
    await settle()
    for server in servers:
        assert server.cache.count(NAMESPACES) == 4
        assert server.cache.count(SERVICES) == 1
        assert server.endpoints() == {6443: ["192.0.2.1", "192.0.2.2"]}
        assert server.slices() == {"kubernetes": ["192.0.2.1", "192.0.2.2"]}


async def test_one_that_dies_is_withdrawn_when_its_time_is_over(
    servers: list[Server], clock: FakeClock
) -> None:
    one, other = servers
    await one.look()
    await other.look()
    await clock.advance(10.0)
    await other.look()
    assert other.endpoints() == {6443: ["192.0.2.1", "192.0.2.2"]}
    await clock.advance(10.0)
    await other.look()
    assert other.endpoints() == {6443: ["192.0.2.2"]}
    assert other.slices() == {"kubernetes": ["192.0.2.2"]}
    await one.look()
    assert one.endpoints() == {6443: ["192.0.2.1", "192.0.2.2"]}


async def test_one_that_stops_is_withdrawn_at_once(servers: list[Server]) -> None:
    one, other = servers
    await one.look()
    await other.look()
    await one.leases.withdraw()
    await settle()
    assert other.endpoints() == {6443: ["192.0.2.2"]}
    await other.leases.withdraw()
    await settle()
    assert one.endpoints() == {}
    assert one.slices() == {"kubernetes": []}


async def test_servers_on_different_ports_have_a_slice_each(servers: list[Server], clock: FakeClock) -> None:
    one = servers[0]
    other = MasterLeases(servers[1].registry, one.cache.backend, "192.0.2.2", 7443)
    await one.look()
    await other.reconcile()
    await settle()
    assert one.endpoints() == {6443: ["192.0.2.1"], 7443: ["192.0.2.2"]}
    assert one.slices() == {"kubernetes": ["192.0.2.1"], "kubernetes-1": ["192.0.2.2"]}
    await other.withdraw()
    await settle()
    assert one.slices() == {"kubernetes": ["192.0.2.1"]}


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "a-name"])
async def test_an_address_that_nobody_can_reach_is_not_told(
    servers: list[Server], clock: FakeClock, address: str
) -> None:
    one = servers[0]
    alone = MasterLeases(one.registry, one.cache.backend, address, 6443)
    await create_objects(one.registry, alone, 6443)
    await alone.withdraw()
    assert one.endpoints() == {}
    assert one.slices() == {}
    assert (await one.cache.backend.list(PREFIX)).items == []


async def test_a_namespace_that_another_server_just_made_is_known(servers: list[Server]) -> None:
    one, other = servers
    await one.look()
    # As if `other` were behind: its cache shows the store later than the answer to `one` was given.
    commit = one.cache.backend.commit(
        [Put(NAMESPACES.key("", "fresh"), codec.encode_json(Namespace(metadata=ObjectMeta(name="fresh"))))]
    )
    await commit
    assert other.cache.get(NAMESPACES, "", "fresh") is None
    made = ConfigMap(metadata=ObjectMeta(name="c"))
    await other.registry.create(CONFIG_MAPS, made, namespace="fresh")
    with pytest.raises(ApiError, match='namespaces "missing" not found'):
        await other.registry.create(
            CONFIG_MAPS, ConfigMap(metadata=ObjectMeta(name="c")), namespace="missing"
        )
