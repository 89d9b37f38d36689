"""EndpointSlice (discovery.k8s.io/v1).

Neighbours: types.discovery has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource
from dromon.api.types.discovery import EndpointSlice, EndpointSliceList

ENDPOINT_SLICES: Resource[EndpointSlice] = Resource(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    struct=EndpointSlice,
    list_struct=EndpointSliceList,
)
