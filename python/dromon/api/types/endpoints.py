"""Endpoints (core/v1).

Neighbours: dromon.controllers.services writes them; discovery.EndpointSlice is their successor.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta
from dromon.api.types.references import ObjectReference

PACKAGE = "k8s.io.api.core.v1"


class EndpointAddress(Api):
    """core/v1 EndpointAddress."""

    ip: str = always("")
    hostname: str = ""
    node_name: str | None = None
    target_ref: ObjectReference | None = None


class EndpointPort(Api):
    """core/v1 EndpointPort."""

    name: str = ""
    port: Int32 = always(0)
    protocol: str = ""
    app_protocol: str | None = None


class EndpointSubset(Api):
    """core/v1 EndpointSubset."""

    addresses: list[EndpointAddress] = []
    not_ready_addresses: list[EndpointAddress] = []
    ports: list[EndpointPort] = []


class Endpoints(Api):
    """core/v1 Endpoints."""

    kind: str = always("Endpoints")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    subsets: list[EndpointSubset] = []


class EndpointsList(Api):
    """A page of Endpoints objects."""

    kind: str = always("EndpointsList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Endpoints] = always_list()
