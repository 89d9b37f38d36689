"""The ranges that Services draw from, and the keys by which they hold what they drew. Pure.

Every address and node port that a Service has is a key of its own in the store, written and deleted in the
transaction that writes or deletes the Service:

    /registry/ranges/serviceips/10.0.0.7            {"namespace": "default", "name": "web"}
    /registry/ranges/servicenodeports/30080

The store takes a key for one writer only, so two API servers on one store can't give out the same.

Source: Kubernetes documentation, "Service ClusterIP allocation" (and KEP-1880, which has one object an
address, too); texts as upstream's.

Neighbours: ipalloc decides for one Service, iprepair brings keys and Services in line.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from ipaddress import IPv4Address, IPv4Network
from random import Random
from typing import Protocol

import msgspec

from dromon.api.types.service import Service

RANGES = "/registry/ranges/"
IPS = RANGES + "serviceips/"
PORTS = RANGES + "servicenodeports/"

KUBERNETES = ("default", "kubernetes")
"""The Service that has the first address."""

HEADLESS = "None"

ALLOCATED = "provided IP is already allocated"
PORT_ALLOCATED = "provided port is already allocated"


class Holder(msgspec.Struct, frozen=True):
    """The Service that holds an address or a port: a key's value."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def holder_of(service: Service) -> Holder:
    """The holder of what `service` has."""
    return Holder(service.metadata.namespace, service.metadata.name)


def read_holder(value: bytes) -> Holder | None:
    """The holder that a key names; None for a value that nobody here wrote."""
    try:
        return msgspec.json.decode(value, type=Holder)
    except msgspec.MsgspecError:
        return None


class AddressRange:
    """Service addresses.

    Args:
        cidr: "10.0.0.0/16".

    Raises:
        ValueError: malformed, or too small.
    """

    def __init__(self, cidr: str) -> None:
        self.network = IPv4Network(cidr)
        if self.network.num_addresses < 4:
            raise ValueError(f"service CIDR {cidr} is too small: it needs a /30 at least")
        self._base = int(self.network.network_address)

    @property
    def first(self) -> str:
        """The address of the `kubernetes` Service."""
        return str(IPv4Address(self._base + 1))

    def fault(self, ip: str, holder: Holder) -> str:
        """Why `holder` may not have `ip`, whoever has it now; "" if it may."""
        try:
            address = IPv4Address(ip)
        except ValueError:
            address = None
        ends = (self.network.network_address, self.network.broadcast_address)
        if address is None or address not in self.network or address in ends:
            return (
                f"the provided IP ({ip}) is not in the valid range. The range of valid IPs is {self.network}"
            )
        if ip == self.first and (holder.namespace, holder.name) != KUBERNETES:
            return ALLOCATED
        return ""

    def free(self, taken: Container[str], random: Random) -> str | None:
        """An address whose key is not in `taken`; None when the range is full.

        All but the network's address, the first one and the broadcast address; from a random place on, so
        that an address that was just let go does not come back to another Service at once.
        """
        size = self.network.num_addresses - 3
        begin = random.randrange(size)
        for i in range(size):
            ip = str(IPv4Address(self._base + 2 + (begin + i) % size))
            if IPS + ip not in taken:
                return ip
        return None


class PortRange:
    """Node ports.

    Args:
        text: "30000-32767".

    Raises:
        ValueError: malformed.
    """

    def __init__(self, text: str) -> None:
        first, _, last = text.partition("-")
        if not (first.isdecimal() and last.isdecimal() and 0 < int(first) <= int(last) <= 65535):
            raise ValueError(f"node port range {text!r} is malformed: 30000-32767 is the usual one")
        self.ports = range(int(first), int(last) + 1)

    def fault(self, port: int) -> str:
        """Why nobody may have `port`; "" if somebody may."""
        if port in self.ports:
            return ""
        valid = f"{self.ports.start}-{self.ports.stop - 1}"
        return f"provided port is not in the valid range. The range of valid ports is {valid}"

    def free(self, taken: Container[str], random: Random) -> int | None:
        """A port whose key is not in `taken`, from a random place on; None when the range is full."""
        begin = random.randrange(len(self.ports))
        for i in range(len(self.ports)):
            port = self.ports[(begin + i) % len(self.ports)]
            if f"{PORTS}{port}" not in taken:
                return port
        return None


class _Port(Protocol):
    @property
    def node_port(self) -> int: ...


class _Spec(Protocol):
    """What the keys of a Service follow from (api.types.service, or a part of it)."""

    @property
    def cluster_ip(self) -> str: ...
    @property
    def cluster_ips(self) -> Sequence[str]: ...
    @property
    def ports(self) -> Sequence[_Port]: ...


def keys(spec: _Spec) -> list[str]:
    """The keys that a Service with this spec holds."""
    ips = spec.cluster_ips or [spec.cluster_ip]
    found = [IPS + ip for ip in ips if ip and ip != HEADLESS]
    return [*found, *dict.fromkeys(f"{PORTS}{p.node_port}" for p in spec.ports if p.node_port)]
