"""Record what happened to an object as Event objects, without ever being in the way.

Repeats become a count on one Event, a flood about one object is cut, a full queue drops: an Event is a
remark, not state. Source: client-go tools/record (aggregation, names, bucket of 25, and one in 5 min).

Neighbours: every component records; client.rest writes; `kubectl describe` and `get events` show them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from dromon.api import times
from dromon.api.errors import ApiError
from dromon.api.kinds import EVENTS
from dromon.api.types.event import Event, EventSource
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.references import ObjectReference
from dromon.base.clock import Clock, SystemClock
from dromon.client.rest import Client, ConnectionFailed

log = logging.getLogger(__name__)

QUEUE = 1000
"""Events that may wait to be written; more are dropped."""

REMEMBERED = 4096
"""Events whose repeats are still counted on them."""

BURST = 25
REFILL = 1 / 300
"""Token bucket of one object's events: how many at once, and how many a second."""

ATTEMPTS = 4
"""How often a write is tried while the server can't be reached."""

_Key = tuple[str, ...]


@dataclass
class _Record:
    event: Event
    created: bool = False
    queued: bool = False


class EventRecorder:
    """See the module.

    Args:
        client: whom to write to.
        component: who records: "kubelet", "default-scheduler".
        host: where: the node's name, or "".
        clock: stamps events and waits between tries.
    """

    def __init__(self, client: Client, component: str, host: str = "", clock: Clock | None = None) -> None:
        self._client = client
        self._component = component
        self._host = host
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._records: OrderedDict[_Key, _Record] = OrderedDict()
        self._buckets: OrderedDict[_Key, tuple[float, float]] = OrderedDict()
        self._queue: asyncio.Queue[_Record] = asyncio.Queue(QUEUE)
        self._task: asyncio.Task[None] | None = None
        self._closed = False
        self.dropped = 0

    def event(self, obj: Any, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        """Record an event; returns at once and never raises.

        Args:
            obj: the object it is about, or an ObjectReference to it.
            type: "Normal" or "Warning".
            reason: for machines, CamelCase: "FailedScheduling".
            message: for people.
            field_path: the part it is about: "spec.containers{web}".
        """
        try:
            self._record(_reference(obj, field_path), type, reason, message[:1024])
        except Exception:
            log.exception("event not recorded", extra={"reason": reason})

    def _record(self, about: ObjectReference, type: str, reason: str, message: str) -> None:
        if self._closed or not self._admit(about):
            self.dropped += 1
            return
        subject = (about.kind, about.namespace, about.name, about.uid, about.field_path)
        key = (*subject, type, reason, message)
        now = self._clock.now()
        record = self._records.get(key)
        if record is None:
            record = _Record(self._new(about, type, reason, message, now))
            self._records[key] = record
            if len(self._records) > REMEMBERED:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(key)
            record.event.count += 1
            record.event.last_timestamp = times.format(now)
        if record.queued:
            return
        try:
            self._queue.put_nowait(record)
        except asyncio.QueueFull:
            self.dropped += 1
            return
        record.queued = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._write_all(), name="event recorder")

    def _admit(self, about: ObjectReference) -> bool:
        """Take a token of the object's bucket, if there is one."""
        key = (about.kind, about.namespace, about.name, about.uid)
        now = self._clock.monotonic()
        tokens, since = self._buckets.pop(key, (float(BURST), now))
        tokens = min(BURST, tokens + (now - since) * REFILL)
        admitted = tokens >= 1
        self._buckets[key] = (tokens - 1 if admitted else tokens, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        return admitted

    def _new(self, about: ObjectReference, type: str, reason: str, message: str, now: float) -> Event:
        stamp = times.format(now)
        # Nanoseconds in hex, as upstream: unique enough for one recorder, and sorted by time.
        name = f"{about.name[:230]}.{int(now * 1e9) + len(self._records):x}"
        return Event(
            metadata=ObjectMeta(name=name, namespace=about.namespace or "default"),
            involved_object=about,
            reason=reason,
            message=message,
            source=EventSource(component=self._component, host=self._host),
            first_timestamp=stamp,
            last_timestamp=stamp,
            count=1,
            type=type,
            reporting_component=self._component,
            reporting_instance=self._host,
        )

    async def close(self, grace: float = 1.0) -> None:
        """Write what waits, for at most `grace` seconds, and stop."""
        self._closed = True
        if self._task is not None:
            await asyncio.wait([self._task], timeout=grace)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _write_all(self) -> None:
        while not self._queue.empty():
            record = self._queue.get_nowait()
            record.queued = False
            for attempt in range(ATTEMPTS):
                try:
                    await self._write(record)
                except ApiError as error:
                    log.info("event refused", extra={"reason": record.event.reason, "error": error.message})
                except ConnectionFailed:
                    await self._clock.sleep(2.0**attempt)
                    continue
                break
            else:
                self.dropped += 1

    async def _write(self, record: _Record) -> None:
        event = record.event
        if record.created:
            repeat = {"count": event.count, "lastTimestamp": event.last_timestamp}
            try:
                await self._client.patch(
                    EVENTS, event.metadata.name, event.metadata.namespace, repeat, kind="merge"
                )
                return
            except ApiError as error:
                if error.code != 404:
                    raise
        record.created = True  # also when the answer is lost: a repeat is then patched, or made anew on 404
        await self._client.create(EVENTS, event)


def _reference(obj: Any, field_path: str) -> ObjectReference:
    if isinstance(obj, ObjectReference):
        return obj
    meta = obj.metadata
    return ObjectReference(
        kind=obj.kind,
        api_version=obj.api_version,
        namespace=meta.namespace,
        name=meta.name,
        uid=meta.uid,
        resource_version=meta.resource_version,
        field_path=field_path,
    )
