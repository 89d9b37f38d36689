"""Endpoints (core/v1).

Neighbours: types.endpoints has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource
from dromon.api.types.endpoints import Endpoints, EndpointsList

ENDPOINTS: Resource[Endpoints] = Resource(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    struct=Endpoints,
    list_struct=EndpointsList,
    short_names=("ep",),
)
