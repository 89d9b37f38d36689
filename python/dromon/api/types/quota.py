"""LimitRange and ResourceQuota (core/v1): bounds of what a namespace uses.

Neighbours: apiserver.admission enforces them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Quantity, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.core.v1"


class LimitRangeItem(Api):
    """core/v1 LimitRangeItem."""

    type: str = always("")
    max: dict[str, Quantity] = {}
    min: dict[str, Quantity] = {}
    default: dict[str, Quantity] = {}
    default_request: dict[str, Quantity] = {}
    max_limit_request_ratio: dict[str, Quantity] = {}


class LimitRangeSpec(Api):
    """core/v1 LimitRangeSpec."""

    limits: list[LimitRangeItem] = always_list()


class LimitRange(Api):
    """core/v1 LimitRange."""

    kind: str = always("LimitRange")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: LimitRangeSpec = field(default_factory=LimitRangeSpec)


class LimitRangeList(Api):
    """A page of LimitRange objects."""

    kind: str = always("LimitRangeList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[LimitRange] = always_list()


class ScopedResourceSelectorRequirement(Api):
    """core/v1 ScopedResourceSelectorRequirement."""

    scope_name: str = always("")
    operator: str = always("")
    values: list[str] = []


class ScopeSelector(Api):
    """core/v1 ScopeSelector."""

    match_expressions: list[ScopedResourceSelectorRequirement] = []


class ResourceQuotaSpec(Api):
    """core/v1 ResourceQuotaSpec."""

    hard: dict[str, Quantity] = {}
    scopes: list[str] = []
    scope_selector: ScopeSelector | None = None


class ResourceQuotaStatus(Api):
    """core/v1 ResourceQuotaStatus."""

    hard: dict[str, Quantity] = {}
    used: dict[str, Quantity] = {}


class ResourceQuota(Api):
    """core/v1 ResourceQuota."""

    kind: str = always("ResourceQuota")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: ResourceQuotaSpec = field(default_factory=ResourceQuotaSpec)
    status: ResourceQuotaStatus = field(default_factory=ResourceQuotaStatus)


class ResourceQuotaList(Api):
    """A page of ResourceQuota objects."""

    kind: str = always("ResourceQuotaList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ResourceQuota] = always_list()
