"""Namespace (core/v1).

Neighbours: dromon.controllers empties and finalizes them; dromon.apiserver.admission asks for them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Time, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.core.v1"


class NamespaceSpec(Api):
    """core/v1 NamespaceSpec."""

    finalizers: list[str] = []


class NamespaceCondition(Api):
    """core/v1 NamespaceCondition."""

    type: str = always("")
    status: str = always("")
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class NamespaceStatus(Api):
    """core/v1 NamespaceStatus."""

    phase: str = ""
    conditions: list[NamespaceCondition] = []


class Namespace(Api):
    """core/v1 Namespace."""

    kind: str = always("Namespace")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: NamespaceSpec = field(default_factory=NamespaceSpec)
    status: NamespaceStatus = field(default_factory=NamespaceStatus)


class NamespaceList(Api):
    """A page of Namespace objects."""

    kind: str = always("NamespaceList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Namespace] = always_list()
