"""Links, addresses, routes and connection tracking by netlink: the one importer of pyroute2.

Every function blocks for some milliseconds and opens its own sockets: call it in a thread. All of them work
in the network namespace of the calling thread, except where a namespace's path is given.

Neighbours: dromon.kubelet.network makes bridges and veth pairs with it, dromon.proxy flushes stale
connection-tracking entries.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any, TypeVar

from pyroute2 import IPRoute, NFCTSocket
from pyroute2.netlink.exceptions import NetlinkError
from pyroute2.netlink.nfnetlink.nfctsocket import NFCTAttrTuple

T = TypeVar("T")

_CLONE_NEWNET = 0x40000000
_ABSENT = (errno.ENODEV, errno.ENOENT, errno.EADDRNOTAVAIL, errno.ESRCH)
_UDP = 17


class NetworkFailure(Exception):
    """The kernel refused a change of the network; the text says which and why."""


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface: name, kernel index, and name of its kind ("bridge", "veth", "")."""

    name: str
    index: int
    kind: str


@contextlib.contextmanager
def _failure(what: str) -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        reason = os.strerror(error.code) if error.code else str(error)
        hint = " (root is needed)" if error.code in (errno.EPERM, errno.EACCES) else ""
        raise NetworkFailure(f"{what}: {reason}{hint}") from error
    except OSError as error:
        raise NetworkFailure(f"{what}: {error.strerror or error}") from error


def hardware_address(address: str) -> str:
    """The MAC address of the interface with this IPv4 address.

    It follows from the address, so that neighbours' caches stay right when an address is given to another
    pod. 0a:58 is in the locally administered range.
    """
    return "0a:58:" + ":".join(f"{byte:02x}" for byte in IPv4Address(address).packed)


def ensure_bridge(name: str, address: str, prefix_length: int, mtu: int) -> None:
    """Make the bridge `name` exist, up, with exactly this IPv4 address.

    Bridged frames pass iptables where the kernel can do it (`pass_bridged_to_iptables`): else the answer of
    a pod to another pod of the same bridge would bypass the translation of a portal's address.

    Raises:
        NetworkFailure: it can't be made, or the name is taken by something else.
    """
    with _failure(f"bridge {name}"), IPRoute() as ip:
        found = _links(ip, ifname=name)
        if found and found[0].kind != "bridge":
            raise NetworkFailure(f"bridge {name}: an interface of this name exists and is no bridge")
        if not found:
            ip.link("add", ifname=name, kind="bridge", address=hardware_address(address))
            found = _links(ip, ifname=name)
        index = found[0].index
        with contextlib.suppress(NetlinkError):
            ip.link("set", index=index, kind="bridge", br_nf_call_iptables=1)
        ip.link("set", index=index, state="up", mtu=mtu)
        held = _addresses(ip, index)
        if (address, prefix_length) not in held:
            _add_address(ip, index, address, prefix_length)
        for other, length in held:
            if (other, length) != (address, prefix_length):
                ip.addr("del", index=index, address=other, prefixlen=length)


def delete_link(name: str) -> bool:
    """Remove the interface `name`; False when there is none."""
    with _failure(f"removing {name}"), IPRoute() as ip:
        found = _links(ip, ifname=name)
        if not found:
            return False
        return _unless_absent(ip.link, "del", index=found[0].index)


def bridge_ports(bridge: str) -> list[str]:
    """Names of the interfaces that are ports of `bridge`; [] when there is no such bridge."""
    with _failure(f"ports of {bridge}"), IPRoute() as ip:
        found = _links(ip, ifname=bridge)
        if not found:
            return []
        return [
            link.name for link in _links(ip) if link.name != bridge and _master(ip, link) == found[0].index
        ]


def enslave(bridge: str, port: str) -> bool:
    """Make the existing interface `port` a port of `bridge`, up; False when either is missing."""
    with _failure(f"joining {port} to {bridge}"), IPRoute() as ip:
        master, found = _links(ip, ifname=bridge), _links(ip, ifname=port)
        if not master or not found:
            return False
        ip.link("set", index=found[0].index, master=master[0].index, state="up")
        ip.brport("set", index=found[0].index, mode=1)
        return True


