"""What every loop is made of: informers feed a queue of keys, workers reconcile one key at a time.

A reconciliation that raises is tried again with back-off; keys that are queued twice are handled once.

Neighbours: every loop derives from Controller; manager makes the Context; client.workqueue is the queue.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, ClassVar, Generic, TypeVar

from dromon.api.errors import ApiError
from dromon.base.clock import Clock
from dromon.client.events import EventRecorder
from dromon.client.informer import Informer
from dromon.client.rest import Client, ConnectionFailed
from dromon.client.workqueue import ShutDown, WorkQueue
from dromon.controllers.config import ControllerManagerConfig
from dromon.controllers.informers import Informers

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")

COALESCE = 0.05
"""Seconds for which changes of many pods are gathered before their owner is looked at again."""


@dataclass(frozen=True)
class Context:
    """What a loop is given.

    Attributes:
        client: the API.
        informers: shared by all loops.
        recorder: component name -> recorder of events.
        queue: makes a work queue.
        clock, random: injected time and randomness.
    """

    config: ControllerManagerConfig
    client: Client
    informers: Informers
    recorder: Callable[[str], EventRecorder]
    queue: Callable[[], WorkQueue[Any]]
    clock: Clock
    random: Random = field(default_factory=Random)


class Controller(ABC, Generic[K]):
    """A loop. Subclasses add handlers to informers in `__init__` and implement `reconcile`.

    Attributes:
        name: as --controllers and the log have it.
        workers: keys that are reconciled at the same time.
        ready: set once the loop has seen the cluster's state.
    """

    name: ClassVar[str]
    workers: ClassVar[int] = 1

    def __init__(self, context: Context) -> None:
        self.context = context
        self.client = context.client
        self.clock = context.clock
        self.queue: WorkQueue[K] = context.queue()
        self.ready = asyncio.Event()
        self._informers: list[Informer[Any]] = []

    @abstractmethod
    async def reconcile(self, key: K) -> None:
        """Bring the cluster closer to what `key` asks for; raising means to try again later."""

    def watch(self, informer: Informer[Any], handler: Callable[[Any, Any], None] | None = None) -> None:
        """Wait for `informer` before the first reconciliation; call handler(old, new) on changes."""
        self._informers.append(informer)
        if handler is not None:
            informer.add_handler(handler)

    def loops(self) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
        """Further coroutines that run beside the workers."""
        return ()

    @staticmethod
    def patience(members: int) -> float:
        """How long to gather changes for a key with so many members: looking at it costs as many steps."""
        return COALESCE * (1 + members / 1000)

    def enqueue_soon(self, key: K, delay: float = COALESCE) -> None:
        """Queue `key` after `delay` seconds, together with all that is asked of it until then."""
        self.queue.add_after(key, delay)

    async def synced(self) -> None:
        """Return when every informer of the loop has listed."""
        await asyncio.gather(*(i.synced() for i in self._informers))

    async def run(self) -> None:
        """Run until cancelled; workers end when the queue is shut down and empty."""
        await self.synced()
        self.ready.set()
        async with asyncio.TaskGroup() as group:
            for _ in range(self.workers):
                group.create_task(self._work())
            for loop in self.loops():
                group.create_task(loop())

    async def _work(self) -> None:
        while True:
            try:
                key = await self.queue.get()
            except ShutDown:
                return
            await self.process(key)

    async def process(self, key: K) -> None:
        """Reconcile one key that the queue gave, and tell the queue how it went."""
        try:
            await self.reconcile(key)
        except Exception as error:
            self._report(key, error)
            self.queue.add_rate_limited(key)
        else:
            self.queue.forget(key)
        finally:
            self.queue.done(key)

    def _report(self, key: K, error: Exception) -> None:
        """Conflicts and lost connections are the ordinary weather of a cluster; all else is worth a line."""
        if isinstance(error, (ConnectionFailed, Stale)) or is_conflict(error):
            log.debug("will try again", extra={"controller": self.name, "key": str(key), "error": str(error)})
        elif isinstance(error, (ApiError, Retry)):
            log.warning(
                "will try again", extra={"controller": self.name, "key": str(key), "error": str(error)}
            )
        else:
            log.exception("reconciliation failed", extra={"controller": self.name, "key": str(key)})


class Retry(Exception):
    """Raised by a reconciliation that could not finish and wants to be called again."""


class Stale(Retry):
    """The cache is behind what the API answered; the events that are to come will mend it."""


def key_of(obj: Any) -> tuple[str, str]:
    """(namespace, name) of an object."""
    return obj.metadata.namespace, obj.metadata.name


def is_not_found(error: BaseException) -> bool:
    """Whether the API says that the object does not exist."""
    return isinstance(error, ApiError) and error.code == 404


def is_conflict(error: BaseException) -> bool:
    """Whether the object changed since it was read, or is another than expected (409 Conflict)."""
    return isinstance(error, ApiError) and error.code == 409 and error.reason != "AlreadyExists"


def already_exists(error: BaseException) -> bool:
    """Whether a create met an object of the same name."""
    return isinstance(error, ApiError) and error.code == 409 and error.reason == "AlreadyExists"


def namespace_terminating(error: BaseException) -> bool:
    """Whether a create was refused because its namespace is being deleted."""
    if not isinstance(error, ApiError):
        return False
    details = error.status.details
    return details is not None and any(c.reason == "NamespaceTerminating" for c in details.causes)


async def each(
    items: Iterable[R], act: Callable[[R], Coroutine[Any, Any, None]], limit: int = 64
) -> list[Exception]:
    """Run `act` on all items, at most `limit` at a time; returns what was raised."""
    errors: list[Exception] = []
    waiting = iter(items)

    async def worker() -> None:
        for item in waiting:
            try:
                await act(item)
            except Exception as error:
                errors.append(error)

    items_left = len(items) if isinstance(items, (list, tuple)) else limit
    await asyncio.gather(*(worker() for _ in range(min(limit, items_left))))
    return errors
