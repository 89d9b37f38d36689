"""One watch over the cache: frames for a client's stream, or events for whoever rewrites them.

Neighbours: cache makes watchers and wakes them; the apiserver's watch stream reads them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from dromon._core import TooOld
from dromon.api import errors
from dromon.api.resource import Resource

if TYPE_CHECKING:
    from dromon._core import Cache
    from dromon.store.formats import Format

CHUNK = 256 << 10
"""Bytes of frames that are read at a time: what one write to a socket can use."""

BOOKMARK_INTERVAL = 60.0
"""Seconds between bookmarks, as upstream."""

_END = {"k8s.io/initial-events-end": "true"}
T = TypeVar("T", bytes, "list[WatchEvent]")


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
        send_initial: begin with the current objects, and mark their end by a bookmark (KEP-3157).
    """

    namespace: str
    labels: str
    fields: str
    after: int | None
    format: Format
    bookmarks: bool
    send_initial: bool


class Watcher:
    """Made by CachedStore.watch; must be closed. One reader at a time."""

    def __init__(
        self,
        cache: Cache,
        resource: tuple[int, Resource[Any]],
        options: WatchOptions,
        subscribe: Callable[[Watcher], Awaitable[int]],
        unsubscribe: Callable[[Watcher], None],
    ) -> None:
        self._cache = cache
        self.resource_number, self._resource = resource
        self.options = options
        self.id: int | None = None
        self._subscribe = subscribe
        self._unsubscribe = unsubscribe
        self._waiter: asyncio.Future[None] | None = None
        self._bookmark_due = False
        self._end_due = options.send_initial
        self._expired = False
        self._closed = False

    async def frames(self) -> bytes:
        """The next frames, at least one; b"" when the watch has ended because the store closes.

        Raises:
            ApiError: 410 Expired when the past asked for is gone or this reader fell behind: list again;
                504 Timeout when the revision asked for stays in the future.
        """
        form = self.options.format.value

        def read(watcher: int) -> bytes:
            return self._cache.frames(self.resource_number, watcher, form, CHUNK)

        def bookmark(body: bytes, _revision: int) -> bytes:
            return self._cache.frame(self.resource_number, form, "BOOKMARK", body)

        return await self._next(read, bookmark, b"")

    async def events(self) -> list[WatchEvent]:
        """As `frames`, one by one; [] when the watch has ended."""

        def read(watcher: int) -> list[WatchEvent]:
            return [WatchEvent(*event) for event in self._cache.events(watcher, CHUNK)]

        def bookmark(body: bytes, revision: int) -> list[WatchEvent]:
            return [WatchEvent("BOOKMARK", body, revision)]

        return await self._next(read, bookmark, [])

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

    async def _next(self, read: Callable[[int], T], bookmark: Callable[[bytes, int], T], nothing: T) -> T:
        while not self._closed:
            if self._expired:
                raise self._too_old(self._cache.revision)
            if self.id is None:
                self.id = await self._subscribe(self)
                continue
            try:
                found = read(self.id)
            except TooOld as error:
                raise self._too_old(error.args[0]) from None
            found += self._bookmarks(self.id, found, bookmark, nothing)
            if found:
                return found
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        return nothing

    def _bookmarks(self, watcher: int, found: T, bookmark: Callable[[bytes, int], T], nothing: T) -> T:
        """The bookmark that is due after what was read, if one is."""
        seen = self._cache.seen(watcher) if self._end_due or self._bookmark_due else None
        if seen is None:
            return nothing
        if self._end_due:
            self._end_due = self._bookmark_due = False
            return bookmark(self._bookmark_object(seen, _END), seen)
        self._bookmark_due = False
        # A client that was just told something newer needs no bookmark.
        return nothing if found else bookmark(self._bookmark_object(seen, {}), seen)

    def _bookmark_object(self, revision: int, annotations: dict[str, str]) -> bytes:
        metadata: dict[str, object] = {"resourceVersion": str(revision)}
        if annotations:
            metadata["annotations"] = annotations
        body = {
            "kind": self._resource.kind,
            "apiVersion": self._resource.api_version,
            "metadata": metadata,
        }
        return json.dumps(body, separators=(",", ":")).encode()

    def _too_old(self, seen: int) -> errors.ApiError:
        oldest = self._cache.oldest(self.resource_number)
        return errors.expired(f"too old resource version: {seen} ({oldest})")
