"""Portals in real iptables, in namespaces of their own: a node, an outsider, pods on the node's bridge."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dromon.api.types.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.base import iptables
from dromon.base.clock import SystemClock
from dromon.kubelet.network.bridge import BridgeNetwork
from dromon.proxy import model, rules
from dromon.proxy.cleanup import cleanup
from dromon.proxy.config import ProxyConfig
from dromon.proxy.iptables import Executor
from dromon.proxy.main import Proxy
from dromon.testing.netns import Namespace, entered, namespace

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2"),
]

PORTAL = "10.0.0.10"
NODE = "192.168.78.1"


@dataclass
class World:
    """A node with three pods that answer at 8080 (TCP and UDP), and a proxy over given objects."""

    node: Namespace
    outside: Namespace
    pods: list[Namespace]
    state_dir: str
    addresses: list[str] = field(default_factory=list)
    service: Service | None = None
    slices: list[EndpointSlice] = field(default_factory=list)
    proxy: Proxy | None = None

    def offer(self, ready: Sequence[int], **spec: object) -> None:
        """State the service, with these of the pods ready, and tell the proxy."""
        ports = [
            ServicePort(name="tcp", protocol="TCP", port=9376, node_port=30080),
            ServicePort(name="udp", protocol="UDP", port=53, node_port=30053),
        ]
        settings = {"cluster_ip": PORTAL, "cluster_ips": [PORTAL], "type": "NodePort", "ports": ports} | spec
        self.service = Service(
            metadata=ObjectMeta(name="nifty-svc", namespace="default"), spec=ServiceSpec(**settings)
        )
        meta = ObjectMeta(name="s", namespace="default", labels={"kubernetes.io/service-name": "nifty-svc"})
        endpoints = [
            Endpoint(addresses=[address], conditions=EndpointConditions(ready=index in ready))
            for index, address in enumerate(self.addresses)
        ]
        offered = [EndpointPort(name="tcp", port=8080), EndpointPort(name="udp", protocol="UDP", port=8080)]
        self.slices = [EndpointSlice(metadata=meta, address_type="IPv4", endpoints=endpoints, ports=offered)]
        if self.proxy is not None:
            self.proxy.service_changed(None, self.service)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        """The proxy, in a task, once its portals are in place."""
        own = rules.prefix(iptables.instance(self.state_dir))
        config = ProxyConfig("", "node", self.state_dir, pod_cidr="10.1.0.0/16", resync=0.3)
        in_place = asyncio.Event()
        with ThreadPoolExecutor(1) as thread:
            self.proxy = Proxy(
                config,
                rules.Ruleset(own, config.pod_cidr),
                Executor(own),
                lambda key: self.service if key == "default/nifty-svc" else None,
                lambda key: self.slices,
                SystemClock(),
                thread,
            )
            if self.service is not None:
                self.proxy.service_changed(None, self.service)
            task = asyncio.create_task(self.proxy.run(in_place.set))
            try:
                await asyncio.wait_for(in_place.wait(), 10)
                yield self.proxy
            finally:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
                self.proxy = None

    async def names(
        self, client: Namespace, address: str, port: int, *, udp: bool = False, times: int = 40
    ) -> Counter[str]:
        """Who answers."""
        answers = [await ask(client, address, port, udp=udp) for _ in range(times)]
        return Counter(name for name, _ in answers)


async def ask(client: Namespace, address: str, port: int, *, udp: bool = False) -> tuple[str, str]:
    return await asyncio.to_thread(client.ask, address, port, udp=udp)


async def until(check: Callable[[], object], seconds: float = 5.0) -> float:
    """Wait for `check`; how long it took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not await asyncio.to_thread(check):
        assert loop.time() - began < seconds, "did not happen in time"
        await asyncio.sleep(0.01)
    return loop.time() - began


def kernel() -> dict[iptables.Chain, tuple[str, ...]]:
    return iptables.parse(
        "".join(iptables.run("iptables-save", ["-t", table]) for table in ("nat", "filter"))
    )


