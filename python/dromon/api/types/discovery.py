"""EndpointSlice (discovery.k8s.io/v1).

Neighbours: controllers write them, the proxy reads them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta
from dromon.api.types.references import ObjectReference

PACKAGE = "k8s.io.api.discovery.v1"


class EndpointConditions(Api):
    """discovery.k8s.io/v1 EndpointConditions."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForNode(Api):
    """discovery.k8s.io/v1 ForNode."""

    name: str = always("")


class ForZone(Api):
    """discovery.k8s.io/v1 ForZone."""

    name: str = always("")


class EndpointHints(Api):
    """discovery.k8s.io/v1 EndpointHints."""

    for_zones: list[ForZone] = []
    for_nodes: list[ForNode] = []


class Endpoint(Api):
    """discovery.k8s.io/v1 Endpoint."""

    addresses: list[str] = always_list()
    conditions: EndpointConditions = field(default_factory=EndpointConditions)
    hostname: str | None = None
    target_ref: ObjectReference | None = None
    deprecated_topology: dict[str, str] = {}
    node_name: str | None = None
    zone: str | None = None
    hints: EndpointHints | None = None


class EndpointPort(Api):
    """discovery.k8s.io/v1 EndpointPort."""

    name: str | None = None
    protocol: str | None = None
    port: Int32 | None = None
    app_protocol: str | None = None


class EndpointSlice(Api):
    """discovery.k8s.io/v1 EndpointSlice."""

    kind: str = always("EndpointSlice")
    api_version: str = always("discovery.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    address_type: str = always("")
    endpoints: list[Endpoint] = always_list()
    ports: list[EndpointPort] = always_list()


class EndpointSliceList(Api):
    """A page of EndpointSlice objects."""

    kind: str = always("EndpointSliceList")
    api_version: str = always("discovery.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[EndpointSlice] = always_list()
