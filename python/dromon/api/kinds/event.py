"""Event (core/v1): what happened to an object. Events live an hour.

Source: the API reference of Event v1.

Neighbours: dromon.client.events writes them.
"""

from __future__ import annotations

from dromon.api import names, times
from dromon.api.errors import FieldError, invalid_value
from dromon.api.kinds.columns import name_column
from dromon.api.resource import Column, Resource, SelectableField, Strategy
from dromon.api.types.event import Event, EventList

TTL = 3600
"""Seconds that an event is kept after its last repeat."""

_CLUSTER_NAMESPACES = ("default", "kube-system")
"""Where events about objects without a namespace go."""


class EventStrategy(Strategy[Event]):
    """Validity of events."""

    def name_errors(self, name: str) -> list[str]:
        return names.path_segment(name)

    def validate(self, obj: Event) -> list[FieldError]:
        about, own = obj.involved_object.namespace, obj.metadata.namespace
        if about == own or (not about and own in _CLUSTER_NAMESPACES):
            return []
        return [invalid_value("involvedObject.namespace", about, "does not match event.namespace")]


def _first_seen(event: Event, now: float) -> str:
    return times.age(event.first_timestamp or event.event_time, now)


def _last_seen(event: Event, now: float) -> str:
    if event.series is not None:
        return times.age(event.series.last_observed_time, now)
    return times.age(event.last_timestamp or event.first_timestamp or event.event_time, now)


def _count(event: Event, now: float) -> int:
    return event.series.count if event.series is not None else event.count or 1


def _object(event: Event, now: float) -> str:
    about = event.involved_object
    return f"{about.kind.lower()}/{about.name}" if about.name else about.kind.lower()


def _source(event: Event, now: float) -> str:
    who = event.source.component or event.reporting_component
    where = event.source.host or event.reporting_instance
    return f"{who}, {where}" if where else who


_ABOUT = (
    "kind",
    "namespace",
    "name",
    "uid",
    "apiVersion",
    "resourceVersion",
    "fieldPath",
)

EVENTS: Resource[Event] = Resource(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    struct=Event,
    list_struct=EventList,
    short_names=("ev",),
    strategy=EventStrategy(),
    columns=(
        Column("Last Seen", "string", _last_seen, description="Time since it last happened."),
        Column("Type", "string", lambda e, now: e.type, description="Normal or Warning."),
        Column("Reason", "string", lambda e, now: e.reason, description="Why, in one word."),
        Column("Object", "string", _object, description="What it happened to."),
        Column(
            "Subobject",
            "string",
            lambda e, now: e.involved_object.field_path,
            priority=1,
            description="Part of the object that it is about.",
        ),
        Column("Source", "string", _source, priority=1, description="Who reported it."),
        Column(
            "Message", "string", lambda e, now: e.message.strip(), description="What happened, for people."
        ),
        Column("First Seen", "string", _first_seen, priority=1, description="Time since it first happened."),
        Column("Count", "string", _count, priority=1, description="How often it happened."),
        name_column(priority=1),
    ),
    fields=(
        *(SelectableField(f"involvedObject.{name}") for name in _ABOUT),
        SelectableField("reason"),
        SelectableField("reportingComponent"),
        SelectableField("source", path="source.component"),
        SelectableField("type"),
    ),
    ttl=TTL,
)
