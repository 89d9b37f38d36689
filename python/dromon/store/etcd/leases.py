"""Leases for keys with a time to live, shared by keys that are written at about the same time.

A lease per key would cost a round trip and memory in every member for each of thousands of events. A shared
one lives longer than asked by as long as it is handed out: keys never go early, and late by a tenth at most.
etcd deletes the keys of a lease in one transaction, so no two of them may have the same slot (see layout).

Neighbours: writer asks for them; etcd deletes the keys of a lease that ends.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from aetcd import rpc

from dromon.store.etcd.cluster import Cluster
from dromon.store.etcd.layout import Layout

_SHARED = 60  # seconds at most for which a lease is handed out
_KEYS = 1_000  # keys at most on one lease: they are all deleted in one transaction
_SLACK = 1  # seconds between asking for a lease and the write that uses it


@dataclass(slots=True)
class _Lease:
    """Attributes:
    until: loop time until which it is handed out.
    keys: those that have it, by slot.
    """

    number: int
    until: float
    keys: dict[int, bytes] = field(default_factory=dict)

    def takes(self, slot: int, key: bytes) -> bool:
        return self.keys.get(slot) == key or (slot not in self.keys and len(self.keys) < _KEYS)


class Leases:
    """Times are of the machine's clock, as etcd's are."""

    def __init__(self, cluster: Cluster, layout: Layout) -> None:
        self._cluster = cluster
        self._layout = layout
        self._leases: dict[int, list[_Lease]] = {}
        self._granting: dict[int, asyncio.Lock] = {}

    async def get(self, ttl: int, key: bytes, since: float | None = None) -> int:
        """A lease for a key in etcd that is written now, so that it lives for `ttl` seconds or a bit longer.

        Args:
            since: as of Cluster.write.

        Raises:
            NotAccepted, Unavailable: there is none to be had; nothing was written.
        """
        async with self._granting.setdefault(ttl, asyncio.Lock()):
            now = asyncio.get_running_loop().time()
            slot = self._layout.slot(key)
            usable = self._leases[ttl] = [x for x in self._leases.get(ttl, ()) if x.until > now]
            lease = next((x for x in usable if x.takes(slot, key)), None)
            if lease is None:
                shared = min(ttl // 10, _SHARED)
                request = rpc.LeaseGrantRequest(TTL=max(ttl, 1) + shared + _SLACK)
                answer = await self._cluster.write(lambda m: m.lease.LeaseGrant, request, since)
                lease = _Lease(answer.ID, now + shared)
                usable.append(lease)
            lease.keys[slot] = key
            return lease.number

    def forget(self) -> None:
        """One was gone before its time (somebody revoked it): ask for new ones."""
        self._leases.clear()

    async def remaining(self) -> dict[bytes, float]:
        """Seconds left for every key in etcd that has a lease."""
        answer = await self._cluster.read(lambda m: m.lease.LeaseLeases, rpc.LeaseLeasesRequest())
        found: dict[bytes, float] = {}
        for lease in answer.leases:
            request = rpc.LeaseTimeToLiveRequest(ID=lease.ID, keys=True)
            status = await self._cluster.read(lambda m: m.lease.LeaseTimeToLive, request)
            found.update((key, float(max(status.TTL, 0))) for key in status.keys)
        return found
