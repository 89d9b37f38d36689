"""History is cut by age, by one of the API servers that share the store.

Each notes which revision was the newest when. Who is first to write the record of the next cut makes it; the
others see that the record moved, and wait for the next time (as upstream's compactor does).

Neighbours: store runs it; watches and lists of what was cut are told Compacted.
"""

from __future__ import annotations

import contextlib
import logging
from collections import deque
from typing import Any

from aetcd import rpc

from dromon.base.clock import Clock
from dromon.store.etcd.cluster import CallFailed, Cluster
from dromon.store.etcd.layout import COMPACTED, Layout
from dromon.store.etcd.reader import Reader
from dromon.store.interface import StoreError

_SHARE = 10  # looks within the age that is kept: history is at most a tenth older

_log = logging.getLogger(__name__)


class Compactor:
    """Args:
    age: seconds for which history is kept.
    """

    def __init__(self, cluster: Cluster, layout: Layout, reader: Reader, clock: Clock, age: float) -> None:
        self._cluster = cluster
        self._key = layout.key(COMPACTED)
        self._reader = reader
        self._clock = clock
        self._age = age
        self._marks: deque[tuple[float, int]] = deque()
        self._seen = 0
        self.compacted = 0
        """etcd's revision up to which this process cut last."""

    async def run(self) -> None:
        """Cut what is too old, for ever."""
        while True:
            try:
                await self._look()
            except StoreError as error:
                _log.warning("etcd's history is not cut: %s", error)
            await self._clock.sleep(self._age / _SHARE)

    async def _look(self) -> None:
        now = self._clock.monotonic()
        self._marks.append((now, await self._reader.barrier()))
        cut = 0
        while self._marks and now - self._marks[0][0] >= self._age:
            cut = self._marks.popleft()[1]
        if await self._mine(cut) and cut:
            await self.compact(cut)

    async def _mine(self, cut: int) -> bool:
        """Whether nobody else cut since the last look; claims this turn if there is something to cut."""
        claim = rpc.RequestOp(request_put=rpc.PutRequest(key=self._key, value=str(cut).encode()))
        read = rpc.RequestOp(request_range=rpc.RangeRequest(key=self._key))
        stands = rpc.Compare(
            key=self._key, target=rpc.Compare.MOD, result=rpc.Compare.EQUAL, mod_revision=self._seen
        )
        request: Any = rpc.TxnRequest(compare=[stands], success=[claim] if cut else [], failure=[read])
        answer = await self._cluster.write(lambda m: m.kv.Txn, request)
        if answer.succeeded:
            self._seen = answer.header.revision if cut else self._seen
            return True
        kvs = answer.responses[0].response_range.kvs
        self._seen = kvs[0].mod_revision if kvs else 0
        return False

    async def compact(self, revision: int) -> None:
        """Cut history up to etcd's `revision`; no matter whether it was cut already.

        Raises:
            Unavailable.
        """
        with contextlib.suppress(CallFailed):
            request = rpc.CompactionRequest(revision=revision)
            await self._cluster.write(lambda m: m.kv.Compact, request)
            self.compacted = max(self.compacted, revision)
