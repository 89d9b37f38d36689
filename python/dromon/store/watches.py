"""The watches that are open: how they begin, who is woken, whose bookmark is due.

Neighbours: cache hands new watches in, feed tells of changes, missed.Log has what the cache forgot.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from dromon._core import TooOld
from dromon.api import errors
from dromon.api.resource import Resource
from dromon.base.clock import Clock
from dromon.store.feed import Feed
from dromon.store.interface import Batch, Compacted, Store, Unavailable
from dromon.store.lists import unavailable
from dromon.store.missed import Log, Missed
from dromon.store.watcher import BOOKMARK_INTERVAL, Watcher, WatchOptions

_BOOKMARK_TICK = 5.0  # seconds between looks at whose bookmark is due


class Watches:
    """All watches over one cache.

    Args:
        feed: tells of changes.
        store: for its log.
        clock: for bookmarks.
        reached: returns once the cache shows a revision, or raises ApiError.
    """

    def __init__(
        self, feed: Feed, store: Store, clock: Clock, reached: Callable[[int], Awaitable[None]]
    ) -> None:
        self._cache = feed.cache
        self._clock = clock
        self._reached = reached
        self._log = Log(store)
        self._watchers: dict[int, Watcher] = {}
        self._new: set[Watcher] = set()
        self._closed = False
        feed.woken = self._wake
        feed.anew = self._expire_all

    def begin(self, resource: tuple[int, Resource[Any]], options: WatchOptions) -> Watcher:
        """A new watch; one that can't begin at once does with its first read.

        Args:
            resource: with its number.
        """
        watcher = Watcher(self._cache, resource, options, self._subscribe, self._unsubscribe)
        if self._closed:
            watcher.close()
            return watcher
        after = options.after or 0
        oldest = 0 if options.after is None or options.send_initial else self._cache.oldest(resource[0])
        if oldest <= after <= self._cache.revision:
            self._subscribe_now(watcher)
        else:
            self._new.add(watcher)
        return watcher

    def close(self) -> None:
        """End all, and whatever begins later."""
        self._closed = True
        for watcher in [*self._watchers.values(), *self._new]:
            watcher.close()

    async def remind(self) -> None:
        """Tell watchers when their bookmarks are due, for ever."""
        reminded: dict[int, float] = {}
        while True:
            await self._clock.sleep(_BOOKMARK_TICK)
            now = self._clock.monotonic()
            reminded = {n: reminded.get(n, now) for n, w in self._watchers.items() if w.options.bookmarks}
            for number, last in reminded.items():
                if now - last >= BOOKMARK_INTERVAL - _BOOKMARK_TICK:
                    reminded[number] = now
                    self._watchers[number].remind()

    def _subscribe_now(self, watcher: Watcher) -> None:
        query = watcher.options.query
        after = None if watcher.options.send_initial else watcher.after
        number = self._cache.watch(
            watcher.resource_number, query.namespace, query.labels, query.fields, after
        )
        watcher.id = number
        self._watchers[number] = watcher
        self._new.discard(watcher)

    async def _subscribe(self, watcher: Watcher) -> Sequence[Batch]:
        """Begin a watch whose first revision is not at hand: yet to come, or only in the store's log.

        Returns what the watch is told first; it has begun when it is given an id.
        """
        after = watcher.after or 0
        await self._reached(after)
        if not watcher.options.send_initial:
            missed = await self._missed(watcher, after)
            watcher.after = missed.upto
            if missed.batches:
                return missed.batches
        # The ring may have moved on while the log was read: then the log is asked again.
        if watcher in self._new:
            with contextlib.suppress(TooOld):
                self._subscribe_now(watcher)
        return ()

    async def _missed(self, watcher: Watcher, after: int) -> Missed:
        number, prefix = watcher.resource_number, watcher.resource.prefix
        try:
            return await self._log.missed(self._cache, number, prefix, after)
        except Compacted as error:
            raise errors.expired(f"too old resource version: {after} ({error.oldest})") from None
        except Unavailable as error:
            raise unavailable(str(error)) from None

    def _unsubscribe(self, watcher: Watcher) -> None:
        self._new.discard(watcher)
        # A cache that began anew has forgotten its watches.
        if watcher.id is not None and self._watchers.pop(watcher.id, None) is not None:
            self._cache.unwatch(watcher.id)

    def _wake(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            if (watcher := self._watchers.get(number)) is not None:
                watcher.wake()

    def _expire_all(self) -> None:
        """The cache began anew: nobody can go on."""
        expired = [*self._watchers.values(), *self._new]
        self._watchers.clear()
        self._new.clear()
        for watcher in expired:
            watcher.expire()
