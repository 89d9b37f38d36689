"""What keeps the cache up to date: one watch over the whole store, from the state that it was loaded with.

Neighbours: cache owns it and is told who must be woken; dromon._core.Cache is what it fills; progress tells
those who wait for a revision.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dromon._core import Cache
from dromon.api.resource import Resource
from dromon.base.clock import Clock
from dromon.store.formats import Encoders, Format
from dromon.store.interface import Batch, Compacted, Store, StoreError
from dromon.store.progress import Progress

_PAGE = 1_000  # keys that are read at a time: a whole store's values need not be in memory twice
_RETRY = 1.0  # seconds between attempts to follow a store that fails

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the cache remembers of each resource, and what may wait for one watcher before it is cut off.

    Attributes:
        ring_events, ring_size: changes, and bytes that only they keep.
        queue_events, queue_size: events, and bytes of their objects (which watchers share).
    """

    ring_events: int = 10_000
    ring_size: int = 32 << 20
    queue_events: int = 10_000
    queue_size: int = 64 << 20


class Feed:
    """Fills a Cache.

    Args:
        store: started by who owns this.

    Attributes:
        cache: what is filled.
        progress: told of every change.
        unreadable: the store's keys whose values can't be read, and why.
        woken: called with the watchers that have something to read.
        anew: called when changes were missed, so that no watch can go on.
    """

    def __init__(
        self,
        store: Store,
        resources: Sequence[Resource[Any]],
        encoders: Encoders,
        clock: Clock,
        bounds: Bounds,
    ) -> None:
        self.resources = list(resources)
        self.unreadable: dict[str, str] = {}
        self.woken: Callable[[Sequence[int]], None] = lambda _: None
        self.anew: Callable[[], None] = lambda: None
        self._store = store
        self._encoders = encoders
        self._clock = clock
        self._numbers: dict[str, int] = {}
        self.cache = Cache(
            self._encode,
            ring_events=bounds.ring_events,
            ring_bytes=bounds.ring_size,
            queue_events=bounds.queue_events,
            queue_bytes=bounds.queue_size,
        )
        for resource in self.resources:
            fields = [(f.name, f.path or f.name, f.default) for f in resource.selectable.values()]
            self._numbers[resource.prefix] = self.cache.add_resource(
                resource.prefix, resource.kind, resource.api_version, resource.namespaced, fields
            )
        self.progress = Progress(lambda: self.cache.revision)

    def number(self, resource: Resource[Any]) -> int:
        """The cache's number of a resource."""
        return self._numbers[resource.prefix]

    async def load(self) -> None:
        """Read the whole store. Raises StoreError."""
        after, revision = "", 0
        while True:
            page = await self._store.list("", revision=revision, after=after, limit=_PAGE)
            revision = page.revision
            self._note(self.cache.load(page.items, revision))
            if not page.more:
                return
            after = page.items[-1].key

    async def run(self) -> None:
        """Take up every change, in order, for as long as the store lives."""
        try:
            while not await self._follow():
                # Serving on without changes would show an ever older state as the newest.
                await self._clock.sleep(_RETRY)
                self.progress.resume()
        except Exception as error:
            _log.exception("cache can't take up a change")
            self.progress.stop(f"the cache does not follow the store: {error}")

    async def _follow(self) -> bool:
        """Follow the store until it closes (True) or fails."""
        try:
            while True:
                try:
                    async for batch in self._store.watch("", self.cache.revision):
                        self._take_up(batch)
                    return True
                except Compacted:
                    await self._begin_anew()
        except StoreError as error:
            _log.error("cache does not follow the store, and tries again: %s", error)
            self.progress.stop(f"the cache does not follow the store: {error}")
            return False

    def _take_up(self, batch: Batch) -> None:
        woken, unreadable = self.cache.apply(batch.revision, batch.changes)
        if self.unreadable:
            for change in batch.changes:
                self.unreadable.pop(change.key, None)
        if unreadable:
            self._note(unreadable)
        if woken:
            self.woken(woken)
        self.progress.announce()

    async def _begin_anew(self) -> None:
        """Read the whole store again, and have all watchers list again.

        What the cache has is served meanwhile, and what did not change is kept: nothing is in memory twice.
        """
        _log.warning("cache fell behind the store: reading it anew")
        seen: set[str] = set()
        changed = []
        after, revision = "", 0
        while True:
            page = await self._store.list("", revision=revision, after=after, limit=_PAGE)
            revision = page.revision
            seen.update(kv.key for kv in page.items)
            changed += self.cache.stale(page.items)
            if not page.more:
                break
            after = page.items[-1].key
        self.cache.renew(sorted(set(self.cache.keys()) - seen))
        self.unreadable.clear()
        self._note(self.cache.load(changed, revision))
        self.anew()
        self.progress.announce()

    def _note(self, unreadable: Iterable[tuple[str, str]]) -> None:
        for key, why in unreadable:
            self.unreadable[key] = why
            _log.error("a stored value can't be read, and is shown to nobody key=%s why=%s", key, why)

    def _encode(self, number: int, form: int, body: bytes) -> bytes:
        resource = self.resources[number]
        try:
            return self._encoders[Format(form)](resource, body)
        except Exception:
            # The cache leaves it out of lists and watches; a GET of it is told.
            _log.exception("a stored %s can't be written as %s", resource.kind, Format(form).name)
            raise