@pytest.fixture
def spaces(tmp_path: Path) -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(namespace("pnode"))
        outside = stack.enter_context(namespace("poutside"))
        pods = [stack.enter_context(namespace(f"ppod{i}")) for i in range(3)]
        node.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1", "netns", outside.name)
        node.run("ip", "addr", "add", f"{NODE}/24", "dev", "up0")
        node.run("ip", "link", "set", "up0", "up")
        node.run("ip", "route", "add", "default", "via", "192.168.78.2")
        # Redirects to the outsider, which is on the way to its own gateway, would use up its share of ICMP.
        for scope in ("all", "up0"):
            node.run("sysctl", "-w", f"net.ipv4.conf.{scope}.send_redirects=0")
        node.run("iptables", "-P", "FORWARD", "DROP")
        outside.run("ip", "addr", "add", "192.168.78.2/24", "dev", "up1")
        outside.run("ip", "link", "set", "up1", "up")
        outside.run("ip", "route", "add", "10.0.0.0/16", "via", NODE)
        stack.enter_context(entered(node))
        yield World(node, outside, pods, str(tmp_path))


@pytest.fixture
async def world(spaces: World) -> World:
    network = BridgeNetwork(spaces.state_dir)
    await network.setup_node("10.1.7.0/24")
    for index, pod in enumerate(spaces.pods):
        spaces.addresses.append((await network.attach(f"uid-{index}", pod.path)).ip)
        pod.serve(8080)
        pod.serve(8080, udp=True)
    return spaces


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
async def test_portals_spread_over_all_ready_pods_from_everywhere(world: World, udp: bool) -> None:
    world.offer([0, 1, 2])
    port, node_port = (53, 30053) if udp else (9376, 30080)
    all_pods = {pod.name for pod in world.pods}
    async with world.running():
        assert set(await world.names(world.node, PORTAL, port, udp=udp)) == all_pods
        assert set(await world.names(world.pods[0], PORTAL, port, udp=udp)) == all_pods
        assert set(await world.names(world.outside, PORTAL, port, udp=udp)) == all_pods
        assert set(await world.names(world.outside, NODE, node_port, udp=udp)) == all_pods
        assert set(await world.names(world.node, "127.0.0.1", node_port, udp=udp)) == all_pods
        assert set(await world.names(world.pods[1], "10.1.7.1", node_port, udp=udp)) == all_pods
        with pytest.raises(OSError):
            await ask(world.node, PORTAL, port + 1, udp=udp)


async def test_pods_see_each_others_addresses_through_the_portal(world: World) -> None:
    world.offer([1])
    async with world.running():
        assert await ask(world.pods[0], PORTAL, 9376) == (world.pods[1].name, world.addresses[0])
        assert await ask(world.pods[1], PORTAL, 9376) == (world.pods[1].name, "10.1.7.1")
        assert await ask(world.outside, NODE, 30080) == (world.pods[1].name, "10.1.7.1")


@pytest.mark.parametrize("udp", [False, True], ids=["tcp", "udp"])
async def test_without_endpoints_clients_are_refused_at_once(world: World, udp: bool) -> None:
    world.offer([])
    port, node_port = (53, 30053) if udp else (9376, 30080)
    async with world.running():
        for client, address, at in (
            (world.node, PORTAL, port),
            (world.pods[0], PORTAL, port),
            (world.outside, PORTAL, port),
            (world.outside, NODE, node_port),
            (world.node, "127.0.0.1", node_port),
        ):
            # A datagram of the node's own that is rejected fails in send(2) itself.
            expected = (ConnectionRefusedError, PermissionError) if udp else ConnectionRefusedError
            with pytest.raises(expected):
                await ask(client, address, at, udp=udp)


async def test_readiness_is_followed_within_a_second(world: World) -> None:
    world.offer([0])
    async with world.running():
        assert set(await world.names(world.node, PORTAL, 9376, times=5)) == {world.pods[0].name}
        world.offer([1])
        took = await until(lambda: world.node.ask(PORTAL, 9376)[0] == world.pods[1].name)
        assert took < 1.0
        assert set(await world.names(world.node, PORTAL, 9376, times=20)) == {world.pods[1].name}
        world.service = None
        assert world.proxy is not None
        world.proxy.slice_changed(world.slices[0], None)
        await until(lambda: not [name for _, name in kernel() if re.search("-S[A-Z2-7]{10}$", name)])


