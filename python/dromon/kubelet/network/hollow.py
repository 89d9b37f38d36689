"""The pod network of a hollow node: addresses are allocated, nothing is touched.

Neighbours: interface is what it implements, bridge is the real one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dromon.kubelet.network.interface import HostPort, NetworkError, PodAddress
from dromon.kubelet.network.ipam import Allocator


class HollowNetwork:
    """Implements PodNetwork for simulated nodes; needs no privileges and keeps no state on disk."""

    def __init__(self) -> None:
        self._allocator: Allocator | None = None
        self._kept: dict[str, str] = {}

    def keep(self, pod_uid: str, ip: str) -> None:
        """Before `setup_node`: the pod had this address before a restart, and keeps it if it fits."""
        self._kept[pod_uid] = ip

    async def setup_node(self, pod_cidr: str) -> None:
        if self._allocator is None or str(self._allocator.subnet) != pod_cidr:
            self._allocator = Allocator(pod_cidr)
            for pod_uid, ip in self._kept.items():
                self._allocator.reserve(pod_uid, ip)

    async def attach(self, pod_uid: str, netns_path: str, host_ports: Sequence[HostPort] = ()) -> PodAddress:
        if self._allocator is None:
            raise NetworkError("the node has no pod CIDR yet")
        ip = self._allocator.allocate(pod_uid)
        return PodAddress(ip, self._allocator.gateway, self._allocator.subnet.prefixlen)

    async def detach(self, pod_uid: str) -> None:
        if self._allocator is not None:
            self._allocator.release(pod_uid)

    async def adopt(
        self, live: Mapping[str, str], host_ports: Mapping[str, Sequence[HostPort]] | None = None
    ) -> None:
        if self._allocator is not None:
            for pod in set(self._allocator.pods()) - set(live):
                self._allocator.release(pod)

    async def check(self) -> None:
        pass

    def address(self, pod_uid: str) -> str | None:
        return self._allocator.get(pod_uid) if self._allocator is not None else None