def users_of(subnet: str, besides: str) -> list[str]:
    """Names of the interfaces, other than `besides`, with a route to `subnet` or a part of it."""
    ours = IPv4Network(subnet)
    found: dict[str, None] = {}
    with _failure(f"routes to {subnet}"), IPRoute() as ip:
        for route in ip.get_routes(family=2, table=254):
            destination, index = route.get_attr("RTA_DST"), route.get_attr("RTA_OIF")
            if not destination or not index:
                continue
            if IPv4Network(f"{destination}/{route['dst_len']}").subnet_of(ours):
                found[str(ip.get_links(index)[0].get_attr("IFLA_IFNAME"))] = None
    found.pop(besides, None)
    return list(found)


def uplink_mtu(default: int = 1500) -> int:
    """The MTU, in bytes, of the interface of the default route; `default` where there is no such route."""
    with _failure("default route"), IPRoute() as ip:
        for route in ip.get_default_routes(family=2):
            index = route.get_attr("RTA_OIF")
            if index:
                return int(ip.get_links(index)[0].get_attr("IFLA_MTU"))
    return default


def connect(
    bridge: str, port: str, netns: str, *, address: str, prefix_length: int, gateway: str, mtu: int
) -> None:
    """Join a network namespace to `bridge` by a veth pair: `port` on the bridge, eth0 inside.

    The inside gets `address`, its loopback is brought up, and `gateway` is its default route. An earlier
    `port` or eth0 is replaced. On failure nothing is left.

    Raises:
        NetworkFailure: with the step that failed.
    """
    with _failure(f"veth {port}"), IPRoute() as ip:
        master = _links(ip, ifname=bridge)
        if not master:
            raise NetworkFailure(f"veth {port}: there is no bridge {bridge}")
        for stale in _links(ip, ifname=port):
            _unless_absent(ip.link, "del", index=stale.index)
        in_namespace(netns, _remove_eth0)
        peer = {"ifname": "eth0", "address": hardware_address(address), "mtu": mtu}
        with _opened(netns) as descriptor:
            ip.link(
                "add",
                ifname=port,
                kind="veth",
                master=master[0].index,
                mtu=mtu,
                state="up",
                peer=peer | {"net_ns_fd": descriptor},
            )
        try:
            ip.brport("set", index=_links(ip, ifname=port)[0].index, mode=1)
            in_namespace(netns, lambda: _configure_inside(address, prefix_length, gateway))
        except BaseException:
            with contextlib.suppress(NetlinkError, IndexError):
                ip.link("del", index=_links(ip, ifname=port)[0].index)
            raise


def _remove_eth0() -> None:
    with IPRoute() as ip:
        for link in _links(ip, ifname="eth0"):
            ip.link("del", index=link.index)


def _configure_inside(address: str, prefix_length: int, gateway: str) -> None:
    with _failure(f"configuring {address}"), IPRoute() as ip:
        index = _links(ip, ifname="eth0")[0].index
        ip.link("set", index=1, state="up")
        _add_address(ip, index, address, prefix_length)
        ip.link("set", index=index, state="up")
        ip.route("add", dst="default", gateway=gateway)


def addresses(netns: str, interface: str = "eth0") -> list[str]:
    """IPv4 addresses of an interface of another network namespace; [] when either is gone."""

    def read() -> list[str]:
        with IPRoute() as ip:
            found = _links(ip, ifname=interface)
            return [address for address, _ in _addresses(ip, found[0].index)] if found else []

    try:
        with _failure(f"addresses in {netns}"):
            return in_namespace(netns, read)
    except NetworkFailure:
        return []


def flush_udp(stale: Callable[[str, int, str], bool]) -> int:
    """Forget the tracked IPv4 UDP flows that `stale` chooses, with one look at the table.

    A tracked flow keeps its translation for as long as its client sends.

    Args:
        stale: from a flow's destination, its port, and the address that answers it.

    Returns:
        how many were forgotten.
    """
    count = 0
    with _failure("connection tracking"), NFCTSocket() as tracked:
        doomed = []
        for entry in tracked.dump(tuple_orig=NFCTAttrTuple(proto=_UDP)):
            flow = _tuple(entry, "CTA_TUPLE_ORIG")
            if stale(flow["dst"], flow["dport"], _tuple(entry, "CTA_TUPLE_REPLY")["src"]):
                doomed.append(flow)
        for flow in doomed:
            key = NFCTAttrTuple(
                saddr=flow["src"], daddr=flow["dst"], proto=_UDP, sport=flow["sport"], dport=flow["dport"]
            )
            count += _unless_absent(tracked.entry, "del", tuple_orig=key)
    return count


