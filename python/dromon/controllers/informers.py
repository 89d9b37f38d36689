"""One informer a resource, shared by all loops of the process.

Neighbours: views (what is decoded), indexes (how it is looked up), client.informer (list, watch, resume).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.base.clock import Clock
from dromon.base.tasks import TaskSet
from dromon.client.informer import Informer
from dromon.client.rest import Client
from dromon.controllers.indexes import INDEXES

log = logging.getLogger(__name__)

T = TypeVar("T", bound=Api)
Make = Callable[..., Informer[Any]]


class Informers:
    """Makes, shares, runs and ends informers.

    Args:
        client: what they list and watch with.
        clock: their time.
        make: makes one (dromon.client.informer.Informer unless told).
    """

    def __init__(self, client: Client, clock: Clock, make: Make = Informer) -> None:
        self._client = client
        self._clock = clock
        self._make = make
        self._informers: dict[tuple[str, str, str], Informer[Any]] = {}
        self._running: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._tasks: TaskSet | None = None

    def of(self, resource: Resource[T], *, fields: str = "") -> Informer[T]:
        """The informer of a resource in all namespaces; the first caller's struct is what it decodes.

        It starts at once when the others run already, so add handlers before the event loop turns.
        """
        key = (resource.group, resource.plural, fields)
        informer = self._informers.get(key)
        if informer is None:
            indexes = INDEXES.get((resource.group, resource.plural), {}) if not fields else {}
            informer = self._make(self._client, resource, fields=fields, indexes=indexes, clock=self._clock)
            self._informers[key] = informer
            if self._tasks is not None:
                self._run(self._tasks, key, informer)
        return informer

    def start(self, tasks: TaskSet) -> None:
        """Run all informers, and those that are asked for later, as tasks of `tasks`."""
        self._tasks = tasks
        for key, informer in self._informers.items():
            self._run(tasks, key, informer)

    def drop(self, resource: Resource[Any]) -> None:
        """End the informer of a resource that is no longer served."""
        key = (resource.group, resource.plural, "")
        self._informers.pop(key, None)
        task = self._running.pop(key, None)
        if task is not None:
            task.cancel()

    def _run(self, tasks: TaskSet, key: tuple[str, str, str], informer: Informer[Any]) -> None:
        name = "informer " + key[1] + (f" {key[2]}" if key[2] else "")
        self._running[key] = tasks.start(name, informer.run, restart=True)
