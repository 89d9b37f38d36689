"""Writes recorded events, many in one request where the server can; what waits too long a line is dropped.

One request is under way at a time, so that events, which are remarks, never crowd out what is state: what is
recorded meanwhile gathers for the next.

Neighbours: client.events records and counts, client.bulk carries.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass

from dromon.api.errors import ApiError
from dromon.api.kinds import EVENTS
from dromon.api.types.event import Event
from dromon.base.clock import Clock, SystemClock
from dromon.client.bulk import Bulk, Identity
from dromon.client.rest import Client, ConnectionFailed

log = logging.getLogger(__name__)

QUEUE = 10_000
"""Events that may wait to be written; more are dropped."""

BATCH = 200
"""Events in one request."""

ATTEMPTS = 4
"""How often a write is tried while the server can't be reached."""


@dataclass(slots=True)
class Record:
    """An event on its way.

    Attributes:
        event: as it shall stand; its count may grow while it waits.
        created: it was sent, so that now only its count is to be written.
        queued: it waits in a writer.
        tries: writes whose outcome is unknown.
    """

    event: Event
    created: bool = False
    queued: bool = False
    tries: int = 0


class EventWriter:
    """See the module.

    Args:
        client: whom to write to.
        clock: waits between tries.
        limit: how many events may wait.

    Attributes:
        dropped: events that were given up.
    """

    def __init__(self, client: Client, clock: Clock | None = None, limit: int = QUEUE) -> None:
        self._client = client
        self._bulk = Bulk(client)
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._limit = limit
        self._queue: deque[Record] = deque()
        self._task: asyncio.Task[None] | None = None
        self.dropped = 0

    def put(self, record: Record) -> None:
        """Have a record written soon; drops it when too many wait."""
        if record.queued:
            return
        if len(self._queue) >= self._limit:
            self.dropped += 1
            return
        record.queued = True
        self._queue.append(record)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_all(), name="event writer")

    async def close(self, grace: float = 1.0) -> None:
        """Write what waits, for at most `grace` seconds, and stop."""
        if self._task is not None:
            await asyncio.wait([self._task], timeout=grace)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _write_all(self) -> None:
        while self._queue:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            for record in batch:
                record.queued = False
            while batch:
                batch = await self._write(batch)
                if batch:
                    await self._clock.sleep(2.0 ** (min(record.tries for record in batch) - 1))

    async def _write(self, batch: list[Record]) -> list[Record]:
        """Write each once; returns those to be tried again."""
        again: list[Record] = []
        new: list[Record] = []
        for record in batch:
            if not record.created:
                new.append(record)
                continue
            try:
                await self._repeat(record.event)
            except (ApiError, ConnectionFailed) as error:
                if isinstance(error, ApiError) and error.code == 404:
                    new.append(record)
                elif self._unknown(record, error):
                    again.append(record)
        for record in new:
            # Also when the answer is lost: a repeat is then patched, or made anew on 404.
            record.created = True
        outcomes = await self._bulk.create(EVENTS, [record.event for record in new]) if new else []
        for record, outcome in zip(new, outcomes, strict=True):
            if not isinstance(outcome, Identity) and self._unknown(record, outcome):
                again.append(record)
        return again

    async def _repeat(self, event: Event) -> None:
        change = {"count": event.count, "lastTimestamp": event.last_timestamp}
        await self._client.patch(EVENTS, event.metadata.name, event.metadata.namespace, change, kind="merge")

    def _unknown(self, record: Record, error: ApiError | ConnectionFailed) -> bool:
        """Whether a failed write is worth another try."""
        if isinstance(error, ApiError):
            log.info("event refused", extra={"reason": record.event.reason, "error": error.message})
            return False
        record.tries += 1
        if record.tries < ATTEMPTS:
            return True
        self.dropped += 1
        return False
