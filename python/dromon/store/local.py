"""The embedded stores' event-loop side: accept, commit in groups, publish, watch, expire.

Writes are accepted one after the other on the event loop, against the newest accepted state. While the
journal makes one group durable, the next gathers; what is durable is published in order, and then answered.

Neighbours: state, history and past (what was), journal (durability), memory and sqlite (the backends),
retention (how long history is kept), ttl (keys that delete themselves).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from itertools import islice

from dromon.base.backoff import Backoff
from dromon.base.clock import Clock
from dromon.store.figures import Commits, Figures
from dromon.store.history import History, Limits
from dromon.store.interface import (
    Batch,
    CompareFailed,
    Delete,
    KeyValue,
    NotAccepted,
    NotEmpty,
    Op,
    Page,
    Restored,
    StoreError,
    Unavailable,
)
from dromon.store.journal import Journal, JournalError
from dromon.store.past import Past
from dromon.store.retention import Retention
from dromon.store.snapshot_items import check_restorable
from dromon.store.state import State, Transaction
from dromon.store.ttl import Expiries

_FIRST = 1  # revision of an empty store, as etcd's: 0 means "any" to clients
_GROUP = 1_000  # transactions made durable together: bounds how long the first one waits for the others
_TICK = 1.0  # seconds between looks at expiries and history
_RETRY = (1.0, 15.0)  # seconds between attempts to write again after a failure: at first, and in the end

_log = logging.getLogger(__name__)


class LocalStore:
    """A Store whose state is in this process, durable as far as its journal is.

    Args:
        journal: None: nothing is durable.
        clock: for times to live and the age of history.
        memory: bounds of the history in memory.
        kept: bounds of the journal's history.
    """

    def __init__(self, journal: Journal | None, clock: Clock, memory: Limits, kept: Limits) -> None:
        self._journal = journal
        self._clock = clock
        self._memory = memory
        self._kept = kept
        self._state = State(revision=_FIRST)
        self._history = History(0, memory)
        self._retention = Retention(kept, 0, 0, 0, 0.0)
        self._past = Past(journal, self._state, self._history, self._retention)
        self._expiries = Expiries()
        self._commits = Commits()
        self._pending: list[tuple[Transaction, asyncio.Future[int]]] = []
        self._wake = asyncio.Event()
        self._waiting: list[asyncio.Future[None]] = []
        self._fault: str | None = "the store is not started"
        self._failures = 0  # how often writes in flight were given up
        self._untidy: str | None = None  # what is wrong, though writing goes on
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read the journal, if there is one, and begin to serve."""
        if self._journal is not None:
            found = await self._journal.open()
            revision = max(found.revision, _FIRST)
            self._expiries = Expiries(found.expiries)
            compacted = found.compacted if found.changes else revision
            self._begin(State(found.items, revision), compacted, found.changes, found.size)
            self._tasks.append(asyncio.create_task(self._flush(self._journal), name="store-flush"))
        self._fault = None
        self._tasks.append(asyncio.create_task(self._housekeeping(), name="store-housekeeping"))

    def _begin(self, state: State, compacted: int, changes: int = 0, size: int = 0) -> None:
        """Serve `state`, whose history (of `changes` and bytes) begins after revision `compacted`."""
        now = self._clock.monotonic()
        self._state = state
        self._history = History(state.revision, self._memory)
        self._retention = Retention(self._kept, compacted, changes, size, now)
        self._retention.note(state.revision, now)
        self._past = Past(self._journal, state, self._history, self._retention)

    async def close(self) -> None:
        """Finish writes in flight, end watches, let go of the journal."""
        if self._closing:
            return
        self._closing = True
        self._wake.set()
        for task in self._tasks:
            # A flush that works is let finish; one that waits for a broken disk has nothing in flight.
            if task.get_name() != "store-flush" or self._fault is not None:
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._fault = "the store is closed"
        self._announce()
        if self._journal is not None:
            await self._journal.close()

    @property
    def revision(self) -> int:
        return self._state.revision

    @property
    def shared(self) -> bool:
        return False

    @property
    def compacted(self) -> int:
        """The oldest revision that can be asked for."""
        return self._past.compacted

    def check(self) -> str | None:
        return self._fault or self._untidy

    def figures(self) -> Figures:
        """For /metrics."""
        return self._commits.figures()

    async def get(self, key: str) -> KeyValue | None:
        return self._state.get(key)

    async def newest(self, key: str) -> KeyValue | None:
        return self._state.newest(key)

    async def settled(self, key: str) -> None:
        upto, failures = self._state.in_flight(key), self._failures
        while self._state.revision < upto and self._failures == failures and self._fault is None:
            await self._next()
        if upto and (self._failures != failures or self._state.revision < upto):
            raise NotAccepted(self._fault or "the write that this depended on failed")

    async def barrier(self) -> int:
        # One process writes here, and an answered write is published.
        return self._state.revision

    async def commit(self, ops: Sequence[Op]) -> int:
        if self._fault is not None or self._closing:
            raise NotAccepted(self._fault or "the store is closing")
        if not ops:
            return self._state.revision
        transaction = self._state.accept(ops, self._clock.now())
        if self._journal is None:
            self._publish([transaction])
            return transaction.revision
        answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._pending.append((transaction, answer))
        self._wake.set()
        return await answer

    async def list(self, prefix: str, *, revision: int = 0, after: str = "", limit: int = 0) -> Page:
        shown = revision or self._state.revision
        if shown > self._state.revision:
            raise StoreError(f"revision {shown} is in the future; the newest is {self._state.revision}")
        found: Iterable[KeyValue]
        if shown == self._state.revision:
            found = self._state.scan(prefix, after)
        else:
            undone = await self._past.undo(shown, prefix)
            found = self._state.scan_undone(prefix, after, undone)
        items = list(islice(found, limit + 1)) if limit else list(found)
        more = bool(limit) and len(items) > limit
        return Page(items[:limit] if more else items, shown, more)

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Batch]:
        seen = after
        while not self._closing:
            found, upto = await self._past.read(seen)
            for transaction in found:
                seen = transaction.revision
                if (batch := _batch(transaction, prefix)) is not None:
                    yield batch
            seen = max(seen, upto)
            if not found and seen >= self._state.revision and not self._closing:
                await self._next()

    async def history(self, prefix: str, after: int, upto: int) -> AsyncIterator[Batch]:
        seen, upto = after, min(upto, self._state.revision)
        while seen < upto and not self._closing:
            found, reached = await self._past.read(seen)
            if not found and reached <= seen:
                return
            for transaction in found:
                seen = transaction.revision
                if seen > upto:
                    return
                if (batch := _batch(transaction, prefix)) is not None:
                    yield batch
            seen = max(seen, reached)

    async def compact(self, revision: int) -> None:
        revision = min(revision, self._state.revision)
        self._history.compact(revision)
        if self._journal is not None and revision > self._retention.compacted:
            self._retention.cut(revision)
            while await self._journal.compact(revision):
                pass

    async def expiries(self) -> dict[str, float]:
        return self._expiries.left(self._state, self._clock.now())

    async def restore(self, items: Sequence[Restored], revision: int) -> None:
        if self._fault is not None or self._closing:
            raise NotAccepted(self._fault or "the store is closing")
        check_restorable(items, revision)
        if not self._state.empty:
            raise NotEmpty("only an empty store can be restored to, and this one is not empty")
        revision = max(revision, self._state.revision) + 1
        now = self._clock.now()
        rows = [
            (
                KeyValue(i.key, i.value, i.create_revision, i.mod_revision),
                None if i.ttl is None else now + i.ttl,
            )
            for i in items
        ]
        self._fault = "the store is being restored"  # nobody may write beneath it
        if self._journal is not None:
            try:
                await self._journal.restore(rows, revision)
            except JournalError as error:
                self._fault = f"restoring the store failed: {error}"
                raise Unavailable(self._fault) from error
        self._begin(State((kv for kv, _ in rows), revision), revision)
        self._expiries = Expiries([(at, kv.key, kv.mod_revision) for kv, at in rows if at is not None])
        self._fault = None
        self._announce()

    # -- writing

    async def _flush(self, journal: Journal) -> None:
        """Make accepted transactions durable, a group at a time, until the store closes."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                group = self._pending[:_GROUP]
                del self._pending[:_GROUP]
                began = self._clock.monotonic()
                try:
                    await journal.append([t for t, _ in group])
                except Exception as error:  # whatever it is, nobody may wait for ever
                    self._fail(group, str(error))
                    await self._recover(journal)
                    continue
                self._commits.add(len(group), self._clock.monotonic() - began)
                self._publish([t for t, _ in group])
                for transaction, answer in group:
                    if not answer.done():
                        answer.set_result(transaction.revision)
            if self._closing:
                return

    def _publish(self, transactions: Sequence[Transaction]) -> None:
        now = self._clock.monotonic()
        for transaction in transactions:
            self._state.publish(transaction)
            self._history.append(transaction, now)
            self._retention.add(transaction)
            for record in transaction.records:
                self._expiries.add(record)
        self._announce()

    def _announce(self) -> None:
        """Wake whoever waits for news, before those whose writes these are: a cache has them then already."""
        waiting, self._waiting = self._waiting, []
        for news in waiting:
            if not news.done():
                news.set_result(None)

    def _next(self) -> asyncio.Future[None]:
        """Done when something newer is published or the store closes."""
        news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(news)
        return news

    def _fail(self, group: Sequence[tuple[Transaction, asyncio.Future[int]]], why: str) -> None:
        """Everything in flight builds on what failed: refuse it all."""
        _log.error("store can't write: %s", why)
        self._fault = why
        for _, answer in [*group, *self._pending]:
            if not answer.done():
                answer.set_exception(Unavailable(why))
        self._pending.clear()
        self._state.forget_in_flight()
        self._failures += 1
        self._announce()

    async def _recover(self, journal: Journal) -> None:
        """Try until writing works again; then publish what did reach the file."""
        initial, maximum = _RETRY
        backoff = Backoff(initial, maximum, factor=1.5, jitter=0.0)
        while not self._closing:
            try:
                found = await journal.recover(self._state.revision)
            except Exception as error:  # this task is the only writer: it must outlive whatever this was
                if self._fault != str(error):
                    _log.error("store still can't write: %s", error)
                self._fault = str(error)
                await self._clock.sleep(backoff.next())
                continue
            if found:
                self._publish(found)
            self._fault = None
            _log.info("store can write again")
            return

    # -- housekeeping

    async def _housekeeping(self) -> None:
        while True:
            await self._clock.sleep(_TICK)
            if self._fault is not None:
                continue  # whoever recovers from it tells
            try:
                await self._expire()
                await self._forget()
                self._untidy = None
            except Exception as error:
                if self._untidy != str(error):
                    _log.warning("store can't tidy up, and tries again: %s", error)
                self._untidy = str(error)

    async def _forget(self) -> None:
        now = self._clock.monotonic()
        self._history.trim(now)
        cut = self._retention.note(self._state.revision, now)
        if self._journal is None:
            return
        if cut is not None:
            while await self._journal.compact(cut):
                pass
        await self._journal.tidy()

    async def _expire(self) -> None:
        due = self._expiries.due(self._clock.now())
        # Whoever wrote the key again meanwhile keeps it: the deletion names the revision that expired.
        deletes = [self.commit([Delete(key, expect=revision)]) for _, key, revision in due]
        results = await asyncio.gather(*deletes, return_exceptions=True)
        for expiry, result in zip(due, results, strict=True):
            if isinstance(result, Unavailable):
                self._expiries.put_back(expiry)
            elif isinstance(result, BaseException) and not isinstance(result, CompareFailed):
                raise result


def _batch(transaction: Transaction, prefix: str) -> Batch | None:
    """What a watch over `prefix` shows of a transaction."""
    changes = tuple(r.change() for r in transaction.records if r.key.startswith(prefix))
    return Batch(transaction.revision, changes) if changes else None
