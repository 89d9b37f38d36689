"""Which lists a strategic merge patch merges, and by which key of their elements.

The facts are the patchStrategy and patchMergeKey of the v1 API ("x-kubernetes-patch-merge-key" in its
OpenAPI document). A list that is not named here is replaced as a whole. "" is a list of scalars, merged
as a set.

Neighbours: strategic reads it, apiserver.openapi publishes it.
"""

from __future__ import annotations

from collections.abc import Mapping

_CORE = "io.k8s.api.core.v1."
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_CONTAINER = {
    "ports": "containerPort",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
}
_CONDITIONS = {"conditions": "type"}

MERGE_KEYS: Mapping[str, Mapping[str, str]] = {
    _META + "ObjectMeta": {"ownerReferences": "uid", "finalizers": ""},
    _META + "PartialObjectMetadataList": _CONDITIONS,
    _CORE + "Container": _CONTAINER,
    _CORE + "ContainerStatus": {"volumeMounts": "mountPath", "allocatedResourcesStatus": "name"},
    _CORE + "EphemeralContainer": _CONTAINER,
    _CORE + "EphemeralContainerCommon": _CONTAINER,
    _CORE + "NamespaceStatus": _CONDITIONS,
    _CORE + "NodeAllocatableResourceClaimStatus": {"mapping": "name", "overhead": "name"},
    _CORE + "NodeSpec": {"podCIDRs": ""},
    _CORE + "NodeStatus": {"conditions": "type", "addresses": "type"},
    _CORE + "PodSpec": {
        "containers": "name",
        "ephemeralContainers": "name",
        "evictionResponders": "name",
        "hostAliases": "ip",
        "imagePullSecrets": "name",
        "initContainers": "name",
        "resourceClaims": "name",
        "schedulingGates": "name",
        "topologySpreadConstraints": "topologyKey",
        "volumes": "name",
    },
    _CORE + "PodStatus": {
        "conditions": "type",
        "hostIPs": "ip",
        "nodeAllocatableResourceClaimStatuses": "resourceClaimName",
        "podIPs": "ip",
        "resourceClaimStatuses": "name",
    },
    _CORE + "PodVolumeHealth": {"healthConditions": "status"},
    _CORE + "ReplicationControllerStatus": _CONDITIONS,
    _CORE + "ServiceAccount": {"secrets": "name"},
    _CORE + "ServiceSpec": {"ports": "port"},
    _CORE + "ServiceStatus": _CONDITIONS,
}
"""OpenAPI name of a struct -> wire name of a list field -> key of its elements."""

RETAIN_KEYS = frozenset(
    {
        (_CORE + "PodSpec", "volumes"),
        (_CORE + "PodSpec", "resourceClaims"),
        (_CORE + "PodStatus", "resourceClaimStatuses"),
    }
)
"""Lists whose elements are unions: clients name the keys that stay ("merge,retainKeys")."""
