"""The past that is not in memory: watches and lists that the store's log and older states serve.

The cache remembers a bounded number of changes, none from before this process began. The store remembers
more, across restarts. What fits is put in front of the cache's ring, where all watches share it; what does
not is told to each watch straight from the log, a piece at a time, until the ring takes over.

Neighbours: cache and watcher ask; dromon._core.Past makes entries, frames and pages of what the store gives.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass

from dromon._core import Cache, Page, Past
from dromon.store.interface import Batch, KeyValue, Store, Unavailable

PIECE = 1 << 20
"""Bytes of values that one watch is told at a time."""

BACKFILL = 5_000
"""Changes that are put in front of a ring at a time: each takes 20 µs, and the event loop waits."""

_BACKFILL_BYTES = 16 << 20
_PAGE = 500  # keys that a list by selectors looks at first; doubled with every further look
_LARGEST_PAGE = 10_000


@dataclass(frozen=True, slots=True)
class Missed:
    """What a watch is told before it goes on; nothing where the ring has what it needs.

    Attributes:
        batches: in order.
        upto: the revision up to which these are all.
    """

    batches: Sequence[Batch]
    upto: int


class Log:
    """The store's log, read for whoever can't resume from the cache."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turns: dict[int, asyncio.Lock] = {}
        self._failures = 0

    async def missed(self, cache: Cache, number: int, prefix: str, after: int) -> Missed:
        """A resource's changes after `after`, from the first on, which the cache's ring does not have.

        Args:
            number, prefix: of the resource.

        Raises:
            Compacted: the store does not remember them, either.
            Unavailable: it does not answer.
        """
        # One at a time: the others mostly find then that the ring has what they need, and little is held.
        failures = self._failures
        async with self._turns.setdefault(number, asyncio.Lock()):
            if self._failures != failures:  # those that came meanwhile waited long enough, too
                raise Unavailable("the store's log can't be read")
            oldest = cache.oldest(number)
            if after >= oldest:
                return Missed((), after)
            try:
                found, whole = await self._read(prefix, after, oldest)
            except Unavailable:
                self._failures += 1
                raise
            if whole and cache.backfill(number, found, after, oldest):
                return Missed((), after)
        piece = _first(found, PIECE)
        # A piece that has all of it is good up to where the ring began, whatever became of that meanwhile.
        return Missed(piece, oldest if whole and len(piece) == len(found) else piece[-1].revision)

    async def _read(self, prefix: str, after: int, upto: int) -> tuple[list[Batch], bool]:
        """The first batches after `after`, and whether these are all up to `upto`."""
        found: list[Batch] = []
        changes = size = 0
        async with aclosing(self._store.history(prefix, after, upto)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                if not batch.changes:
                    continue
                if changes > BACKFILL or size > _BACKFILL_BYTES:
                    return found, False
                found.append(batch)
                changes += len(batch.changes)
                size += _size(batch)
        return found, True


def _first(batches: Sequence[Batch], size: int) -> Sequence[Batch]:
    """The first batches with about so many bytes, at least one."""
    for at, batch in enumerate(batches, 1):
        size -= _size(batch)
        if size <= 0:
            return batches[:at]
    return batches


def _size(batch: Batch) -> int:
    return sum(len(c.value or c.previous or b"") for c in batch.changes)


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of an older list.

    Attributes:
        prefix: of the store's keys.
        after: the last key before it, "": from the first.
        limit: at most so many objects, 0: all.
        left: how many objects follow `after`, None: not known.
        selects: whether selectors narrow it.
    """

    prefix: str
    after: str
    limit: int
    left: int | None
    selects: bool


async def past_page(store: Store, past: Past, part: Part, revision: int) -> tuple[Page, str]:
    """Part of a list as it was, and the store's key to go on after ("" where nothing follows).

    How many objects follow is known only where the page before knew it, and never with selectors.

    Raises:
        Compacted: the store does not remember the revision.
        Unavailable: it does not answer.
    """
    found: list[KeyValue] = []
    after, look = part.after, part.limit
    if part.limit and part.selects:
        look = max(part.limit, _PAGE)
    while True:
        page = await store.list(part.prefix, revision=revision, after=after, limit=look)
        found += past.select(page.items) if part.selects else page.items
        if not page.more or (part.limit and len(found) > part.limit) or not part.selects:
            break
        after, look = page.items[-1].key, min(look * 2, _LARGEST_PAGE)
    more = page.more
    if part.limit and len(found) > part.limit:
        del found[part.limit :]
        more = True
    remaining = None
    if more and part.left is not None and not part.selects:
        remaining = max(part.left - len(found), 0)
    return past.page(found, revision, more, remaining), found[-1].key if more else ""