def _tuple(entry: Any, name: str) -> dict[str, Any]:
    content = entry.get_attr(name)
    ip = content.get_attr("CTA_TUPLE_IP")
    proto = content.get_attr("CTA_TUPLE_PROTO")
    return {
        "src": ip.get_attr("CTA_IP_V4_SRC"),
        "dst": ip.get_attr("CTA_IP_V4_DST"),
        "sport": proto.get_attr("CTA_PROTO_SRC_PORT"),
        "dport": proto.get_attr("CTA_PROTO_DST_PORT"),
    }


def pass_bridged_to_iptables() -> bool:
    """Load br_netfilter, without which bridged frames can't pass iptables; False where there is none.

    Where it has to be loaded, other bridges of the machine stay as they were: only those pass iptables that
    ask for it (`ensure_bridge`).
    """
    if os.path.isdir("/proc/sys/net/bridge"):
        return True
    modprobe = shutil.which("modprobe", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if modprobe is not None:
        subprocess.run([modprobe, "br_netfilter"], capture_output=True, timeout=30, check=False)
    if not os.path.isdir("/proc/sys/net/bridge"):
        return False
    for tables in ("iptables", "ip6tables", "arptables"):
        set_sysctl(f"net/bridge/bridge-nf-call-{tables}", "0")
    return True


def set_sysctl(name: str, value: str) -> str | None:
    """Set net.* value `name` ("net/ipv4/ip_forward") and return what it was; None when it can't be read.

    Raises:
        NetworkFailure: it exists, differs and can't be written.
    """
    path = f"/proc/sys/{name}"
    try:
        with open(path, encoding="ascii") as file:
            before = file.read().strip()
    except OSError:
        return None
    if before != value:
        with _failure(f"setting {name.replace('/', '.')}={value}"), open(path, "w", encoding="ascii") as file:
            file.write(value)
    return before


@contextlib.contextmanager
def inside(netns: str) -> Iterator[None]:
    """The calling thread is in the network namespace at path `netns`, until the end of the block.

    Threads and processes that it starts meanwhile are born there, and stay.

    Raises:
        NetworkFailure: there is no such namespace.
    """
    with _opened("/proc/thread-self/ns/net") as home, _opened(netns) as there:
        _enter(there)
        try:
            yield
        finally:
            _enter(home)


def in_namespace(netns: str, act: Callable[[], T]) -> T:
    """Run `act` in the network namespace at path `netns`; see `inside`."""
    with inside(netns):
        return act()


@contextlib.contextmanager
def _opened(netns: str) -> Iterator[int]:
    with _failure(f"network namespace {netns}"):
        descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _enter(descriptor: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise NetworkFailure(f"entering a network namespace: {os.strerror(number)}")


def _links(ip: Any, **match: str) -> list[Link]:
    found = []
    with _absent_is_empty():
        for message in ip.get_links(**match):
            info = message.get_attr("IFLA_LINKINFO")
            kind = info.get_attr("IFLA_INFO_KIND") if info else ""
            found.append(Link(message.get_attr("IFLA_IFNAME"), message["index"], kind or ""))
    return found


def _master(ip: Any, link: Link) -> int:
    with _absent_is_empty():
        return int(ip.get_links(link.index)[0].get_attr("IFLA_MASTER") or 0)
    return 0


def _addresses(ip: Any, index: int) -> list[tuple[str, int]]:
    return [
        (message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS"), message["prefixlen"])
        for message in ip.get_addr(index=index, family=2)
    ]


def _add_address(ip: Any, index: int, address: str, prefix_length: int) -> None:
    broadcast = str(IPv4Interface(f"{address}/{prefix_length}").network.broadcast_address)
    ip.addr("add", index=index, address=address, prefixlen=prefix_length, broadcast=broadcast)


@contextlib.contextmanager
def _absent_is_empty() -> Iterator[None]:
    try:
        yield
    except NetlinkError as error:
        if error.code not in _ABSENT:
            raise


def _unless_absent(act: Callable[..., Any], *arguments: Any, **keywords: Any) -> bool:
    with _absent_is_empty():
        act(*arguments, **keywords)
        return True
    return False
