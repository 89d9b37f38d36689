"""Reads: gets that share a round trip, and lists at one revision, however long.

A shown revision may lie within an etcd transaction (see layout). What the state was there follows from the
two revisions around it: keys that the transaction changed count as changed up to the slot.

Neighbours: store serves get, list and barrier by it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from aetcd import rpc

from dromon.store.etcd.cluster import CallFailed, Cluster
from dromon.store.etcd.failures import Proof
from dromon.store.etcd.layout import STATE, WHOLE, Layout
from dromon.store.etcd.txn import LIMIT, key_value
from dromon.store.etcd.watch import compacted
from dromon.store.interface import Compacted, KeyValue, Page, StoreError, Unavailable

Keys = list[tuple[bytes, asyncio.Future[KeyValue | None]]]  # inside the class, `list` is the method
Items = list[KeyValue]

_CHUNK = 2_000  # keys in one answer: some MB


class Reader:
    """Args:
    learnt: is told etcd's newest revision with every answer.
    """

    def __init__(self, cluster: Cluster, layout: Layout, learnt: Callable[[int], None]) -> None:
        self._cluster = cluster
        self._layout = layout
        self._learnt = learnt
        self._asked: Keys = []
        self._asking: asyncio.Task[None] | None = None
        self._barriers: list[asyncio.Future[int]] = []

    async def barrier(self) -> int:
        """etcd's newest revision, agreed on by a majority after this call began.

        Raises:
            Unavailable.
        """
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._barriers.append(answer)
        self._ask()
        return await answer

    async def get(self, key: str) -> KeyValue | None:
        """The key as it stands, agreed on as `barrier`.

        Raises:
            Unavailable.
        """
        answer: asyncio.Future[KeyValue | None] = asyncio.get_running_loop().create_future()
        self._asked.append((self._layout.key(key), answer))
        self._ask()
        return await answer

    async def list(self, prefix: str, revision: int, after: str, limit: int) -> Page:
        """As Store.list.

        Raises:
            Compacted, Unavailable; StoreError for a revision in the future.
        """
        at, slot = self._layout.split(revision) if revision else (0, WHOLE)
        if revision and at < 1:
            raise Compacted(await self._oldest())
        try:
            if slot == WHOLE or at == 1:  # etcd's first revision is the empty store's
                page = await self._list_whole(prefix, at, after, limit)
                return Page(page.items, revision or page.revision, page.more)
            return await self._list_within(prefix, revision, after, limit)
        except CallFailed as error:
            if error.proof is Proof.COMPACTED:
                raise Compacted(await self._oldest()) from None
            newest = self._layout.whole(await self.barrier())
            raise StoreError(f"revision {revision} is in the future; the newest is {newest}") from None

    async def _oldest(self) -> int:
        return self._layout.whole(await compacted(self._cluster, self._layout))

    # -- gets

    def _ask(self) -> None:
        """What arrives while one request is on its way shares the next."""
        if self._asking is None:
            self._asking = asyncio.get_running_loop().create_task(self._answer(), name="etcd-read")

    async def _answer(self) -> None:
        try:
            while self._asked or self._barriers:
                asked, self._asked = self._asked[:LIMIT], self._asked[LIMIT:]
                barriers, self._barriers = self._barriers, []
                try:
                    found, revision = await self._read([k for k, _ in asked])
                except StoreError as error:
                    # Those that came meanwhile waited long enough, too.
                    asked, self._asked = asked + self._asked, []
                    barriers, self._barriers = barriers + self._barriers, []
                    _fail([*(a for _, a in asked), *barriers], error)
                    continue
                self._learnt(revision)
                for (_, asker), kv in zip(asked, found, strict=True):
                    if not asker.done():
                        asker.set_result(kv)
                for barrier in barriers:
                    if not barrier.done():
                        barrier.set_result(revision)
        finally:
            self._asking = None

    async def _read(self, keys: Sequence[bytes]) -> tuple[Sequence[KeyValue | None], int]:
        """All of `keys` in one linearizable read, and etcd's revision then."""
        if len(keys) < 2:
            key = keys[0] if keys else self._layout.key(STATE)
            request = rpc.RangeRequest(key=key, count_only=not keys)
            answer = await self._cluster.read(lambda m: m.kv.Range, request)
            ranges = [answer] if keys else []
        else:
            reads = [rpc.RequestOp(request_range=rpc.RangeRequest(key=k)) for k in keys]
            answer = await self._cluster.read(lambda m: m.kv.Txn, rpc.TxnRequest(success=reads))
            ranges = [r.response_range for r in answer.responses]
        found = [key_value(r.kvs[0], self._layout) if r.kvs else None for r in ranges]
        return found, int(answer.header.revision)

    # -- lists

    async def _list_whole(self, prefix: str, at: int, after: str, limit: int) -> Page:
        scan = _Scan(self, self._cluster, self._layout, at)
        items: Items = []
        async with aclosing(scan.run(prefix, after, limit + 1 if limit else 0)) as found:
            async for kv in found:
                items.append(key_value(kv, self._layout))
                if limit and len(items) > limit:
                    break
        shown = self._layout.whole(scan.at)
        more = bool(limit) and len(items) > limit
        return Page(items[:limit] if more else items, shown, more)

    async def _list_within(self, prefix: str, revision: int, after: str, limit: int) -> Page:
        at, slot = self._layout.split(revision)
        later, earlier = (_Scan(self, self._cluster, self._layout, r) for r in (at, at - 1))
        items: Items = []
        size = limit + 1 if limit else 0
        async with (
            aclosing(later.run(prefix, after, size)) as new,
            aclosing(earlier.run(prefix, after, size)) as old,
        ):
            async for now, then in _side_by_side(new, old):
                changed = now is None or now.mod_revision == at
                key = (now or then).key
                stands = then if changed and self._layout.slot(key) > slot else now
                if stands is not None:
                    items.append(key_value(stands, self._layout))
                    if limit and len(items) > limit:
                        return Page(items[:limit], revision, True)
        return Page(items, revision, False)

    def learnt(self, revision: int) -> None:
        """Pass on etcd's revision."""
        self._learnt(revision)


