"""Event (core/v1).

Neighbours: dromon.client.events writes them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, MicroTime, Time, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta
from dromon.api.types.references import ObjectReference

PACKAGE = "k8s.io.api.core.v1"


class EventSeries(Api):
    """core/v1 EventSeries."""

    count: Int32 = 0
    last_observed_time: MicroTime | None = None


class EventSource(Api):
    """core/v1 EventSource."""

    component: str = ""
    host: str = ""


class Event(Api):
    """core/v1 Event."""

    kind: str = always("Event")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    involved_object: ObjectReference = field(default_factory=ObjectReference)
    reason: str = ""
    message: str = ""
    source: EventSource = field(default_factory=EventSource)
    first_timestamp: Time | None = None
    last_timestamp: Time | None = None
    count: Int32 = 0
    type: str = ""
    event_time: MicroTime | None = None
    series: EventSeries | None = None
    action: str = ""
    related: ObjectReference | None = None
    reporting_component: str = always("")
    reporting_instance: str = always("")


class EventList(Api):
    """A page of Event objects."""

    kind: str = always("EventList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Event] = always_list()
