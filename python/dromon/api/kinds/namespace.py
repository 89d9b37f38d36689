"""Namespace (core/v1).

Neighbours: types.namespace has its struct.
"""

from __future__ import annotations

from dromon.api.resource import ALL_VERBS, Resource, SelectableField
from dromon.api.types.namespace import Namespace, NamespaceList

NAMESPACES: Resource[Namespace] = Resource(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    struct=Namespace,
    list_struct=NamespaceList,
    namespaced=False,
    short_names=("ns",),
    verbs=tuple(v for v in ALL_VERBS if v != "deletecollection"),
    subresources=("finalize", "status"),
    fields=(SelectableField("status.phase"), SelectableField("name", path="metadata.name")),
)
