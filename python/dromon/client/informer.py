"""A resource's objects, kept current: list, then watch, for ever.

"Don't poll, watch" (talk). After a lost connection the watch resumes from the last revision seen; when the
server no longer has it (410), or does not get as far (504), the list is read again and compared, so that
handlers see every object's last state: (None, new), (old, new), (old, None). Intermediate states may be
skipped, as with any watch.

Neighbours: client.rest asks, client.store keeps, control loops read and add handlers.
"""

from __future__ import annotations

import asyncio
import logging
import random as _random
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

from dromon.api.errors import ApiError
from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.base.backoff import Backoff
from dromon.base.clock import Clock, SystemClock
from dromon.client.rest import Client, ConnectionFailed, WatchEvent
from dromon.client.store import IndexedStore, key_of

log = logging.getLogger(__name__)

T = TypeVar("T", bound=Api)
EventHandler = Callable[[T | None, T | None], None]

SHORTEST_WATCH = 300.0
"""Watches last between this and twice this, in seconds, so that informers don't all come back at once."""

SLICE = 512
"""Events that are handled before the rest of the process gets a turn."""


class Informer(Generic[T]):
    """See the module. Objects are shared by all who read: never change them in place.

    Args:
        client: whom to ask.
        resource, namespace, labels, fields: what to keep; namespace "": all of them.
        indexes: name -> function from an object to the values it shall be found by.
        clock: for back-off.
        page_size: list in pages of so many objects; 0: all in one answer.
        random: gives numbers in [0, 1).
        transform: what is kept of an object that was just read (and may be changed): less, to save memory.
    """

    def __init__(
        self,
        client: Client,
        resource: Resource[T],
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        indexes: Mapping[str, Callable[[T], Iterable[str]]] | None = None,
        clock: Clock | None = None,
        page_size: int = 0,
        random: Callable[[], float] = _random.random,
        transform: Callable[[T], T] | None = None,
    ) -> None:
        self._client = client
        self._resource = resource
        self._namespace = namespace
        self._labels = labels
        self._fields = fields
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._page_size = page_size
        self._random = random
        self._transform = transform
        self._store: IndexedStore[T] = IndexedStore(indexes or {})
        self._handlers: list[EventHandler[T]] = []
        self._synced = asyncio.Event()
        self._revision = ""

    def add_handler(self, handler: EventHandler[T]) -> None:
        """Call `handler(old, new)` for every change, beginning with what is there already.

        Handlers run one after the other in the informer's task: they must be short and not block; what
        they raise is logged.
        """
        self._handlers.append(handler)
        for obj in self._store.items():
            self._call(handler, None, obj)

    async def synced(self) -> None:
        """Return once the first list is in and its handlers have been called."""
        await self._synced.wait()

    @property
    def has_synced(self) -> bool:
        """Whether `synced` would return at once."""
        return self._synced.is_set()

    def get(self, namespace: str, name: str) -> T | None:
        """One object, as last seen."""
        return self._store.get((namespace, name))

    def items(self) -> list[T]:
        """All objects."""
        return self._store.items()

    def by_index(self, name: str, value: str) -> list[T]:
        """The objects that index `name` has under `value`."""
        return self._store.by_index(name, value)

    def __len__(self) -> int:
        return len(self._store)

    async def run(self) -> None:
        """List and watch until cancelled; failures are logged and tried again with back-off."""
        backoff = Backoff(0.2, 30.0, jitter=0.5, random=self._random)
        what = self._resource.plural
        while True:
            try:
                if not self._revision:
                    await self._list()
                began = self._clock.monotonic()
                await self._watch(backoff)
                if self._clock.monotonic() - began >= 1.0:
                    continue  # else it ended as soon as it began: don't hurry to the next
            except ApiError as error:
                if error.code == 410:
                    log.info("watch expired, listing again", extra={"resource": what})
                    watched = bool(self._revision)
                    self._revision = ""
                    if watched:
                        continue  # a list that expires again and again must not be hurried
                elif _unknown_revision(error):
                    log.info(
                        "the server does not reach the revision, listing again", extra={"resource": what}
                    )
                    self._revision = ""
                else:
                    log.warning("list or watch refused", extra={"resource": what, "error": error.message})
            except ConnectionFailed as error:
                log.info("list or watch failed", extra={"resource": what, "error": str(error)})
            except TimeoutError:
                log.info("watch did not end in time", extra={"resource": what})
                continue
            await self._clock.sleep(backoff.next())

    async def _list(self) -> None:
        """Read everything, and tell handlers what differs from what was known."""
        gone = self._store.keys()
        continue_ = ""
        while True:
            page = await self._client.list(
                self._resource,
                self._namespace,
                labels=self._labels,
                fields=self._fields,
                limit=self._page_size,
                continue_=continue_,
            )
            for count, obj in enumerate(page.items, 1):
                gone.discard(key_of(obj))
                self._put(obj)
                if count % SLICE == 0:
                    await asyncio.sleep(0)
            continue_ = page.continue_
            if not continue_:
                break
        for key in gone:
            old = self._store.remove(key)
            if old is not None:
                self._tell(old, None)
        self._revision = page.resource_version
        self._synced.set()

    async def _watch(self, backoff: Backoff) -> None:
        """Follow changes from the last revision until the server ends the watch."""
        seconds = SHORTEST_WATCH * (1 + self._random())
        stream = await self._client.watch(
            self._resource,
            self._namespace,
            labels=self._labels,
            fields=self._fields,
            resource_version=self._revision,
            timeout=seconds,
        )
        # A server that vanished without a word is noticed when the time it was given is long over.
        async with stream, asyncio.timeout(seconds + 30):
            async for batch in stream.batches():
                backoff.reset()
                for count, event in enumerate(batch, 1):
                    self._apply(event)
                    if count % SLICE == 0:
                        await asyncio.sleep(0)

    def _apply(self, event: WatchEvent[T]) -> None:
        meta = event.object.metadata  # type: ignore[attr-defined]
        if event.type == "DELETED":
            old = self._store.remove(key_of(event.object))
            if old is not None:
                self._tell(old, None)
        elif event.type != "BOOKMARK":
            self._put(event.object)
        if meta.resource_version:
            self._revision = meta.resource_version

    def _put(self, obj: T) -> None:
        known = self._store.get(key_of(obj))
        if known is not None and _version(known) == _version(obj) and _uid(known) == _uid(obj):
            return
        if self._transform is not None:
            obj = self._transform(obj)
        self._tell(self._store.put(obj), obj)

    def _tell(self, old: T | None, new: T | None) -> None:
        if old is not None and new is not None and _uid(old) != _uid(new):
            # Deleted and made again under the same name while we did not look: two changes, not one.
            self._tell(old, None)
            old = None
        for handler in self._handlers:
            self._call(handler, old, new)

    def _call(self, handler: EventHandler[T], old: T | None, new: T | None) -> None:
        try:
            handler(old, new)
        except Exception:
            log.exception("event handler failed", extra={"resource": self._resource.plural})


def _unknown_revision(error: ApiError) -> bool:
    """Whether the server has not got as far as the revision asked for: perhaps its store was put back."""
    details = error.status.details
    causes = details.causes if details is not None else []
    return error.code == 504 and any(c.reason == "ResourceVersionTooLarge" for c in causes)


def _version(obj: Api) -> str:
    return str(obj.metadata.resource_version)  # type: ignore[attr-defined]


def _uid(obj: Api) -> str:
    return str(obj.metadata.uid)  # type: ignore[attr-defined]
