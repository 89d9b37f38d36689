"""Event (core/v1).

Neighbours: types.event has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource, SelectableField
from dromon.api.types.event import Event, EventList

EVENTS: Resource[Event] = Resource(
    group="",
    version="v1",
    kind="Event",
    plural="events",
    struct=Event,
    list_struct=EventList,
    short_names=("ev",),
    fields=(
        SelectableField("involvedObject.kind"),
        SelectableField("involvedObject.namespace"),
        SelectableField("involvedObject.name"),
        SelectableField("involvedObject.uid"),
        SelectableField("involvedObject.apiVersion"),
        SelectableField("involvedObject.resourceVersion"),
        SelectableField("involvedObject.fieldPath"),
        SelectableField("reason"),
        SelectableField("reportingComponent"),
        SelectableField("type"),
        SelectableField("source", path="source.component"),
    ),
    ttl=3600,
)