class _Scan:
    """Keys in order, all of one revision, read in chunks.

    Attributes:
        at: etcd's revision; 0 until the first chunk has said which is the newest.
    """

    def __init__(self, reader: Reader, cluster: Cluster, layout: Layout, at: int) -> None:
        self._reader = reader
        self._cluster = cluster
        self._layout = layout
        self.at = at

    async def run(self, prefix: str, after: str, size: int) -> AsyncGenerator[Any, None]:
        """etcd's key-values; `size`: how many will be wanted, 0: all."""
        start, end = self._layout.range(prefix)
        if after:
            start = max(start, self._layout.key(after) + b"\0")
        if end != b"\0" and start >= end:
            start, size = end, 1  # nothing: but the revision is wanted
        while True:
            limit = min(size, _CHUNK) if size else _CHUNK
            request = rpc.RangeRequest(key=start, range_end=end, limit=limit, revision=self.at)
            answer = await self._cluster.read(lambda m: m.kv.Range, request)
            self._reader.learnt(answer.header.revision)
            self.at = self.at or answer.header.revision
            for kv in answer.kvs:
                if not self._layout.own(kv.key):
                    yield kv
            if not answer.more:
                return
            start = answer.kvs[-1].key + b"\0"


async def _side_by_side(
    new: AsyncGenerator[Any, None], old: AsyncGenerator[Any, None]
) -> AsyncGenerator[tuple[Any, Any], None]:
    """Both in key order, equal keys together, None where one has nothing."""
    a, b = await anext(new, None), await anext(old, None)
    while a is not None or b is not None:
        first = a is not None and (b is None or a.key <= b.key)
        second = b is not None and (a is None or b.key <= a.key)
        yield (a if first else None), (b if second else None)
        a = await anext(new, None) if first else a
        b = await anext(old, None) if second else b


def _fail(answers: list[asyncio.Future[Any]], error: StoreError) -> None:
    if not isinstance(error, Unavailable):
        error = Unavailable(str(error))
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
            answer.exception()  # whoever asked may have left
