"""Lease (coordination.k8s.io/v1).

Neighbours: kubelets renew them, node lifecycle reads them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, MicroTime, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.coordination.v1"


class LeaseSpec(Api):
    """coordination.k8s.io/v1 LeaseSpec."""

    holder_identity: str | None = None
    lease_duration_seconds: Int32 | None = None
    acquire_time: MicroTime | None = None
    renew_time: MicroTime | None = None
    lease_transitions: Int32 | None = None
    strategy: str | None = None
    preferred_holder: str | None = None


class Lease(Api):
    """coordination.k8s.io/v1 Lease."""

    kind: str = always("Lease")
    api_version: str = always("coordination.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: LeaseSpec = field(default_factory=LeaseSpec)


class LeaseList(Api):
    """A page of Lease objects."""

    kind: str = always("LeaseList")
    api_version: str = always("coordination.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Lease] = always_list()
