"""The whole of discovery in one document (apidiscovery.k8s.io/v2 and v2beta1).

Source: KEP-3352 (aggregated discovery). The two versions have the same fields.

Neighbours: dromon.apiserver.discovery makes it.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.apidiscovery.v2"


class GroupVersionKind(Api):
    """meta/v1 GroupVersionKind: what a resource answers with."""

    group: str = always("")
    version: str = always("")
    kind: str = always("")


class APISubresourceDiscovery(Api):
    """A subresource: "status", "scale", "log".

    `response_kind` is what it answers with, `accepted_types` what it takes beside that.
    """

    subresource: str = always("")
    response_kind: GroupVersionKind | None = None
    accepted_types: list[GroupVersionKind] = []
    verbs: list[str] = always_list()


class APIResourceDiscovery(Api):
    """A resource with its names, verbs and subresources; `scope` is Namespaced or Cluster."""

    resource: str = always("")
    response_kind: GroupVersionKind | None = None
    scope: str = always("")
    singular_resource: str = always("")
    verbs: list[str] = always_list()
    short_names: list[str] = []
    categories: list[str] = []
    subresources: list[APISubresourceDiscovery] = []


class APIVersionDiscovery(Api):
    """A version of a group; `freshness` is Current when its resources were listed just now."""

    version: str = always("")
    resources: list[APIResourceDiscovery] = []
    freshness: str = ""


class APIGroupDiscovery(Api):
    """A group, named by its metadata ("" for core), with its versions, the preferred one first."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    versions: list[APIVersionDiscovery] = []


class APIGroupDiscoveryList(Api):
    """Every group under /api or under /apis."""

    kind: str = always("APIGroupDiscoveryList")
    api_version: str = always("apidiscovery.k8s.io/v2")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[APIGroupDiscovery] = always_list()
