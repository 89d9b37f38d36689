"""Service addresses and node ports."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from random import Random

import msgspec
import pytest

from dromon.api.errors import ApiError
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.apiserver.ipalloc import ServiceAllocator
from dromon.apiserver.ipranges import IPS, PORTS, Holder
from dromon.apiserver.reserving import reserving
from dromon.store.interface import Op, Put, Store
from dromon.store.memory import MemoryStore
from dromon.testing.clock import FakeClock


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = MemoryStore(FakeClock())
    await store.start()
    yield store
    await store.close()


class Server:
    """An allocator, and writes through it, as one of several API servers on a store has them."""

    def __init__(self, store: Store, cidr: str = "10.0.0.0/29", ports: str = "30000-30002", seed: int = 1):
        self.allocator = ServiceAllocator(store, cidr, ports, Random(seed))
        self.store = store
        self.commits = 0

    async def write(self, new: Service | None, old: Service | None = None) -> None:
        async def write(ops: Sequence[Op]) -> None:
            self.commits += 1
            await self.store.commit(ops)

        await reserving(self.allocator, new, old, write)

    async def keys(self) -> list[str]:
        return [kv.key.removeprefix("/registry/ranges/") for kv in (await self.store.list("")).items]


@pytest.fixture
def server(store: Store) -> Server:
    return Server(store)


def service(name: str = "s", namespace: str = "n", node_port: int = 0, **spec: object) -> Service:
    port = ServicePort(port=80, protocol="TCP", node_port=node_port)
    fields = {"type": "ClusterIP", "ports": [port], **spec}
    return Service(metadata=ObjectMeta(name=name, namespace=namespace), spec=ServiceSpec(**fields))  # type: ignore[arg-type]


async def test_an_address_from_the_range_and_its_companions(server: Server) -> None:
    s = service()
    await server.write(s)
    assert s.spec.cluster_ip in {f"10.0.0.{i}" for i in range(2, 7)}
    assert s.spec.cluster_ips == [s.spec.cluster_ip]
    assert s.spec.ip_families == ["IPv4"]
    assert s.spec.ip_family_policy == "SingleStack"
    assert await server.keys() == [f"serviceips/{s.spec.cluster_ip}"]


async def test_all_are_different_until_the_range_is_full(server: Server) -> None:
    made = [service(f"s{i}") for i in range(5)]
    for s in made:
        await server.write(s)
    assert len({s.spec.cluster_ip for s in made}) == 5
    with pytest.raises(ApiError) as refused:
        await server.write(service("more"))
    assert "range is full" in refused.value.message
    await server.write(None, made[2])
    again = service("again")
    await server.write(again)
    assert again.spec.cluster_ip == made[2].spec.cluster_ip


async def test_two_servers_give_out_nothing_twice(store: Store) -> None:
    # The same seed: both choose the same at first.
    servers = [Server(store, "10.0.0.0/26", "30000-30063") for _ in range(2)]
    made = [service(f"s{i}", type="NodePort") for i in range(61)]
    for i, s in enumerate(made):
        await servers[i % 2].write(s)
    assert len({s.spec.cluster_ip for s in made}) == 61
    assert len({s.spec.ports[0].node_port for s in made}) == 61
    assert sum(s.commits for s in servers) > 61
    for server in servers:
        with pytest.raises(ApiError, match="range is full"):
            await server.write(service("more"))


async def test_a_server_uses_what_another_let_go_of(store: Store) -> None:
    one, other = Server(store), Server(store)
    made = [service(f"s{i}") for i in range(5)]
    for s in made:
        await one.write(s)
    with pytest.raises(ApiError, match="range is full"):
        await other.write(service("more"))
    await one.write(None, made[0])
    await other.write(service("more"))
    asked = service("asked", cluster_ip=made[1].spec.cluster_ip)
    with pytest.raises(ApiError, match="already allocated"):
        await other.write(asked)
    await one.write(None, made[1])
    await other.write(asked)


async def test_what_another_has_is_refused_and_what_was_chosen_taken_back(store: Store) -> None:
    one, other = Server(store), Server(store)
    await one.write(service(type="NodePort", node_port=30001))
    s = service("t", type="NodePort", node_port=30001)
    with pytest.raises(ApiError, match="provided port is already allocated") as refused:
        await other.write(s)
    assert refused.value.code == 422
    assert s.spec.cluster_ip == ""
    assert len(await other.keys()) == 2


async def test_the_first_address_is_for_kubernetes(server: Server) -> None:
    with pytest.raises(ApiError, match="already allocated"):
        await server.write(service(cluster_ip="10.0.0.1"))
    s = service("kubernetes", "default")
    await server.write(s)
    assert s.spec.cluster_ip == "10.0.0.1"


@pytest.mark.parametrize("ip", ["10.0.1.1", "10.0.0.0", "10.0.0.7", "fd00::1", "rubbish"])
async def test_addresses_outside_are_refused(server: Server, ip: str) -> None:
    with pytest.raises(ApiError) as refused:
        await server.write(service(cluster_ip=ip))
    assert refused.value.code == 422
    assert "not in the valid range. The range of valid IPs is 10.0.0.0/29" in refused.value.message
    causes = refused.value.status.details.causes if refused.value.status.details else []
    assert [c.field for c in causes] == ["spec.clusterIPs"]


async def test_what_is_asked_for_is_given_once(server: Server) -> None:
    await server.write(service(cluster_ip="10.0.0.3"))
    with pytest.raises(ApiError) as refused:
        await server.write(service("t", cluster_ip="10.0.0.3"))
    assert (
        'Service "t" is invalid: spec.clusterIPs: Invalid value: []string{"10.0.0.3"}: '
        "failed to allocate IP 10.0.0.3: provided IP is already allocated"
    ) in refused.value.message


async def test_a_key_that_a_service_of_the_same_name_left_behind_is_taken_over(server: Server) -> None:
    value = msgspec.json.encode(Holder("n", "s"))
    await server.store.commit([Put(IPS + "10.0.0.3", value), Put(PORTS + "30001", value)])
    await server.write(service(type="NodePort", cluster_ip="10.0.0.3", node_port=30001))
    assert len(await server.keys()) == 2


async def test_a_write_that_fails_leaves_nothing(server: Server) -> None:
    async def fail(ops: Sequence[Op]) -> None:
        raise OSError("no store")

    for _ in range(9):
        s = service(type="NodePort")
        with pytest.raises(OSError, match="no store"):
            await reserving(server.allocator, s, None, fail)
        assert (s.spec.cluster_ip, s.spec.cluster_ips, s.spec.ports[0].node_port) == ("", [], 0)
    assert await server.keys() == []
    await server.write(service(type="NodePort", cluster_ip="10.0.0.3", node_port=30001))


async def test_a_dry_run_takes_nothing(server: Server) -> None:
    async def dry(ops: Sequence[Op]) -> None:
        pass

    for _ in range(9):
        s = service(type="NodePort")
        await reserving(server.allocator, s, None, dry, dry_run=True)
        assert s.spec.cluster_ip
    assert await server.keys() == []


async def test_headless_and_external_names_take_nothing(server: Server) -> None:
    headless = service(cluster_ip="None")
    await server.write(headless)
    assert (headless.spec.cluster_ip, headless.spec.cluster_ips) == ("None", ["None"])
    external = service("e", type="ExternalName", external_name="x.y")
    await server.write(external)
    assert external.spec.cluster_ip == ""
    assert await server.keys() == []


async def test_node_ports(server: Server) -> None:
    s = service(type="NodePort")
    await server.write(s)
    assert 30000 <= s.spec.ports[0].node_port <= 30002
    with pytest.raises(ApiError, match="provided port is already allocated"):
        await server.write(service("t", type="NodePort", node_port=s.spec.ports[0].node_port))
    with pytest.raises(ApiError, match="The range of valid ports is 30000-30002"):
        await server.write(service("t", type="NodePort", node_port=80))


async def test_one_node_port_for_two_protocols_of_a_port(server: Server) -> None:
    ports = [ServicePort(name="u", port=53, protocol="UDP"), ServicePort(name="t", port=53, protocol="TCP")]
    s = service(type="NodePort", ports=ports)
    await server.write(s)
    assert s.spec.ports[0].node_port == s.spec.ports[1].node_port != 0


async def test_a_refused_write_keeps_nothing(store: Store) -> None:
    server = Server(store, ports="30000-30000")
    await server.write(service("first", type="NodePort"))
    with pytest.raises(ApiError):
        await server.write(service("t", type="NodePort", cluster_ip="10.0.0.4"))
    await server.write(service("u", cluster_ip="10.0.0.4"))


async def test_updates_carry_over_what_is_left_out(server: Server) -> None:
    old = service(type="NodePort")
    await server.write(old)
    before = await server.keys()
    new = service(type="NodePort")
    server.allocator.prepare(new, old)
    assert new.spec.cluster_ip == old.spec.cluster_ip
    assert new.spec.ports[0].node_port == old.spec.ports[0].node_port
    await server.write(new, old)
    assert await server.keys() == before


async def test_a_change_of_type_lets_go(store: Store) -> None:
    server = Server(store, ports="30000-30000")
    old = service(type="NodePort")
    await server.write(old)
    new = service(cluster_ip=old.spec.cluster_ip, node_port=30000)
    server.allocator.prepare(new, old)
    await server.write(new, old)
    assert new.spec.ports[0].node_port == 0
    await server.write(service("t", type="NodePort"))


async def test_a_service_from_before_there_were_keys_can_go(server: Server) -> None:
    old = service(type="NodePort", cluster_ip="10.0.0.3", cluster_ips=["10.0.0.3"], node_port=30001)
    await server.write(service("other", cluster_ip="10.0.0.3"))
    await server.write(None, old)
    assert await server.keys() == ["serviceips/10.0.0.3"]


async def test_what_a_service_has_stays_when_the_ranges_move(store: Store) -> None:
    old = service(type="NodePort")
    await Server(store).write(old)
    new = service(type="NodePort")
    moved = Server(store, "10.7.0.0/24", "31000-31010")
    moved.allocator.prepare(new, old)
    await moved.write(new, old)
    assert new.spec.cluster_ip == old.spec.cluster_ip


@pytest.mark.parametrize(
    ("cidr", "ports"),
    [("10.0.0.0/31", "1-2"), ("10.0.0.0/8", "x"), ("10.0.0.0/8", "9-1"), ("fd00::/64", "1-2")],
)
async def test_malformed_ranges(store: Store, cidr: str, ports: str) -> None:
    with pytest.raises(ValueError):
        Server(store, cidr, ports)
