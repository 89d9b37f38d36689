"""What is served, as clients ask for it: groups, versions, resources, one by one or all in one document.

Source: Kubernetes API concepts, "API discovery"; KEP-3352 (aggregated discovery).

Neighbours: dromon.api.kinds.RESOURCES is all it knows of kinds; dromon.apiserver.documents answers by it.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dromon.api.kinds import RESOURCES
from dromon.api.resource import Resource
from dromon.api.types.aggregated import (
    APIGroupDiscovery,
    APIGroupDiscoveryList,
    APIResourceDiscovery,
    APISubresourceDiscovery,
    APIVersionDiscovery,
    GroupVersionKind,
)
from dromon.api.types.discovery_api import (
    APIGroup,
    APIGroupList,
    APIResource,
    APIResourceList,
    APIVersions,
    GroupVersionForDiscovery,
    ServerAddressByClientCIDR,
)
from dromon.api.types.meta import ObjectMeta

AGGREGATED_VERSIONS = ("v2", "v2beta1")
"""Versions of the aggregated document; clients name one in Accept, with g=apidiscovery.k8s.io."""

AGGREGATED_KIND = "APIGroupDiscoveryList"
Resources = Sequence[Resource[Any]]


@dataclass(frozen=True, slots=True)
class Subresource:
    """A subresource as discovery tells of it.

    Attributes:
        verbs: in discovery's order.  kind: what it takes and gives; "": the kind it belongs to.
        group, version: of `kind` where they differ from the resource's.
    """

    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


_CHANGE = ("get", "patch", "update")
_PROXY = ("create", "delete", "get", "patch", "update")

SUBRESOURCES = {
    "attach": Subresource(("create", "get"), "PodAttachOptions"),
    "binding": Subresource(("create",), "Binding"),
    "ephemeralcontainers": Subresource(_CHANGE),
    "eviction": Subresource(("create",), "Eviction", "policy", "v1"),
    "exec": Subresource(("create", "get"), "PodExecOptions"),
    "finalize": Subresource(("update",)),
    "log": Subresource(("get",)),
    "portforward": Subresource(("create", "get"), "PodPortForwardOptions"),
    "proxy": Subresource(_PROXY, "{kind}ProxyOptions"),
    "scale": Subresource(_CHANGE, "Scale", "autoscaling", "v1"),
    "status": Subresource(_CHANGE),
    "token": Subresource(("create",), "TokenRequest", "authentication.k8s.io", "v1"),
}
"""Every subresource that a declaration may name."""


def core_versions(address: str) -> APIVersions:
    """The answer to /api.  `address`: where the server is reached, "10.0.0.1:6443"."""
    server = ServerAddressByClientCIDR(client_cidr="0.0.0.0/0", server_address=address)
    return APIVersions(versions=["v1"], server_address_by_client_cidrs=[server])


def group_list(resources: Resources = RESOURCES) -> APIGroupList:
    """The answer to /apis: every group but core."""
    return APIGroupList(groups=[_group(name, resources) for name in _groups(resources) if name])


def group(name: str, resources: Resources = RESOURCES) -> APIGroup | None:
    """The answer to /apis/<name>, or None where there is no such group."""
    return _group(name, resources) if name and name in _groups(resources) else None


def resource_list(group: str, version: str, resources: Resources = RESOURCES) -> APIResourceList | None:
    """The answer to /api/v1 (group "") or /apis/<group>/<version>, or None where there is no such version."""
    listed: list[APIResource] = []
    for r in resources:
        if (r.group, r.version) == (group, version):
            listed.append(_resource(r))
            listed += [_subresource(r, name) for name in sorted(r.subresources)]
    if not listed:
        return None
    listed.sort(key=lambda each: each.name)
    group_version = f"{group}/{version}" if group else version
    return APIResourceList(group_version=group_version, resources=listed)


def aggregated(core: bool, version: str = "v2", resources: Resources = RESOURCES) -> APIGroupDiscoveryList:
    """The whole of /api (`core`) or of /apis in one document of the given version."""
    items = [
        APIGroupDiscovery(metadata=ObjectMeta(name=name), versions=_versions(name, resources))
        for name in _groups(resources)
        if (name == "") is core
    ]
    return APIGroupDiscoveryList(api_version=f"apidiscovery.k8s.io/{version}", items=items)


def _groups(resources: Resources) -> list[str]:
    return list(dict.fromkeys(r.group for r in resources))


def _group(name: str, resources: Resources) -> APIGroup:
    versions = [
        GroupVersionForDiscovery(group_version=f"{name}/{version}", version=version)
        for version in dict.fromkeys(r.version for r in resources if r.group == name)
    ]
    return APIGroup(name=name, versions=versions, preferred_version=versions[0])


def _resource(r: Resource[Any]) -> APIResource:
    return APIResource(
        name=r.plural,
        singular_name=r.singular,
        namespaced=r.namespaced,
        kind=r.kind,
        verbs=list(r.verbs),
        short_names=list(r.short_names),
        categories=list(r.categories),
        storage_version_hash=_storage_hash(r) if r.list_struct is not None else "",
    )


def _subresource(r: Resource[Any], name: str) -> APIResource:
    sub = SUBRESOURCES[name]
    return APIResource(
        name=f"{r.plural}/{name}",
        singular_name="",
        namespaced=r.namespaced,
        group=sub.group,
        version=sub.version,
        kind=_kind(r, sub),
        verbs=list(sub.verbs),
    )


def _kind(r: Resource[Any], sub: Subresource) -> str:
    return sub.kind.format(kind=r.kind) or r.kind


def _storage_hash(r: Resource[Any]) -> str:
    """Changes when objects are stored in another version; opaque to clients."""
    digest = hashlib.sha256(f"{r.group}/{r.version}/{r.kind}".encode()).digest()
    return base64.b64encode(digest[:8]).decode()


def _versions(group: str, resources: Resources) -> list[APIVersionDiscovery]:
    return [
        APIVersionDiscovery(
            version=version,
            resources=[_aggregated(r) for r in resources if (r.group, r.version) == (group, version)],
            freshness="Current",
        )
        for version in dict.fromkeys(r.version for r in resources if r.group == group)
    ]


def _aggregated(r: Resource[Any]) -> APIResourceDiscovery:
    return APIResourceDiscovery(
        resource=r.plural,
        response_kind=GroupVersionKind(group=r.group, version=r.version, kind=r.kind),
        scope="Namespaced" if r.namespaced else "Cluster",
        singular_resource=r.singular,
        verbs=list(r.verbs),
        short_names=list(r.short_names),
        categories=list(r.categories),
        subresources=[_aggregated_subresource(r, name) for name in sorted(r.subresources)],
    )


def _aggregated_subresource(r: Resource[Any], name: str) -> APISubresourceDiscovery:
    sub = SUBRESOURCES[name]
    kind = GroupVersionKind(group=sub.group or r.group, version=sub.version or r.version, kind=_kind(r, sub))
    return APISubresourceDiscovery(subresource=name, response_kind=kind, verbs=list(sub.verbs))
