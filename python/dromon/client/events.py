"""Record what happened to an object as Event objects, without ever being in the way.

Repeats become a count on one Event, a flood about one object is cut, a full queue drops: an Event is a
remark, not state. Source: client-go tools/record (aggregation, names, bucket of 25, and one in 5 min).

Neighbours: every component records; client.eventwriter writes; `kubectl describe` and `get events` show them.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from dromon.api import times
from dromon.api.types.event import Event, EventSource
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.references import ObjectReference
from dromon.base.clock import Clock, SystemClock
from dromon.client.eventwriter import EventWriter, Record
from dromon.client.rest import Client

log = logging.getLogger(__name__)

REMEMBERED = 4096
"""Events whose repeats are still counted on them."""

BURST = 25
REFILL = 1 / 300
"""Token bucket of one object's events: how many at once, and how many a second."""

_Key = tuple[str, ...]


class EventRecorder:
    """See the module.

    Args:
        client: whom to write to.
        component: who records: "kubelet", "default-scheduler".
        host: where: the node's name, or "".
        clock: stamps events and waits between tries.
        writer: shared by several recorders of a process, which then closes it; None: one of its own.
    """

    def __init__(
        self,
        client: Client,
        component: str,
        host: str = "",
        clock: Clock | None = None,
        writer: EventWriter | None = None,
    ) -> None:
        self._component = component
        self._host = host
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._own_writer = writer is None
        self._writer = writer if writer is not None else EventWriter(client, self._clock)
        self._records: OrderedDict[_Key, Record] = OrderedDict()
        self._buckets: OrderedDict[_Key, tuple[float, float]] = OrderedDict()
        self._closed = False
        self._cut = 0

    @property
    def dropped(self) -> int:
        """Events that were not written: cut off as a flood, or by the writer."""
        return self._cut + self._writer.dropped

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
            self._cut += 1
            return
        subject = (about.kind, about.namespace, about.name, about.uid, about.field_path)
        key = (*subject, type, reason, message)
        now = self._clock.now()
        record = self._records.get(key)
        if record is None:
            record = Record(self._new(about, type, reason, message, now))
            self._records[key] = record
            if len(self._records) > REMEMBERED:
                self._records.popitem(last=False)
        else:
            self._records.move_to_end(key)
            record.event.count += 1
            record.event.last_timestamp = times.format(now)
        self._writer.put(record)

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
        if self._own_writer:
            await self._writer.close(grace)


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
