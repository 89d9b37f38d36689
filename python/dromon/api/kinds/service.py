"""Service (core/v1).

Neighbours: types.service has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource, SelectableField
from dromon.api.types.service import Service, ServiceList

SERVICES: Resource[Service] = Resource(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    struct=Service,
    list_struct=ServiceList,
    short_names=("svc",),
    categories=("all",),
    subresources=("status",),
    fields=(SelectableField("spec.clusterIP"), SelectableField("spec.type")),
)
