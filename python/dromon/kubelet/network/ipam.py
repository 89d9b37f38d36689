"""Which pod has which address: a pure allocator over one pod subnet, and its record on disk.

Next-fit, so that an address is not given out again right after it was freed: clients that still have
a connection or a DNS answer for the old pod would reach a stranger.

Neighbours: bridge and hollow allocate from it; interface says what for.
"""

from __future__ import annotations

import contextlib
import ipaddress
import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dromon.kubelet.network.interface import HostPort, NetworkError


class Allocator:
    """Addresses of one subnet: the first is the gateway's, the last the broadcast, the rest are pods'.

    Args:
        cidr: the node's pod subnet, IPv4, at most /30.

    Raises:
        NetworkError: `cidr` is not such a subnet.
    """

    def __init__(self, cidr: str) -> None:
        try:
            subnet = ipaddress.IPv4Network(cidr)
        except ValueError as error:
            raise NetworkError(f"pod CIDR {cidr!r} is not an IPv4 subnet: {error}") from None
        if subnet.prefixlen > 30:
            raise NetworkError(f"pod CIDR {cidr} is too small: no address is left for pods")
        self.subnet = subnet
        self.gateway = str(subnet[1])
        self._first = int(subnet[2])
        self._last = int(subnet[-2])
        self._next = self._first
        self._by_pod: dict[str, int] = {}
        self._taken: set[int] = set()

    def allocate(self, pod: str) -> str:
        """The pod's address: the one that it has, else the next free one.

        Raises:
            NetworkError: none is free.
        """
        held = self._by_pod.get(pod)
        if held is None:
            held = self._free_address()
            self._take(pod, held)
            self._next = held + 1 if held < self._last else self._first
        return str(ipaddress.IPv4Address(held))

    def _free_address(self) -> int:
        if len(self._taken) > self._last - self._first:
            raise NetworkError(f"no free address in {self.subnet}: {len(self._taken)} pods have one")
        candidate = self._next
        while candidate in self._taken:
            candidate = candidate + 1 if candidate < self._last else self._first
        return candidate

    def reserve(self, pod: str, address: str) -> bool:
        """Record that `pod` has `address`; False when it is another pod's or not in the subnet."""
        try:
            number = int(ipaddress.IPv4Address(address))
        except ValueError:
            return False
        if self._by_pod.get(pod) == number:
            return True
        if not self._first <= number <= self._last or number in self._taken:
            return False
        self.release(pod)
        self._take(pod, number)
        return True

    def release(self, pod: str) -> None:
        """Free the pod's address; unknown pods are fine."""
        number = self._by_pod.pop(pod, None)
        if number is not None:
            self._taken.discard(number)

    def get(self, pod: str) -> str | None:
        """The pod's address, if it has one."""
        number = self._by_pod.get(pod)
        return None if number is None else _spell(number)

    def pods(self) -> dict[str, str]:
        """pod uid -> address of all."""
        return {pod: _spell(number) for pod, number in self._by_pod.items()}

    def _take(self, pod: str, number: int) -> None:
        self._by_pod[pod] = number
        self._taken.add(number)


def _spell(number: int) -> str:
    return socket.inet_ntoa(number.to_bytes(4, "big"))


@dataclass
class Record:
    """What is kept on disk of a node's pod network.

    Attributes:
        addresses: pod uid -> address.
        host_ports: pod uid -> host ports, of those that have any.
    """

    addresses: dict[str, str] = field(default_factory=dict)
    host_ports: dict[str, tuple[HostPort, ...]] = field(default_factory=dict)


def save(path: str, addresses: Mapping[str, str], host_ports: Mapping[str, Sequence[HostPort]]) -> None:
    """Write the record atomically. Not synced: after a power cut no sandbox is left to adopt."""
    ports = {
        pod: [[p.host_port, p.container_port, p.protocol, p.host_ip] for p in listed]
        for pod, listed in host_ports.items()
    }
    temporary = f"{path}.new"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(temporary, "w", encoding="utf-8") as file:
        json.dump({"addresses": dict(addresses), "hostPorts": ports}, file)
    os.replace(temporary, path)


def load(path: str) -> Record:
    """Read the record; an absent or damaged one is empty, since `adopt` reads the interfaces themselves."""
    record = Record()
    with contextlib.suppress(OSError, ValueError, TypeError, AttributeError, KeyError, IndexError):
        with open(path, encoding="utf-8") as file:
            content: Any = json.load(file)
        addresses = {str(pod): str(address) for pod, address in content["addresses"].items()}
        host_ports = {
            str(pod): tuple(HostPort(int(p[0]), int(p[1]), str(p[2]), str(p[3])) for p in listed)
            for pod, listed in content["hostPorts"].items()
        }
        record = Record(addresses, host_ports)
    return record
