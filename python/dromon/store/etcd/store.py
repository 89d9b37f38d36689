"""A Store over an etcd cluster: what Store promises, put together from the package's parts.

Neighbours: writer, reader, watch do the work; record, restore, compactor and monitor keep the store itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from aetcd import rpc

from dromon.base.clock import Clock, SystemClock
from dromon.store.etcd import record, restore
from dromon.store.etcd.cluster import READ, SILENCE, Cluster
from dromon.store.etcd.compactor import Compactor
from dromon.store.etcd.layout import PROGRESS, Layout
from dromon.store.etcd.leases import Leases
from dromon.store.etcd.monitor import Monitor
from dromon.store.etcd.reader import Reader
from dromon.store.etcd.txn import commit
from dromon.store.etcd.url import EtcdConfig
from dromon.store.etcd.watch import Watch
from dromon.store.etcd.writer import Writer
from dromon.store.figures import Figures
from dromon.store.interface import (
    Batch,
    Compacted,
    KeyValue,
    NotAccepted,
    Op,
    Page,
    Restored,
    StoreError,
    Unavailable,
)
from dromon.store.snapshot_items import check_restorable

_NUDGE = 0.03  # seconds that watches have to show a revision by themselves
# Seconds for watches to end before their channels do, and for gRPC's last completions to come: those that
# come after the event loop is closed are told as errors.
_SETTLE = 0.02

_log = logging.getLogger(__name__)


class EtcdStore:
    """A Store that any number of processes share.

    Args:
        clock: for the age of history and looks at the cluster's health. Deadlines and times to live are
            etcd's own, in real time.
    """

    shared = True

    def __init__(self, config: EtcdConfig, clock: Clock | None = None) -> None:
        self._config = config
        self._clock = clock or SystemClock()
        self._revision = 0
        self._layout = Layout()
        self._record = record.Record(b"")
        self._watches: set[Watch] = set()
        self._nudging = False
        self._held = False
        self._refused: str | None = "the store is not started"
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = False

    async def start(self) -> None:
        self._cluster = Cluster(self._config)
        try:
            prefix = self._config.prefix.encode()
            self._record, self._revision = await record.read(self._cluster, prefix)
        except BaseException:
            await self._cluster.close()
            raise
        self._started = True
        self._assemble()
        self._monitor = Monitor(self._cluster, self._clock)
        self._run(self._monitor.run(), "etcd-monitor")
        self._refused = record.HALF_RESTORED if self._record.restoring else None

    def _assemble(self) -> None:
        """Make the parts that follow from the record."""
        self._layout = Layout(self._config.prefix.encode(), self._record.offset)
        cluster, layout = self._cluster, self._layout
        self._leases = Leases(cluster, layout)
        self._reader = Reader(cluster, layout, self._learnt)
        self._writer = Writer(cluster, layout, self._leases, self._guard, self._refuse, self._learnt)
        self._compactor = Compactor(cluster, layout, self._reader, self._clock, self._config.history)
        if not self._record.restoring:
            self._run(self._compactor.run(), "etcd-compactor")

    async def close(self) -> None:
        if not self._started:
            self._refused = "the store is closed"
            return
        self._started = False
        self._refused = "the store is closed"
        await self._writer.drain()
        for watch in self._watches:
            watch.end()
        await self._stop()
        await asyncio.sleep(_SETTLE)
        await self._cluster.close()
        await asyncio.sleep(_SETTLE)

    async def _stop(self, *names: str) -> None:
        """End the tasks that are named, or all."""
        for task in list(self._tasks):
            if not names or task.get_name() in names:
                self._tasks.discard(task)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def revision(self) -> int:
        return self._layout.whole(self._revision) if self._revision else 0

    def check(self) -> str | None:
        if self._refused is not None:
            return self._refused
        return self._cluster.fault or self._monitor.alarm

    def figures(self) -> Figures:
        """Numbers for /metrics, by their names there: gauges, but for `..._total`, which only grow.

        `etcd_db_total_size_in_bytes` less `etcd_db_in_use_size_in_bytes` is what defragmenting would free.
        """
        return {
            **self._monitor.figures(),
            **self._writer.durable.figures(),
            "etcd_transactions_total": float(self._writer.transactions),
            "etcd_commits_total": float(self._writer.commits),
            "etcd_watches": float(len(self._watches)),
        }

    # -- reading

    async def get(self, key: str) -> KeyValue | None:
        self._usable()
        return await self._reader.get(key)

    async def newest(self, key: str) -> KeyValue | None:
        # Nothing could build on a write whose revision is not known yet: wait for it.
        self._usable()
        try:
            async with asyncio.timeout(READ):
                await self._writer.settled(self._layout.key(key))
                return await self._reader.get(key)
        except TimeoutError:
            raise Unavailable("etcd does not answer") from None

    async def settled(self, key: str) -> None:
        """At once: `newest` shows only what is committed."""

    async def barrier(self) -> int:
        self._usable()
        newest = await self._reader.barrier()
        self._want(newest)
        return self._layout.whole(newest)

    async def list(self, prefix: str, *, revision: int = 0, after: str = "", limit: int = 0) -> Page:
        self._usable()
        return await self._reader.list(prefix, revision, after, limit)

    async def expiries(self) -> dict[str, float]:
        self._usable()
        await self._reader.barrier()  # a member tells of its leases even when it is cut off
        found = await self._leases.remaining()
        own = self._layout.prefix
        return {self._layout.name(key): left for key, left in found.items() if key.startswith(own)}

    # -- writing

    async def commit(self, ops: Sequence[Op]) -> int:
        if self._refused is not None:
            raise NotAccepted(self._refused)
        if not ops:
            return self.revision
        return await self._writer.commit(commit(ops, self._layout))

    async def compact(self, revision: int) -> None:
        self._usable()
        # Only whole transactions can be forgotten.
        upto = self._layout.split(revision + 1)[0] - 1
        if upto > 0:
            await self._compactor.compact(min(upto, await self._reader.barrier()))

    async def restore(self, items: Sequence[Restored], revision: int) -> None:
        if self._refused is not None and not self._record.restoring:
            raise NotAccepted(self._refused)
        check_restorable(items, revision)
        await self._writer.drain()
        self._hold_watches(True)
        try:
            self._record, self._revision = await restore.restore(
                self._cluster, self._record, self._layout.prefix, items, revision
            )
        finally:
            self._hold_watches(False)
        await self._stop("etcd-compactor")
        self._assemble()
        self._refused = None
        for watch in self._watches:
            watch.end(Compacted(self.revision))

    def _hold_watches(self, held: bool) -> None:
        """Nobody sees a restore half done."""
        self._held = held
        for watch in self._watches:
            watch.hold(held)

    # -- watching

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Batch]:
        self._usable()
        watch = Watch(self._cluster, self._layout, prefix, after)
        watch.hold(self._held)
        self._watches.add(watch)
        try:
            async with aclosing(watch.batches()) as batches:
                async for batch in batches:
                    self._learnt(watch.seen)
                    yield batch
        finally:
            self._watches.discard(watch)

    async def history(self, prefix: str, after: int, upto: int) -> AsyncIterator[Batch]:
        if after >= upto:
            return
        self._usable()
        async with aclosing(self.watch(prefix, after)) as batches:  # type: ignore[type-var]
            self._want(self._layout.split(upto)[0])
            while (batch := await self._heard(batches)) is not None:
                if batch.changes and batch.revision <= upto:
                    yield batch
                if batch.revision >= upto:
                    return

    async def _heard(self, batches: AsyncIterator[Batch]) -> Batch | None:
        """The next batch, which is known to exist; a watch would wait for it until a majority is back."""
        try:
            async with asyncio.timeout(SILENCE):
                return await anext(batches, None)
        except TimeoutError:
            raise Unavailable("etcd does not answer") from None

    # -- progress

    def _learnt(self, revision: int) -> None:
        self._revision = max(self._revision, revision)

    def _want(self, revision: int) -> None:
        """See to it that watches show etcd's `revision`, though it may be none of this store's."""
        if not self._nudging and any(w.seen < revision for w in self._watches):
            self._nudging = True
            self._run(self._nudge(revision), "etcd-nudge")

    async def _nudge(self, revision: int) -> None:
        """Write something that the watches show.

        etcd can be asked for progress, but before v3.4.25 and v3.5.8 its answer may overtake events.
        """
        try:
            await asyncio.sleep(_NUDGE)
            if any(w.seen < revision for w in self._watches):
                put = rpc.PutRequest(key=self._layout.key(PROGRESS))
                await self._cluster.write(lambda m: m.kv.Put, put)
        except StoreError as error:
            _log.info("etcd can't be asked how far watches are: %s", error)
        finally:
            self._nudging = False

    # -- the record

    def _guard(self) -> object:
        return self._record.guard()

    def _refuse(self) -> str:
        """A write found the record changed: another process restores, or restored, the store."""
        self._refused = "the store was restored from a snapshot meanwhile: start anew"
        return self._refused

    def _usable(self) -> None:
        if not self._started:
            raise Unavailable(self._refused or "the store is not started")
        if self._record.restoring:
            raise StoreError(record.HALF_RESTORED)
