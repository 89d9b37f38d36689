"""Keys of addresses and node ports, brought in line with Services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from random import Random

import msgspec
import pytest

from dromon.api import codec
from dromon.api.kinds import SERVICES
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.apiserver.ipalloc import ServiceAllocator
from dromon.apiserver.ipranges import IPS, PORTS, Holder
from dromon.apiserver.iprepair import Repair
from dromon.store.interface import Delete, Op, Put
from dromon.store.memory import MemoryStore
from dromon.testing.clock import FakeClock


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    store = MemoryStore(FakeClock())
    await store.start()
    yield store
    await store.close()


@pytest.fixture
def allocator(store: MemoryStore) -> ServiceAllocator:
    return ServiceAllocator(store, "10.0.0.0/29", "30000-30002", Random(1))


@pytest.fixture
def repair(store: MemoryStore, allocator: ServiceAllocator) -> Repair:
    return Repair(store, allocator, FakeClock())


def stored(name: str, ip: str, node_port: int = 0) -> Op:
    """A Service without its keys."""
    port = ServicePort(port=80, protocol="TCP", node_port=node_port)
    spec = ServiceSpec(type="NodePort", cluster_ip=ip, cluster_ips=[ip], ports=[port])
    service = Service(metadata=ObjectMeta(name=name, namespace="n"), spec=spec)
    return Put(SERVICES.key("n", name), codec.encode_json(service))


def held(key: str, name: str) -> Op:
    return Put(key, msgspec.json.encode(Holder("n", name)))


async def holders(store: MemoryStore) -> dict[str, str]:
    items = (await store.list("/registry/ranges/")).items
    return {kv.key.rpartition("/")[2]: msgspec.json.decode(kv.value)["name"] for kv in items}


async def test_services_without_keys_get_them(
    store: MemoryStore, repair: Repair, allocator: ServiceAllocator
) -> None:
    await store.commit([stored("a", "10.0.0.2", 30000)])
    await store.commit([stored("b", "10.0.0.3")])
    await store.commit([stored("c", "None")])
    await repair.once()
    assert await holders(store) == {"10.0.0.2": "a", "10.0.0.3": "b", "30000": "a"}
    assert IPS + "10.0.0.3" in allocator
    assert IPS + "10.0.0.4" not in allocator
    revision = store.revision
    await repair.once()
    assert store.revision == revision


async def test_keys_without_a_service_go_the_second_time(
    store: MemoryStore, repair: Repair, allocator: ServiceAllocator
) -> None:
    await store.commit([held(IPS + "10.0.0.2", "a"), held(PORTS + "30000", "a")])
    await store.commit([Put(IPS + "10.0.0.4", b"rubbish")])
    await repair.once()
    assert IPS + "10.0.0.2" in allocator
    # Somebody takes one of them meanwhile.
    key = await store.get(IPS + "10.0.0.2")
    assert key is not None
    await store.commit([stored("b", "10.0.0.2"), held(IPS + "10.0.0.2", "b")])
    await repair.once()
    assert await holders(store) == {"10.0.0.2": "b"}
    assert IPS + "10.0.0.4" not in allocator


async def test_a_key_that_was_written_again_is_given_another_round(
    store: MemoryStore, repair: Repair
) -> None:
    await store.commit([held(IPS + "10.0.0.2", "a")])
    await repair.once()
    await store.commit([held(IPS + "10.0.0.2", "a")])
    await repair.once()
    assert await holders(store) == {"10.0.0.2": "a"}
    await repair.once()
    assert await holders(store) == {}


async def test_a_key_of_somebody_who_has_it_no_more_passes_to_who_has(
    store: MemoryStore, repair: Repair
) -> None:
    await store.commit([stored("a", "10.0.0.2"), held(IPS + "10.0.0.2", "gone")])
    await repair.once()
    assert await holders(store) == {"10.0.0.2": "a"}


async def test_of_two_with_one_address_the_holder_keeps_it(
    store: MemoryStore, repair: Repair, caplog: pytest.LogCaptureFixture
) -> None:
    await store.commit([stored("a", "10.0.0.2"), stored("b", "10.0.0.2"), held(IPS + "10.0.0.2", "b")])
    await repair.once()
    assert await holders(store) == {"10.0.0.2": "b"}
    assert "two services have the same" in caplog.text
    await store.commit([Delete(SERVICES.key("n", "b")), Delete(IPS + "10.0.0.2")])
    await repair.once()
    assert await holders(store) == {"10.0.0.2": "a"}
