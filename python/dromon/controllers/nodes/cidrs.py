"""Subnets of the pod network, one a node: which are taken, which is next. Pure, no I/O.

"10.1.1.0/24, 10.1.2.0/24 ..." (talk, slides on networking): the lowest free subnet, and the first of all
(10.1.0.0/24) last, so that a small cluster's subnets count like its nodes.

Neighbours: ipam.py gives them to nodes.
"""

from __future__ import annotations

import heapq
from ipaddress import IPv4Network, IPv6Network, ip_network

Network = IPv4Network | IPv6Network


class Subnets:
    """The subnets of a network.

    Args:
        network: "10.1.0.0/16".
        prefix: length of a subnet's prefix: 24.

    Raises:
        ValueError: a subnet would be larger than the network, or longer than an address.
    """

    def __init__(self, network: str, prefix: int) -> None:
        self.network: Network = ip_network(network)
        if not self.network.prefixlen <= prefix <= self.network.max_prefixlen:
            raise ValueError(f"subnets /{prefix} do not fit into {network}")
        self._bits = self.network.max_prefixlen - prefix
        self._prefix = prefix
        self.size = 1 << (prefix - self.network.prefixlen)
        self._holders: dict[int, set[str]] = {}
        self._fresh = 0
        self._freed: list[int] = []

    def take(self, holder: str) -> str | None:
        """The next free subnet, now taken by `holder`; None: there is none."""
        while self._freed:
            place = heapq.heappop(self._freed)
            if self._index(place) not in self._holders:
                return self._give(self._index(place), holder)
        while self._fresh < self.size:
            index = self._index(self._fresh)
            self._fresh += 1
            if index not in self._holders:
                return self._give(index, holder)
        return None

    def occupy(self, subnet: str, holder: str) -> bool:
        """Take note that `holder` has a subnet; False where somebody else has (part of) it, too.

        A subnet outside of the network is nobody else's business.

        Raises:
            ValueError: it is no subnet.
        """
        alone = True
        for index in self._covered(ip_network(subnet)):
            holders = self._holders.setdefault(index, set())
            holders.add(holder)
            alone = alone and holders == {holder}
        return alone

    def release(self, subnet: str, holder: str) -> None:
        """`holder` has the subnet no longer; what nobody has is free again."""
        for index in self._covered(ip_network(subnet)):
            holders = self._holders.get(index, set())
            holders.discard(holder)
            if not holders and self._holders.pop(index, None) is not None:
                heapq.heappush(self._freed, self._place(index))

    def _give(self, index: int, holder: str) -> str:
        self._holders[index] = {holder}
        address = self.network.network_address + (index << self._bits)
        return f"{address}/{self._prefix}"

    def _index(self, place: int) -> int:
        """The subnet that is the `place`-th to be given away: 1, 2, 3 ... and 0 at the end."""
        return (place + 1) % self.size

    def _place(self, index: int) -> int:
        return (index - 1) % self.size

    def _covered(self, subnet: Network) -> range:
        if subnet.version != self.network.version or not subnet.overlaps(self.network):
            return range(0)
        base = int(self.network.network_address)
        first = max(int(subnet.network_address) - base, 0) >> self._bits
        last = min(int(subnet.broadcast_address), int(self.network.broadcast_address)) - base
        return range(first, (last >> self._bits) + 1)
