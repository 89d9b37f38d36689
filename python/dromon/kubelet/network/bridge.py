"""The pod network of a real node: one bridge, a veth pair for each pod, one route: the bridge's subnet.

Pods of other nodes on the same machine are behind their own bridges and reached by the machine's routing
(talk, slides 16 to 19). Everything is named after the node's state directory, so that several nodes and
clusters share a machine, and one of them can be cleaned up alone.

Neighbours: interface says what it promises, ipam who has which address, rules which iptables chains,
dromon.base.netlink and dromon.base.iptables carry it out, cleanup takes it away.
"""

from __future__ import annotations

import asyncio
import functools
import hashlib
import ipaddress
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from dromon.base import iptables, netlink
from dromon.kubelet.network import ipam, rules
from dromon.kubelet.network.interface import HostPort, NetworkError, PodAddress

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


def bridge_name(state_dir: str) -> str:
    """The node's bridge: 15 characters, the longest name of an interface."""
    return f"dromon-{iptables.instance(state_dir)}"


def port_name(pod_uid: str) -> str:
    """The node's end of a pod's veth pair."""
    return "drv" + hashlib.sha256(pod_uid.encode()).hexdigest()[:12]


def record_path(state_dir: str) -> str:
    """Where addresses are kept."""
    return os.path.join(state_dir, "network.json")


