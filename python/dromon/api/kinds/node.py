"""Node (core/v1).

Neighbours: types.node has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource, SelectableField
from dromon.api.types.node import Node, NodeList

NODES: Resource[Node] = Resource(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    struct=Node,
    list_struct=NodeList,
    namespaced=False,
    short_names=("no",),
    subresources=("status",),
    fields=(SelectableField("spec.unschedulable", default="false"),),
)
