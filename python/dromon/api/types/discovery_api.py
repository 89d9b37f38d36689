"""What /api and /apis answer (meta/v1).

Neighbours: dromon.apiserver.discovery makes them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, always, always_list

PACKAGE = "k8s.io.apimachinery.pkg.apis.meta.v1"


class GroupVersionForDiscovery(Api):
    """meta/v1 GroupVersionForDiscovery."""

    group_version: str = always("")
    version: str = always("")


class ServerAddressByClientCIDR(Api):
    """meta/v1 ServerAddressByClientCIDR."""

    client_cidr: str = always("", name="clientCIDR")
    server_address: str = always("")


class APIGroup(Api):
    """meta/v1 APIGroup."""

    kind: str = always("APIGroup")
    api_version: str = always("v1")
    name: str = always("")
    versions: list[GroupVersionForDiscovery] = always_list()
    preferred_version: GroupVersionForDiscovery = field(default_factory=GroupVersionForDiscovery)
    server_address_by_client_cidrs: list[ServerAddressByClientCIDR] = field(
        default_factory=list, name="serverAddressByClientCIDRs"
    )


class APIGroupList(Api):
    """meta/v1 APIGroupList."""

    kind: str = always("APIGroupList")
    api_version: str = always("v1")
    groups: list[APIGroup] = always_list()


class APIResource(Api):
    """meta/v1 APIResource."""

    name: str = always("")
    singular_name: str = always("")
    namespaced: bool = always(False)
    group: str = ""
    version: str = ""
    kind: str = always("")
    verbs: list[str] = always_list()
    short_names: list[str] = []
    categories: list[str] = []
    storage_version_hash: str = ""


class APIResourceList(Api):
    """meta/v1 APIResourceList."""

    kind: str = always("APIResourceList")
    api_version: str = always("v1")
    group_version: str = always("")
    resources: list[APIResource] = always_list()


class APIVersions(Api):
    """meta/v1 APIVersions."""

    kind: str = always("APIVersions")
    api_version: str = always("v1")
    versions: list[str] = always_list()
    server_address_by_client_cidrs: list[ServerAddressByClientCIDR] = always_list(
        name="serverAddressByClientCIDRs"
    )
