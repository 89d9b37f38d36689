"""A Store with the Rust object cache in front: every read and watch is served from encoded bytes.

One watch over the whole store feeds the cache in revision order. A commit is answered once the cache shows
it, so that whoever wrote reads it back.

Neighbours: wraps any Store; dromon._core.Cache holds objects and watches; watcher is what `watch` gives;
lists reads pages; the apiserver's registry is the only caller.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

from dromon._core import Cache, TooOld
from dromon.api import errors
from dromon.api.resource import Resource
from dromon.base.clock import Clock, SystemClock
from dromon.store.figures import CacheFigures
from dromon.store.formats import Encoders, Format
from dromon.store.interface import Batch, Compacted, KeyValue, Op, Store, StoreError, Unavailable
from dromon.store.lists import ListBody, Objects, Span, next_token, read_page, too_large
from dromon.store.watcher import BOOKMARK_INTERVAL, Watcher, WatchEvent, WatchOptions

__all__ = ["CachedStore", "Encoders", "Format", "ListBody", "Objects", "WatchEvent", "Watcher"]

_FUTURE_WAIT = 3.0  # seconds that a watch waits for a revision that the cache does not know yet, as upstream
_CATCH_UP = 3.0  # seconds that the cache has to show what a store that others write to has
_BOOKMARK_TICK = 5.0  # seconds between looks at whose bookmark is due

_log = logging.getLogger(__name__)


class CachedStore:
    """Reads from memory, writes through.

    Args:
        store: started and closed by this.
        resources: all that is served; keys of others are kept, but not cached.
        encoders: for the formats beside JSON.
        clock: for bookmarks and waiting.
        queue_events: how many events may wait for one watcher before it is cut off.
    """

    def __init__(
        self,
        store: Store,
        resources: Sequence[Resource[Any]],
        encoders: Encoders,
        clock: Clock | None = None,
        queue_events: int = 10_000,
    ) -> None:
        self._store = store
        self._resources = list(resources)
        self._encoders = encoders
        self._clock = clock or SystemClock()
        self._queue_events = queue_events
        self._numbers: dict[str, int] = {}
        self._cache = self._new_cache()
        self._oldest = 0  # history before it was not read from the store yet
        self._watchers: dict[int, Watcher] = {}
        self._new: set[Watcher] = set()
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._backfilling = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._fault: str | None = None
        self._closed = False

    # -- life

    async def start(self) -> None:
        """Start the store, read it, and follow it. Raises StoreError as the store's start."""
        await self._store.start()
        try:
            await self._load()
        except BaseException:
            await self._store.close()
            raise
        self._tasks = [
            asyncio.create_task(self._feed(), name="cache-feed"),
            asyncio.create_task(self._remind(), name="cache-bookmarks"),
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
        for watcher in [*self._watchers.values(), *self._new]:
            watcher.close()
        self._give_up("the store is closed")

    @property
    def backend(self) -> Store:
        """The store beneath, for whoever asks for keys that are no objects, or for all of them."""
        return self._store

    async def catch_up(self) -> None:
        """Return once reads show every write answered before, by any process. Raises Unavailable."""
        if self._store.shared:
            await self._reached(await self._store.barrier())

    @property
    def revision(self) -> int:
        """The revision that reads show."""
        return self._cache.revision

    def check(self) -> str | None:
        """None while healthy, else what is wrong."""
        return self._fault or self._store.check()

    # -- writing

    async def commit(self, ops: Sequence[Op]) -> int:
        """As Store.commit, answered once reads show it."""
        revision = await self._store.commit(ops)
        if self._cache.revision < revision:
            try:
                await self._reached(revision)
            except Unavailable:
                if not self._closed:  # else it is done, and nobody reads here any more
                    raise
        return revision

    async def latest(self, key: str) -> KeyValue | None:
        """The newest state of a key that a write can build on, writes in flight included."""
        return await self._store.newest(key)

    # -- reading

    def get(
        self, resource: Resource[Any], namespace: str, name: str, format: Format = Format.JSON
    ) -> bytes | None:
        """One object with its resourceVersion (protobuf: in its envelope), or None."""
        key = f"{namespace}/{name}" if resource.namespaced else name
        return self._cache.get(self._number(resource), key, format.value)

    def count(self, resource: Resource[Any]) -> int:
        """How many objects there are."""
        return self._cache.count(self._number(resource))

    def figures(self, resource: Resource[Any]) -> CacheFigures:
        """The resource in numbers; takes time with its objects and watchers."""
        return CacheFigures(*self._cache.figures(self._number(resource)))

    def list(
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
            ApiError: 400 for a selector or token, 410 when the revision is gone, 504 when it is yet to come.
        """
        span = Span(limit, continue_, revision, exact)
        page = read_page(self._cache, self._number(resource), (namespace, labels, fields), span)
        token = next_token(page)
        return ListBody(page.body(format.value, token), page.revision, page.remaining, token)

    def objects(
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
        span = Span(limit, continue_, revision, exact)
        page = read_page(self._cache, self._number(resource), (namespace, labels, fields), span)
        return Objects(page.items(), page.revision, page.remaining, next_token(page))

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
            send_initial: begin with the current objects whatever `after` is, and mark their end.

        Raises:
            ApiError: 400 for a selector. What is wrong with `after` is told by the first read.
        """
        number = self._number(resource)
        try:
            self._cache.check_query(number, labels, fields)
        except ValueError as error:
            raise errors.bad_request(str(error)) from None
        options = WatchOptions(namespace, labels, fields, after, format, bookmarks, send_initial)
        watcher = Watcher(self._cache, (number, resource), options, self._subscribe, self._unsubscribe)
        if self._closed:
            watcher.close()
        elif after is None or send_initial or self._cache.oldest(number) <= after <= self.revision:
            watcher.id = self._subscribe_now(watcher)
        else:
            self._new.add(watcher)
        return watcher

    def _number(self, resource: Resource[Any]) -> int:
        return self._numbers[resource.prefix]

    # -- watches

    def _subscribe_now(self, watcher: Watcher) -> int:
        options = watcher.options
        after = None if options.send_initial else options.after
        number = self._cache.watch(
            watcher.resource_number, options.namespace, options.labels, options.fields, after
        )
        self._watchers[number] = watcher
        self._new.discard(watcher)
        return number

    async def _subscribe(self, watcher: Watcher) -> int:
        """Begin a watch whose first revision is not at hand: yet to come, or only in the store's history."""
        after = watcher.options.after or 0
        if after > self.revision:
            await self._wait_for(after)
        if after < self._cache.oldest(watcher.resource_number):
            await self._backfill(after)
        try:
            return self._subscribe_now(watcher)
        except TooOld as error:
            raise errors.expired(f"too old resource version: {after} ({error.args[0]})") from None

    def _unsubscribe(self, watcher: Watcher) -> None:
        self._new.discard(watcher)
        # A cache that was read anew numbers its watches from the start: the number may be another's now.
        if watcher.id is not None and self._watchers.get(watcher.id) is watcher:
            del self._watchers[watcher.id]
            self._cache.unwatch(watcher.id)

    async def _wait_for(self, revision: int) -> None:
        reached = asyncio.ensure_future(self._reached(revision))
        timer = asyncio.ensure_future(self._clock.sleep(_FUTURE_WAIT))
        try:
            await asyncio.wait({reached, timer}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            reached.cancel()
        if reached.done():
            reached.result()
        if self.revision < revision:
            raise too_large(revision, self.revision)

    async def _backfill(self, after: int) -> None:
        """Take up the store's history from `after`, so that watches resume across a restart."""
        async with self._backfilling:
            upto = self._oldest
            if after >= upto:
                return
            found: list[Batch] = []
            try:
                async with aclosing(self._store.watch("", after)) as batches:  # type: ignore[type-var]
                    async for batch in batches:
                        found.append(batch)
                        if batch.revision >= upto:
                            break
            except Compacted as error:
                raise errors.expired(f"too old resource version: {after} ({error.oldest})") from None
            self._cache.backfill(found, after, upto)
            self._oldest = after

    async def _remind(self) -> None:
        """Tell watchers when their bookmarks are due."""
        reminded: dict[int, float] = {}
        while True:
            await self._clock.sleep(_BOOKMARK_TICK)
            now = self._clock.monotonic()
            reminded = {n: reminded.get(n, now) for n, w in self._watchers.items() if w.options.bookmarks}
            for number, last in reminded.items():
                if now - last >= BOOKMARK_INTERVAL - _BOOKMARK_TICK:
                    reminded[number] = now
                    self._watchers[number].remind()

    # -- feeding

    def _new_cache(self) -> Cache:
        def encode(number: int, form: int, body: bytes) -> bytes:
            return self._encoders[Format(form)](self._resources[number], body)

        cache = Cache(encode, queue_events=self._queue_events)
        for resource in self._resources:
            fields = [(f.name, f.path or f.name, f.default) for f in resource.selectable.values()]
            self._numbers[resource.prefix] = cache.add_resource(
                resource.prefix, resource.kind, resource.api_version, resource.namespaced, fields
            )
        return cache

    async def _load(self) -> None:
        page = await self._store.list("")
        cache = self._new_cache()
        try:
            cache.load(page.items, page.revision)
        except ValueError as error:
            raise StoreError(f"an object in the store can't be read: {error}") from error
        self._cache = cache
        self._oldest = page.revision

    async def _feed(self) -> None:
        """Take up every change, in order, for as long as the store lives."""
        try:
            while True:
                try:
                    async for batch in self._store.watch("", self._cache.revision):
                        self._take_up(batch)
                    return
                except Compacted:
                    await self._begin_anew()
        except Exception as error:
            # Serving on without changes would show an ever older state as the newest.
            _log.exception("cache can't take up a change")
            self._give_up(f"the cache does not follow the store: {error}")

    async def _begin_anew(self) -> None:
        """Read the whole store, and have all watchers list again."""
        _log.warning("cache fell behind the store: reading it anew")
        expired = [*self._watchers.values(), *self._new]
        self._watchers.clear()
        self._new.clear()
        await self._load()
        for watcher in expired:
            watcher.expire()
        self._announce()

    def _take_up(self, batch: Batch) -> None:
        for number in self._cache.apply(batch.revision, batch.changes):
            if (watcher := self._watchers.get(number)) is not None:
                watcher.wake()
        self._announce()

    def _announce(self) -> None:
        while self._waiters and self._waiters[0][0] <= self._cache.revision:
            waiter = heapq.heappop(self._waiters)[2]
            if not waiter.done():
                waiter.set_result(None)

    def _give_up(self, why: str) -> None:
        """Nothing is taken up any more: whoever waits for a revision waits in vain."""
        self._fault = self._fault or why
        while self._waiters:
            waiter = heapq.heappop(self._waiters)[2]
            if not waiter.done():
                waiter.set_exception(Unavailable(why))

    async def _reached(self, revision: int) -> None:
        if self._cache.revision >= revision:
            return
        if self._fault is not None:
            raise Unavailable(self._fault)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (revision, next(self._order), waiter)
        heapq.heappush(self._waiters, entry)
        try:
            # The way from a store that others write to may break: nobody waits for its mending.
            async with asyncio.timeout(_CATCH_UP if self._store.shared else None):
                await waiter
        except (asyncio.CancelledError, TimeoutError) as error:
            # Else watches of revisions far in the future, which clients can ask for, would pile up.
            if entry in self._waiters:
                self._waiters.remove(entry)
                heapq.heapify(self._waiters)
            if isinstance(error, TimeoutError):
                raise Unavailable("the cache does not follow the store in time") from None
            raise
