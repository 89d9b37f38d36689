"""One watch over the cache: frames for a client's stream, or events for whoever rewrites them.

Neighbours: watches makes watchers and wakes them; the apiserver's watch stream reads them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dromon._core import Past, TooOld
from dromon.api import errors
from dromon.api.resource import Resource

if TYPE_CHECKING:
    from dromon._core import Cache
    from dromon.store.formats import Format
    from dromon.store.interface import Batch
    from dromon.store.lists import Query

CHUNK = 256 << 10
"""Bytes of frames that are read at a time: what one write to a socket can use."""

BOOKMARK_INTERVAL = 60.0
"""Seconds between bookmarks, as upstream."""

_END = {"k8s.io/initial-events-end": "true"}
T = TypeVar("T", bytes, "list[WatchEvent]")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class WatchEvent:
    """What happened to one object: `type` ADDED, MODIFIED, DELETED or BOOKMARK; `object` is its JSON."""

    type: str
    object: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """What a watch is over, and how it is told.

    Attributes:
        after: the revision after which it begins; None: with the current objects, as ADDED.
        bookmarks: send BOOKMARK about every minute.
        send_initial: begin with the current objects, not older than `after`; with `bookmarks` their end is
            marked by one (KEP-3157).
    """

    query: Query
    after: int | None
    format: Format
    bookmarks: bool
    send_initial: bool


class _Reading(Protocol[T_co]):
    """One way of reading a watch: as frames, or as events."""

    @property
    def nothing(self) -> T_co: ...

    def live(self, watcher: int) -> T_co:
        """What the cache has for a watcher."""
        ...

    def missed(self, past: Past, batches: Sequence[Batch]) -> T_co:
        """Batches of the store's log."""
        ...

    def bookmark(self, body: bytes, revision: int) -> T_co:
        """A bookmark's object."""
        ...


class _Frames:
    __slots__ = ("_cache", "_form", "_number", "nothing")

    def __init__(self, cache: Cache, number: int, form: int) -> None:
        self._cache = cache
        self._number = number
        self._form = form
        self.nothing = b""

    def live(self, watcher: int) -> bytes:
        return self._cache.frames(self._number, watcher, self._form, CHUNK)

    def missed(self, past: Past, batches: Sequence[Batch]) -> bytes:
        return past.frames(batches, self._form)

    def bookmark(self, body: bytes, revision: int) -> bytes:
        return self._cache.frame(self._number, self._form, "BOOKMARK", body)


class _Events:
    __slots__ = ("_cache",)

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    @property
    def nothing(self) -> list[WatchEvent]:
        return []

    def live(self, watcher: int) -> list[WatchEvent]:
        return [WatchEvent(*event) for event in self._cache.events(watcher, CHUNK)]

    def missed(self, past: Past, batches: Sequence[Batch]) -> list[WatchEvent]:
        return [WatchEvent(*event) for event in past.events(batches)]

    def bookmark(self, body: bytes, revision: int) -> list[WatchEvent]:
        return [WatchEvent("BOOKMARK", body, revision)]


class Watcher:
    """Made by CachedStore.watch; must be closed. One reader at a time.

    Args:
        resource: with the cache's number of it.
        subscribe: has the cache take the watch on (it sets `id`), or returns what to tell first.
        unsubscribe: has the cache forget it.
    """

    __slots__ = (
        "_bookmark_due",
        "_cache",
        "_closed",
        "_end_due",
        "_expired",
        "_frames",
        "_subscribe",
        "_unsubscribe",
        "_waiter",
        "after",
        "id",
        "options",
        "resource",
        "resource_number",
    )

    def __init__(
        self,
        cache: Cache,
        resource: tuple[int, Resource[Any]],
        options: WatchOptions,
        subscribe: Callable[[Watcher], Awaitable[Sequence[Batch]]],
        unsubscribe: Callable[[Watcher], None],
    ) -> None:
        self._cache = cache
        self.resource_number, self.resource = resource
        self.options = options
        self.after = options.after  # everything up to it was told, as long as there is no id
        self.id: int | None = None  # the cache's, once its ring has what this watch needs
        self._frames = _Frames(cache, self.resource_number, options.format.value)
        self._subscribe = subscribe
        self._unsubscribe = unsubscribe
        self._waiter: asyncio.Future[None] | None = None
        self._bookmark_due = False
        self._end_due = options.send_initial and options.bookmarks
        self._expired = False
        self._closed = False

    async def frames(self) -> bytes:
        """The next frames, at least one; b"" when the watch has ended because the store closes.

        Raises:
            ApiError: 410 Expired when the past asked for is gone or this reader fell behind: list again;
                504 Timeout when the revision asked for stays in the future.
        """
        return await self._next(self._frames)

    async def events(self) -> list[WatchEvent]:
        """As `frames`, one by one; [] when the watch has ended."""
        return await self._next(_Events(self._cache))

    def close(self) -> None:
        """End the watch and free what waits for it; a reader is told that it has ended."""
        if not self._closed:
            self._closed = True
            self._unsubscribe(self)
            self.wake()

    def wake(self) -> None:
        """There is something to read."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def remind(self) -> None:
        """It is time for a bookmark."""
        self._bookmark_due = True
        self.wake()

    def expire(self) -> None:
        """The cache began anew: what this watch would go on from is gone."""
        self._expired = True
        self.wake()

    async def _next(self, reading: _Reading[T]) -> T:
        while not self._closed:
            if self._expired:
                raise self._too_old(self._cache.revision)
            if self.id is None:
                batches = await self._subscribe(self)
                if batches and (found := reading.missed(self._past(), batches)):
                    return found
                continue
            try:
                found = reading.live(self.id)
            except TooOld as error:
                raise self._too_old(error.args[0]) from None
            found += self._bookmarks(self.id, found, reading)
            if found:
                return found
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return reading.nothing

    def _past(self) -> Past:
        query = self.options.query
        return Past(self._cache, self.resource_number, query.namespace, query.labels, query.fields)

    def _bookmarks(self, watcher: int, found: T, reading: _Reading[T]) -> T:
        """The bookmark that is due after what was read, if one is."""
        seen = self._cache.seen(watcher) if self._end_due or self._bookmark_due else None
        if seen is None:
            return reading.nothing
        if self._end_due:
            self._end_due = self._bookmark_due = False
            return reading.bookmark(self._bookmark_object(seen, _END), seen)
        self._bookmark_due = False
        # A client that was just told something newer needs no bookmark.
        return reading.nothing if found else reading.bookmark(self._bookmark_object(seen, {}), seen)

    def _bookmark_object(self, revision: int, annotations: dict[str, str]) -> bytes:
        metadata: dict[str, object] = {"resourceVersion": str(revision)}
        if annotations:
            metadata["annotations"] = annotations
        body = {
            "kind": self.resource.kind,
            "apiVersion": self.resource.api_version,
            "metadata": metadata,
        }
        return json.dumps(body, separators=(",", ":")).encode()

    def _too_old(self, seen: int) -> errors.ApiError:
        oldest = self._cache.oldest(self.resource_number)
        return errors.expired(f"too old resource version: {seen} ({oldest})")
