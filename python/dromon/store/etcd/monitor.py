"""How the etcd cluster is: members, alarms, the size of its database; for readyz and metrics.

Neighbours: store runs it and shows what it found.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import grpc.aio
from aetcd import rpc

from dromon.base.clock import Clock
from dromon.store.etcd.cluster import Cluster, Member
from dromon.store.etcd.failures import NO_SPACE
from dromon.store.interface import StoreError

_EVERY = 5.0  # seconds
_STATUS = 2.0  # seconds that a member has to say how it is

_CORRUPT = "etcd members disagree about their data: find the one that is wrong and replace it, from its peers"

_log = logging.getLogger(__name__)


class Monitor:
    """Attributes:
    alarm: what is wrong with the cluster, None: nothing.
    """

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._statuses: list[Any | None] = [None] * len(cluster.members)
        self.alarm: str | None = None

    async def run(self) -> None:
        """Look every few seconds, for ever."""
        while True:
            await self.look()
            await self._clock.sleep(_EVERY)

    async def look(self) -> None:
        """Ask every member how it is, and the cluster for its alarms."""
        self._statuses = await asyncio.gather(*map(_status, self._cluster.members))
        try:
            # Linearizable, unlike a member's status: it fails without a majority, and sets cluster.fault.
            request = rpc.AlarmRequest(action=rpc.AlarmRequest.GET, alarm=rpc.NONE)
            await self._cluster.read(lambda m: m.kv.Range, rpc.RangeRequest(key=b"\0", count_only=True))
            answer = await self._cluster.read(lambda m: m.maintenance.Alarm, request)
        except StoreError:
            return
        alarms = {a.alarm for a in answer.alarms}
        found = [t for kind, t in ((rpc.NOSPACE, NO_SPACE), (rpc.CORRUPT, _CORRUPT)) if kind in alarms]
        if found and self.alarm is None:
            _log.error("%s", found[0])
        self.alarm = "; ".join(found) or None

    def figures(self) -> dict[str, float]:
        """As EtcdStore.figures."""
        known = [s for s in self._statuses if s is not None]
        return {
            "etcd_members": float(len(self._statuses)),
            "etcd_members_answering": float(len(known)),
            "etcd_db_total_size_in_bytes": float(max((s.dbSize for s in known), default=0)),
            "etcd_db_in_use_size_in_bytes": float(max((s.dbSizeInUse for s in known), default=0)),
            "etcd_alarm": float(self.alarm is not None),
        }


async def _status(member: Member) -> Any | None:
    try:
        return await member.maintenance.Status(rpc.StatusRequest(), timeout=_STATUS)
    except grpc.aio.AioRpcError:
        return None