class BridgeNetwork:
    """Implements PodNetwork. Needs root and iptables. All changes are made by one thread, in order.

    Args:
        state_dir: the node's own directory (the kubelet's root).
        cluster_cidr: the network of all nodes' pods: what goes there is not masqueraded.
    """

    def __init__(self, state_dir: str, *, cluster_cidr: str = "10.1.0.0/16") -> None:
        self._instance = iptables.instance(state_dir)
        self._bridge = bridge_name(state_dir)
        self._record = record_path(state_dir)
        self._cluster_cidr = str(ipaddress.IPv4Network(cluster_cidr))
        self._allocator: ipam.Allocator | None = None
        self._mtu = 1500
        self._host_ports: dict[str, tuple[HostPort, ...]] = {}
        self._chains = iptables.OwnChains(rules.prefix(self._instance), rules.jumps(self._instance))
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pod-network")

    async def setup_node(self, pod_cidr: str) -> None:
        await self._do(self._setup, pod_cidr)

    async def attach(self, pod_uid: str, netns_path: str, host_ports: Sequence[HostPort] = ()) -> PodAddress:
        return await self._do(self._attach, pod_uid, netns_path, tuple(host_ports))

    async def detach(self, pod_uid: str) -> None:
        await self._do(self._detach, pod_uid)

    async def adopt(
        self, live: Mapping[str, str], host_ports: Mapping[str, Sequence[HostPort]] | None = None
    ) -> None:
        stated = None
        if host_ports is not None:
            stated = {pod: tuple(ports) for pod, ports in host_ports.items() if pod in live and ports}
        await self._do(self._adopt, dict(live), stated)

    async def check(self) -> None:
        if self._allocator is not None:
            await self._do(self._check)

    def address(self, pod_uid: str) -> str | None:
        return self._allocator.get(pod_uid) if self._allocator is not None else None

    async def _do(self, act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._thread, functools.partial(act, *args, **kwargs)
            )
        except (netlink.NetworkFailure, iptables.IptablesError, OSError) as error:
            raise NetworkError(str(error)) from error

    def _setup(self, pod_cidr: str) -> None:
        allocator = ipam.Allocator(pod_cidr)
        self._mtu = netlink.uplink_mtu()
        self._claim(pod_cidr)
        if not netlink.pass_bridged_to_iptables():
            log.warning("no br_netfilter: pods of this node don't reach each other through portals")
        netlink.set_sysctl("net/ipv4/ip_forward", "1")
        netlink.ensure_bridge(self._bridge, allocator.gateway, allocator.subnet.prefixlen, self._mtu)
        netlink.set_sysctl(f"net/ipv4/conf/{self._bridge}/route_localnet", "1")
        if self._allocator is None or self._allocator.subnet != allocator.subnet:
            record = ipam.load(self._record)
            kept = {pod for pod, ip in record.addresses.items() if allocator.reserve(pod, ip)}
            self._host_ports = {pod: ports for pod, ports in record.host_ports.items() if pod in kept}
            self._allocator = allocator
        self._write_rules()

    def _claim(self, pod_cidr: str) -> None:
        """Make sure that nobody else has the subnet: the kernel would send our pods' packets there."""
        for name in netlink.users_of(pod_cidr, besides=self._bridge):
            if not name.startswith("dromon-") or netlink.bridge_ports(name):
                raise NetworkError(
                    f"pod subnet {pod_cidr} is in use by interface {name} of this machine: stop the cluster "
                    "that has it, or choose another pod CIDR"
                )
            log.warning("removing the bridge that a former node left bridge=%s subnet=%s", name, pod_cidr)
            netlink.delete_link(name)

    def _ready(self) -> ipam.Allocator:
        if self._allocator is None:
            raise NetworkError("the node has no pod CIDR yet")
        return self._allocator

    def _attach(self, pod: str, netns: str, host_ports: tuple[HostPort, ...]) -> PodAddress:
        allocator = self._ready()
        known = allocator.get(pod)
        ip = known or allocator.allocate(pod)
        address = PodAddress(ip, allocator.gateway, allocator.subnet.prefixlen, self._mtu)
        try:
            if known is None or ip not in netlink.addresses(netns):
                netlink.connect(
                    self._bridge,
                    port_name(pod),
                    netns,
                    address=ip,
                    prefix_length=address.prefix_length,
                    gateway=address.gateway,
                    mtu=address.mtu,
                )
            self._state_host_ports(pod, host_ports)
        except BaseException:
            if known is None:
                netlink.delete_link(port_name(pod))
                allocator.release(pod)
                self._host_ports.pop(pod, None)
            raise
        self._save()
        return address

    def _detach(self, pod: str) -> None:
        netlink.delete_link(port_name(pod))
        if self._allocator is None:
            return
        self._state_host_ports(pod, ())
        self._allocator.release(pod)
        self._save()

    def _adopt(self, live: Mapping[str, str], host_ports: dict[str, tuple[HostPort, ...]] | None) -> None:
        allocator = self._ready()
        if host_ports is not None:
            self._host_ports = host_ports
        for pod in set(allocator.pods()) - set(live):
            allocator.release(pod)
            self._host_ports.pop(pod, None)
        ports = set(netlink.bridge_ports(self._bridge))
        for pod, netns in live.items():
            self._adopt_pod(allocator, pod, netns, ports)
        for port in ports - {port_name(pod) for pod in live}:
            netlink.delete_link(port)
        self._write_rules()
        self._save()

    def _adopt_pod(self, allocator: ipam.Allocator, pod: str, netns: str, ports: set[str]) -> None:
        held = netlink.addresses(netns)
        if held and not allocator.reserve(pod, held[0]):
            log.warning("address of a running pod is not this node's pod=%s address=%s", pod, held[0])
            return
        if held and port_name(pod) not in ports and not netlink.enslave(self._bridge, port_name(pod)):
            log.warning("a running pod has lost its link to the bridge pod=%s address=%s", pod, held[0])

    def _check(self) -> None:
        allocator = self._ready()
        netlink.ensure_bridge(self._bridge, allocator.gateway, allocator.subnet.prefixlen, self._mtu)
        self._chains.read()
        self._write_rules()

    def _state_host_ports(self, pod: str, ports: tuple[HostPort, ...]) -> None:
        if self._host_ports.get(pod, ()) != ports:
            self._host_ports.pop(pod, None)
            if ports:
                self._host_ports[pod] = ports
            self._write_rules()

    def _write_rules(self) -> None:
        allocator = self._ready()
        self._chains.sync(
            rules.chains(
                self._instance,
                self._bridge,
                str(allocator.subnet),
                self._cluster_cidr,
                allocator.pods(),
                self._host_ports,
            )
        )

    def _save(self) -> None:
        ipam.save(self._record, self._ready().pods(), self._host_ports)