async def test_udp_clients_follow_when_their_pod_goes(world: World) -> None:
    world.offer([0])
    async with world.running():
        with world.node.open(socket.SOCK_DGRAM) as client:
            client.connect((PORTAL, 53))

            client.settimeout(0.5)

            def answer() -> str:
                # A datagram on its way while its flow is forgotten is lost, as datagrams may be.
                with contextlib.suppress(TimeoutError):
                    client.send(b"?")
                    return client.recv(2048).decode().split(" ")[0]
                return ""

            assert await asyncio.to_thread(answer) == world.pods[0].name
            world.offer([2])
            await until(lambda: answer() == world.pods[2].name)


async def test_clients_stay_with_their_pod_when_asked_to(world: World) -> None:
    world.offer([0, 1, 2], session_affinity="ClientIP")
    async with world.running():
        assert len(await world.names(world.pods[0], PORTAL, 9376, times=20)) == 1
        assert len(await world.names(world.node, PORTAL, 53, udp=True, times=20)) == 1


async def test_a_restart_writes_nothing_and_interrupts_nothing(world: World) -> None:
    world.offer([0, 1, 2])
    async with world.running():
        before = kernel()
    assert await ask(world.node, PORTAL, 9376)
    assert await asyncio.to_thread(_restart_writes, world) == 0
    world.offer([0, 1])
    async with world.running():
        assert set(await world.names(world.node, PORTAL, 9376)) == {pod.name for pod in world.pods[:2]}
    assert kernel() != before


def _restart_writes(world: World) -> int:
    own = rules.prefix(iptables.instance(world.state_dir))
    ruleset = rules.Ruleset(own, "10.1.0.0/16")
    ruleset.update({"default/nifty-svc": model.portals(world.service, world.slices)})
    return Executor(own).sync(ruleset.chains, None)


async def test_what_others_remove_comes_back(world: World) -> None:
    world.offer([0, 1, 2], session_affinity="ClientIP", external_ips=["203.0.113.9"])
    async with world.running():
        await asyncio.sleep(0.5)
        before = kernel()
        for command in (["-t", "nat", "-F"], ["-F", "FORWARD"], ["-t", "nat", "-D", "PREROUTING", "1"]):
            with contextlib.suppress(RuntimeError):
                world.node.run("iptables", *command)
        own = rules.prefix(iptables.instance(world.state_dir))

        def ours(chains: dict[iptables.Chain, tuple[str, ...]]) -> set[tuple[iptables.Chain, str]]:
            return {(chain, rule) for chain, listed in chains.items() for rule in listed if own in chain.name}

        await until(lambda: ours(kernel()) == ours(before))
        assert await ask(world.node, PORTAL, 9376)


async def test_clean_up_leaves_nothing_of_ours_and_everything_of_others(world: World) -> None:
    world.node.run("iptables", "-t", "nat", "-N", "FOREIGN")
    world.node.run("iptables", "-t", "nat", "-A", "PREROUTING", "-p", "tcp", "-j", "FOREIGN")
    before = {chain: listed for chain, listed in kernel().items() if listed}
    world.offer([0, 1])
    async with world.running():
        assert await ask(world.node, PORTAL, 9376)
    removed = await asyncio.to_thread(cleanup, world.state_dir)
    assert any("SVC" in line for line in removed)
    assert {chain: listed for chain, listed in kernel().items() if listed} == before
    assert await asyncio.to_thread(cleanup, world.state_dir) == []


async def test_two_proxies_share_a_machine(world: World, tmp_path: Path) -> None:
    world.offer([0])
    other = World(world.node, world.outside, world.pods, str(tmp_path / "other"), world.addresses)
    other.offer([0], cluster_ip="10.0.0.11", cluster_ips=["10.0.0.11"], type="ClusterIP")
    async with world.running(), other.running():
        assert await ask(world.node, PORTAL, 9376)
        assert await ask(world.node, "10.0.0.11", 9376)
        await asyncio.to_thread(cleanup, other.state_dir)
        assert await ask(world.node, PORTAL, 9376)


async def test_external_addresses_lead_to_the_pods(world: World) -> None:
    world.offer([0, 1], external_ips=["203.0.113.9"])
    world.outside.run("ip", "route", "add", "203.0.113.9", "via", NODE)
    async with world.running():
        assert (await ask(world.outside, "203.0.113.9", 9376))[1] == "10.1.7.1"
