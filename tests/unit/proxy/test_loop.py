"""The proxy's loop: batches, retries, resync, with a fake kernel and clock."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection

import pytest

from dromon.api.types.discovery import Endpoint, EndpointPort, EndpointSlice
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.base.iptables import Chain, Chains, IptablesError
from dromon.proxy.config import ProxyConfig
from dromon.proxy.main import Proxy
from dromon.proxy.model import SERVICE_NAME
from dromon.proxy.rules import Ruleset
from dromon.testing.clock import FakeClock

OWN = "DROMON-Ptest-"


class FakeExecutor:
    """Notes what it is asked to write."""

    def __init__(self) -> None:
        self.syncs: list[set[Chain] | None] = []
        self.resyncs = 0
        self.flushes: list[Callable[[str, int, str], bool]] = []
        self.failures = 0

    def sync(self, desired: Chains, dirty: Collection[Chain] | None) -> int:
        if self.failures:
            self.failures -= 1
            raise IptablesError("busy")
        self.syncs.append(None if dirty is None else set(dirty))
        return 1

    def resync(self, desired: Chains) -> int:
        self.resyncs += 1
        return 0

    def flush(self, stale: Callable[[str, int, str], bool]) -> None:
        self.flushes.append(stale)


class World:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.executor = FakeExecutor()
        self.services: dict[str, Service] = {}
        self.slices: dict[str, list[EndpointSlice]] = {}
        self.ready = 0
        self.proxy = Proxy(
            ProxyConfig("", "node", "/x", min_interval=0.02, resync=30.0),
            Ruleset(OWN),
            self.executor,  # type: ignore[arg-type]
            self.services.get,
            lambda key: self.slices.get(key, []),
            self.clock,
        )

    def state(self, name: str, *endpoints: str, protocol: str = "TCP") -> None:
        key = f"ns/{name}"
        spec = ServiceSpec(cluster_ip=f"10.0.0.{len(name)}", ports=[ServicePort(protocol=protocol, port=80)])
        self.services[key] = Service(metadata=ObjectMeta(name=name, namespace="ns"), spec=spec)
        self.slices[key] = [
            EndpointSlice(
                metadata=ObjectMeta(name="s", namespace="ns", labels={SERVICE_NAME: name}),
                address_type="IPv4",
                endpoints=[Endpoint(addresses=[address]) for address in endpoints],
                ports=[EndpointPort(name="", protocol=protocol, port=8080)],
            )
        ]
        self.proxy.service_changed(None, self.services[key])
        self.proxy.slice_changed(None, self.slices[key][0])

    def _ready(self) -> None:
        self.ready += 1

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.proxy.run(self._ready))
        try:
            await self.turn()
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def turn(self, seconds: float = 0.0) -> None:
        """Let time pass, and the thread that writes come back."""
        await self.clock.advance(seconds)
        for _ in range(20):
            await asyncio.sleep(0.001)


@pytest.fixture
def world() -> World:
    return World()


async def test_the_start_compares_everything_once_and_is_ready(world: World) -> None:
    world.state("a", "10.1.0.1")
    async with world.running():
        assert world.executor.syncs == [None]
        await world.turn(1)
        assert world.executor.syncs == [None]
        assert world.ready == 1


async def test_changes_that_come_together_are_written_together(world: World) -> None:
    async with world.running():
        await world.turn(0.02)
        for name in ("a", "bb", "ccc"):
            world.state(name, "10.1.0.1")
        await world.turn()
        assert len(world.executor.syncs) == 2
        world.state("a", "10.1.0.2")
        await world.turn(0.01)
        assert len(world.executor.syncs) == 2
        await world.turn(0.01)
        assert len(world.executor.syncs) == 3
        last = world.executor.syncs[-1]
        assert last is not None
        assert len(last) == 1


async def test_a_change_that_changes_nothing_writes_nothing(world: World) -> None:
    world.state("a", "10.1.0.1")
    async with world.running():
        await world.turn(0.02)
        world.state("a", "10.1.0.1")
        await world.turn(0.1)
        assert world.executor.syncs == [None]


async def test_failures_are_tried_again_with_everything_compared(world: World) -> None:
    async with world.running():
        await world.turn(0.02)
        world.executor.failures = 2
        world.state("a", "10.1.0.1", protocol="UDP")
        await world.turn()
        assert world.executor.syncs == [None]
        assert world.executor.flushes == []
        for _ in range(4):
            await world.turn(0.5)
        assert world.executor.syncs == [None, None]
        assert len(world.executor.flushes) == 1


async def test_resync_reads_the_kernel_now_and_then(world: World) -> None:
    async with world.running():
        await world.turn(29)
        assert world.executor.resyncs == 0
        await world.turn(1)
        assert world.executor.resyncs == 1
        await world.turn(30)
        assert world.executor.resyncs == 2


async def test_udp_flows_to_gone_endpoints_are_forgotten_after_the_write(world: World) -> None:
    world.state("a", "10.1.0.1", "10.1.0.2", protocol="UDP")
    async with world.running():
        assert len(world.executor.flushes) == 1
        await world.turn(0.02)
        world.state("a", "10.1.0.2", protocol="UDP")
        await world.turn()
        assert len(world.executor.flushes) == 2
        assert world.executor.flushes[-1]("10.0.0.1", 80, "10.1.0.1")
        assert not world.executor.flushes[-1]("10.0.0.1", 80, "10.1.0.2")
