"""The bridge network in namespaces of its own: pods reach each other, the node and the outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from dromon.base import iptables, netlink
from dromon.kubelet.network import bridge, cleanup
from dromon.kubelet.network.bridge import BridgeNetwork
from dromon.kubelet.network.interface import HostPort, NetworkError
from dromon.testing.netns import Namespace, entered, namespace

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0 or shutil.which("ip") is None, reason="needs root and iproute2"),
]


@dataclass
class World:
    node: Namespace
    outside: Namespace
    pods: list[Namespace]


@pytest.fixture
def world() -> Iterator[World]:
    """A node with an uplink to a machine outside, which knows no route to pods, and three sandboxes."""
    with contextlib.ExitStack() as stack:
        node = stack.enter_context(namespace("node"))
        outside = stack.enter_context(namespace("outside"))
        pods = [stack.enter_context(namespace(f"pod{i}")) for i in range(3)]
        node.run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1", "netns", outside.name)
        node.run("ip", "addr", "add", "192.168.77.1/24", "dev", "up0")
        node.run("ip", "link", "set", "up0", "mtu", "1400", "up")
        node.run("ip", "route", "add", "default", "via", "192.168.77.2")
        node.run("iptables", "-P", "FORWARD", "DROP")
        outside.run("ip", "addr", "add", "192.168.77.2/24", "dev", "up1")
        outside.run("ip", "link", "set", "up1", "up")
        stack.enter_context(entered(node))
        yield World(node, outside, pods)


async def ask(client: Namespace, address: str, port: int, udp: bool = False) -> tuple[str, str]:
    return await asyncio.to_thread(client.ask, address, port, udp=udp)


async def ports_of(state_dir: Path) -> list[str]:
    return await asyncio.to_thread(netlink.bridge_ports, bridge.bridge_name(str(state_dir)))


async def test_pods_reach_each_other_the_node_and_the_outside(world: World, tmp_path: Path) -> None:
    network = BridgeNetwork(str(tmp_path))
    await network.setup_node("10.1.7.0/24")
    a = await network.attach("uid-a", world.pods[0].path)
    b = await network.attach("uid-b", world.pods[1].path)
    assert (a.ip, a.gateway, a.prefix_length, a.mtu) == ("10.1.7.2", "10.1.7.1", 24, 1400)
    assert network.address("uid-b") == b.ip == "10.1.7.3"
    for server in (world.pods[1], world.node, world.outside):
        server.serve(80)
        server.serve(80, udp=True)
    for udp in (False, True):
        assert await ask(world.pods[0], b.ip, 80, udp) == (world.pods[1].name, a.ip)
        assert await ask(world.pods[0], a.gateway, 80, udp) == (world.node.name, a.ip)
        assert await ask(world.pods[0], "192.168.77.2", 80, udp) == (world.outside.name, "192.168.77.1")
        assert await ask(world.node, b.ip, 80, udp) == (world.pods[1].name, a.gateway)


async def test_nodes_of_one_machine_route_to_each_other(world: World, tmp_path: Path) -> None:
    first, second = BridgeNetwork(str(tmp_path / "n1")), BridgeNetwork(str(tmp_path / "n2"))
    await first.setup_node("10.1.1.0/24")
    await second.setup_node("10.1.2.0/24")
    a = await first.attach("a", world.pods[0].path)
    b = await second.attach("b", world.pods[1].path)
    world.pods[1].serve(80)
    assert await ask(world.pods[0], b.ip, 80) == (world.pods[1].name, a.ip)

    await asyncio.to_thread(cleanup.cleanup, str(tmp_path / "n1"))
    assert bridge.bridge_name(str(tmp_path / "n1")) not in world.node.run("ip", "-br", "link")
    assert await ask(world.node, b.ip, 80) == (world.pods[1].name, b.gateway)


async def test_host_ports_lead_to_the_pod(world: World, tmp_path: Path) -> None:
    network = BridgeNetwork(str(tmp_path))
    await network.setup_node("10.1.7.0/24")
    ports = [HostPort(8080, 80), HostPort(5353, 53, "UDP"), HostPort(8081, 80, "TCP", "192.168.77.1")]
    await network.attach("a", world.pods[0].path, ports)
    world.pods[0].serve(80)
    world.pods[0].serve(53, udp=True)
    name = world.pods[0].name
    assert await ask(world.outside, "192.168.77.1", 8080) == (name, "192.168.77.2")
    assert await ask(world.outside, "192.168.77.1", 5353, udp=True) == (name, "192.168.77.2")
    assert await ask(world.node, "127.0.0.1", 8080) == (name, "10.1.7.1")
    assert (await ask(world.pods[0], "192.168.77.1", 8080))[0] == name
    assert (await ask(world.node, "192.168.77.1", 8081))[0] == name
    with pytest.raises(OSError):
        await ask(world.node, "127.0.0.1", 8081)
    await network.detach("a")
    with pytest.raises(OSError):
        await ask(world.node, "127.0.0.1", 8080)


async def test_pods_do_not_reach_what_listens_on_the_nodes_loopback(world: World, tmp_path: Path) -> None:
    network = BridgeNetwork(str(tmp_path))
    await network.setup_node("10.1.7.0/24")
    await network.attach("a", world.pods[0].path)
    world.node.serve(80)
    world.pods[0].run("sysctl", "-w", "net.ipv4.conf.all.route_localnet=1")
    world.pods[0].run("ip", "route", "del", "local", "127.0.0.0/8", "table", "local")
    world.pods[0].run("ip", "route", "del", "local", "127.0.0.1", "table", "local")
    world.pods[0].run("ip", "route", "add", "127.0.0.0/8", "via", "10.1.7.1")
    with pytest.raises(TimeoutError):
        await ask(world.pods[0], "127.0.0.1", 80)


async def test_a_restart_adopts_the_living_and_frees_the_rest(world: World, tmp_path: Path) -> None:
    network = BridgeNetwork(str(tmp_path))
    await network.setup_node("10.1.7.0/24")
    for index, pod in enumerate(world.pods):
        await network.attach(f"uid-{index}", pod.path, [HostPort(8000 + index, 80)])
    world.pods[1].serve(80)
    lost = tmp_path / "network.json"
    lost.unlink()

    again = BridgeNetwork(str(tmp_path))
    await again.setup_node("10.1.7.0/24")
    await again.adopt({"uid-1": world.pods[1].path}, {"uid-1": [HostPort(8001, 80)]})
    assert again.address("uid-1") == "10.1.7.3"
    assert again.address("uid-0") is None
    assert await ports_of(tmp_path) == [bridge.port_name("uid-1")]
    assert await ask(world.node, "10.1.7.3", 80) == (world.pods[1].name, "10.1.7.1")
    assert await ask(world.node, "127.0.0.1", 8001) == (world.pods[1].name, "10.1.7.1")
    with pytest.raises(OSError):
        await ask(world.node, "127.0.0.1", 8000)
    assert (await again.attach("uid-1", world.pods[1].path)).ip == "10.1.7.3"
    assert (await again.attach("new", world.pods[2].path)).ip == "10.1.7.2"


async def test_a_bridge_that_somebody_removed_is_made_again_with_its_pods(
    world: World, tmp_path: Path
) -> None:
    network = BridgeNetwork(str(tmp_path))
    await network.setup_node("10.1.7.0/24")
    await network.attach("a", world.pods[0].path)
    world.pods[0].serve(80)
    await asyncio.to_thread(netlink.delete_link, bridge.bridge_name(str(tmp_path)))
    again = BridgeNetwork(str(tmp_path))
    await again.setup_node("10.1.7.0/24")
    await again.adopt({"a": world.pods[0].path})
    assert (await ask(world.node, "10.1.7.2", 80))[0] == world.pods[0].name


async def test_check_puts_back_what_others_removed(world: World, tmp_path: Path) -> None:
    network = BridgeNetwork(str(tmp_path))
    await network.setup_node("10.1.7.0/24")
    await network.attach("a", world.pods[0].path)
    before = chains()
    world.node.run("iptables", "-F", "FORWARD")
    world.node.run("iptables", "-t", "nat", "-F")
    await network.check()
    assert chains() == before


async def test_cleanup_leaves_nothing_and_touches_nothing_else(world: World, tmp_path: Path) -> None:
    world.node.run("iptables", "-N", "FOREIGN")
    world.node.run("iptables", "-A", "FORWARD", "-j", "FOREIGN")
    for table in ("nat", "filter"):
        world.node.run("iptables-save", "-t", table)
    world.node.run("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "172.17.0.0/16", "-j", "MASQUERADE")
    rules, links = chains(), world.node.run("ip", "-br", "link")
    network = BridgeNetwork(str(tmp_path))
    await network.setup_node("10.1.7.0/24")
    await network.attach("a", world.pods[0].path, [HostPort(80, 80)])
    removed = await asyncio.to_thread(cleanup.cleanup, str(tmp_path))
    assert any("bridge" in line for line in removed)
    assert {chain: listed for chain, listed in chains().items() if listed} == {
        chain: listed for chain, listed in rules.items() if listed
    }
    assert not [chain for chain in chains() if "DROMON" in chain.name]
    assert world.node.run("ip", "-br", "link") == links
    assert await asyncio.to_thread(cleanup.cleanup, str(tmp_path)) == []


async def test_a_subnet_in_use_is_refused_and_an_idle_bridge_is_taken_over(
    world: World, tmp_path: Path
) -> None:
    first, second = BridgeNetwork(str(tmp_path / "n1")), BridgeNetwork(str(tmp_path / "n2"))
    await first.setup_node("10.1.7.0/24")
    await first.attach("a", world.pods[0].path)
    with pytest.raises(NetworkError, match=r"10\.1\.7\.0/24 is in use by interface dromon-"):
        await second.setup_node("10.1.7.0/24")
    with pytest.raises(NetworkError, match="in use by interface up0"):
        await second.setup_node("192.168.77.0/24")
    await first.detach("a")
    await second.setup_node("10.1.7.0/24")
    await second.attach("b", world.pods[1].path)
    world.pods[1].serve(80)
    assert await ask(world.node, "10.1.7.2", 80) == (world.pods[1].name, "10.1.7.1")


async def test_a_dead_sandbox_gives_an_error_and_no_leak(world: World, tmp_path: Path) -> None:
    network = BridgeNetwork(str(tmp_path))
    await network.setup_node("10.1.7.0/24")
    with pytest.raises(NetworkError, match="/proc/0/ns/net"):
        await network.attach("a", "/proc/0/ns/net")
    assert network.address("a") is None
    await network.detach("a")
    assert await ports_of(tmp_path) == []


def chains() -> dict[iptables.Chain, tuple[str, ...]]:
    return iptables.parse(
        "".join(iptables.run("iptables-save", ["-t", table]) for table in ("nat", "filter"))
    )


def test_sockets_of_a_namespace_are_its_own(world: World) -> None:
    world.node.serve(80)
    with pytest.raises(OSError), world.pods[0].open(socket.SOCK_STREAM) as client:
        client.connect(("127.0.0.1", 80))
