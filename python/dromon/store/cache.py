"""A Store with the Rust object cache in front: every read and watch is served from encoded bytes.

One watch over the whole store feeds the cache in revision order. A commit is answered once the cache shows
it, so that whoever wrote reads it back. Where other processes write to the store, too, a read that must see
all that was answered before awaits `catch_up` first.

Neighbours: wraps any Store; dromon._core.Cache holds objects and watches; feed keeps it up to date; watches
has those that are open, watcher is one; lists reads pages; progress is how readers wait; the apiserver's
registry and verbs are the callers.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from dromon._core import Page, TooOld
from dromon.api import errors
from dromon.api.resource import Resource
from dromon.base.clock import Clock, SystemClock
from dromon.store.feed import Bounds, Feed
from dromon.store.figures import CacheFigures
from dromon.store.formats import Encoders, Format
from dromon.store.interface import KeyValue, Op, Store, Unavailable
from dromon.store.lists import (
    ListBody,
    Objects,
    Query,
    Span,
    next_token,
    read_page,
    read_past_page,
    too_large,
    unavailable,
)
from dromon.store.progress import Barriers, within
from dromon.store.watcher import Watcher, WatchEvent, WatchOptions
from dromon.store.watches import Watches

__all__ = [
    "Bounds",
    "CachedStore",
    "Encoders",
    "Format",
    "ListBody",
    "Objects",
    "WatchEvent",
    "Watcher",
]

_PATIENCE = 3.0  # seconds that a read waits for a revision that the cache does not know yet, as upstream
_BEHIND = 5.0  # seconds that a read waits in all for the store to say how far it is, and for that revision


class CachedStore:
    """Reads from memory, writes through.

    Args:
        store: started and closed by this.
        resources: all that is served; keys of others are kept, but not cached.
        encoders: for the formats beside JSON.
        clock: for bookmarks and waiting.
        bounds: of what is remembered, and of what waits for a watcher.
    """

    def __init__(
        self,
        store: Store,
        resources: Sequence[Resource[Any]],
        encoders: Encoders,
        clock: Clock | None = None,
        bounds: Bounds | None = None,
    ) -> None:
        self._store = store
        self._clock = clock or SystemClock()
        self._feed = Feed(store, resources, encoders, self._clock, bounds or Bounds())
        self._cache = self._feed.cache
        self._progress = self._feed.progress
        self._watches = Watches(self._feed, store, self._clock, self.reached)
        self._barriers = Barriers(store.barrier, self._clock, _BEHIND)
        self._tasks: list[asyncio.Task[None]] = []
        self._closed = False

    # -- life

    async def start(self) -> None:
        """Start the store, read it, and follow it. Raises StoreError as the store's start."""
        await self._store.start()
        try:
            await self._feed.load()
        except BaseException:
            await self._store.close()
            raise
        self._tasks = [
            asyncio.create_task(self._feed.run(), name="cache-feed"),
            asyncio.create_task(self._watches.remind(), name="cache-bookmarks"),
        ]

    async def close(self) -> None:
        """Finish writes in flight, end all watches, close the store."""
        if self._closed:
            return
        self._closed = True
        await self._store.close()
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._barriers.close()
        self._watches.close()
        self._progress.stop("the store is closed")

    @property
    def revision(self) -> int:
        """The revision that reads show."""
        return self._cache.revision

    @property
    def shared(self) -> bool:
        """Whether other processes write to the store, too, so that reads may have to await `catch_up`."""
        return self._store.shared

    @property
    def backend(self) -> Store:
        """The store beneath, for whoever asks for keys that are no objects, or for all of them."""
        return self._store

    @property
    def unreadable(self) -> Mapping[str, str]:
        """The store's keys whose values are no JSON objects, and why; nobody is shown them."""
        return self._feed.unreadable

    @property
    def barriers(self) -> int:
        """How often the store was asked how far it is."""
        return self._barriers.asked

    def check(self) -> str | None:
        """None while healthy, else what is wrong."""
        return self._progress.fault or self._store.check()

    # -- writing

    async def commit(self, ops: Sequence[Op]) -> int:
        """As Store.commit, answered once reads show it.

        On a shared store reads ask for what they must see, so there the cache is waited for only for a while.
        """
        revision = await self._store.commit(ops)
        if self._cache.revision >= revision:
            return revision
        try:
            if self.shared:
                await within(self._clock, _PATIENCE, self._progress.reach(revision))
            else:
                await self._progress.reach(revision)
        except TimeoutError:
            pass
        except Unavailable:
            if not (self.shared or self._closed):  # else it is done, and nobody relies on the cache for it
                raise
        return revision

    async def latest(self, key: str) -> KeyValue | None:
        """The newest state of a key that a write can build on, writes in flight included."""
        return await self._store.newest(key)

    # -- reading

    async def catch_up(self) -> None:
        """Return once reads show every write answered before this call, by any process.

        Raises:
            ApiError: 503 or 504, with when to try again, where that does not happen in time.
        """
        if not self._store.shared:
            return
        until = self._clock.monotonic() + _BEHIND
        try:
            revision = await self._barriers.revision()
        except TimeoutError:
            raise unavailable("it does not answer") from None
        except Unavailable as error:
            raise unavailable(str(error)) from None
        await self.reached(revision, min(_PATIENCE, max(until - self._clock.monotonic(), 0.0)))

    async def reached(self, revision: int, patience: float = _PATIENCE) -> None:
        """Return once reads show `revision`.

        Args:
            patience: seconds.

        Raises:
            ApiError: 504 when it does not come in time, 503 when nothing comes.
        """
        if self._cache.revision >= revision:
            return
        try:
            await within(self._clock, patience, self._progress.reach(revision))
        except TimeoutError:
            raise too_large(revision, self.revision) from None
        except Unavailable as error:
            raise unavailable(str(error)) from None

    def get(
        self, resource: Resource[Any], namespace: str, name: str, format: Format = Format.JSON
    ) -> bytes | None:
        """One object with its resourceVersion (protobuf: in its envelope), or None.

        Raises:
            ApiError: 500 where the store has something that can't be read.
        """
        key = f"{namespace}/{name}" if resource.namespaced else name
        try:
            found = self._cache.get(self._feed.number(resource), key, format.value)
        except RuntimeError as error:
            raise _unreadable(resource, name, str(error)) from None
        if found is None and self._feed.unreadable:
            why = self._feed.unreadable.get(resource.prefix + key)
            if why is not None:
                raise _unreadable(resource, name, why)
        return found

    def everything(self, resource: Resource[Any]) -> Sequence[bytes]:
        """All objects, as JSON, as the cache has them now; for what decides between two awaits."""
        return self._cache.page(self._feed.number(resource), "", "", "").items()

    def count(self, resource: Resource[Any]) -> int:
        """How many objects there are."""
        return self._cache.count(self._feed.number(resource))

    def figures(self, resource: Resource[Any]) -> CacheFigures:
        """The resource in numbers; takes time with its objects and watchers."""
        return CacheFigures(*self._cache.figures(self._feed.number(resource)))

    async def list(
        self,
        resource: Resource[Any],
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_: str = "",
        revision: int = 0,
        exact: bool = False,
        format: Format = Format.JSON,
    ) -> ListBody:
        """A list in key order, as the body to send.

        Args:
            namespace: "": all.
            revision: at least this revision; `exact`: as it was at this one.
            continue_: a token of the page before; later pages show the first one's revision.

        Raises:
            ApiError: 400 for a selector or token, 410 when the revision is gone, 504 when it does not come,
                503 when the store does not answer.
        """
        span = Span.of(limit, continue_, revision, exact)
        page, token = await self._page(resource, Query(namespace, labels, fields), span)
        return ListBody(page.body(format.value, token), page.revision, page.remaining, token)

    async def objects(
        self,
        resource: Resource[Any],
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_: str = "",
        revision: int = 0,
        exact: bool = False,
    ) -> Objects:
        """As `list`, the objects one by one."""
        span = Span.of(limit, continue_, revision, exact)
        page, token = await self._page(resource, Query(namespace, labels, fields), span)
        return Objects(page.items(), page.revision, page.remaining, token)

    async def _page(self, resource: Resource[Any], query: Query, span: Span) -> tuple[Page, str]:
        if span.token is not None and span.token.revision is None:
            await self.catch_up()  # it goes on at the newest
        await self.reached(span.wanted)
        number = self._feed.number(resource)
        try:
            page = read_page(self._cache, number, query, span)
        except TooOld:
            try:
                found = await read_past_page(self._store, self._cache, (number, resource.prefix), query, span)
            except Unavailable as error:
                raise unavailable(str(error)) from None
            return found
        return page, next_token(page)

    def watch(
        self,
        resource: Resource[Any],
        namespace: str = "",
        *,
        after: int | None,
        labels: str = "",
        fields: str = "",
        format: Format = Format.JSON,
        bookmarks: bool = False,
        send_initial: bool = False,
    ) -> Watcher:
        """Every change after `after`, once, in order; None: the current objects as ADDED, then every change.

        Args:
            send_initial: begin with the current objects, not older than `after`; with `bookmarks` their end
                is marked by one.

        Raises:
            ApiError: 400 for a selector. What is wrong with `after` is told by the first read.
        """
        number = self._feed.number(resource)
        try:
            self._cache.check_query(number, labels, fields)
        except ValueError as error:
            raise errors.bad_request(str(error)) from None
        options = WatchOptions(Query(namespace, labels, fields), after, format, bookmarks, send_initial)
        return self._watches.begin((number, resource), options)


def _unreadable(resource: Resource[Any], name: str, why: str) -> errors.ApiError:
    what = errors.qualified(resource.plural, resource.group)
    return errors.internal(f'the stored object {what} "{name}" can\'t be read: {why}')
