"""ReplicationController (core/v1).

Neighbours: types.workload has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource, SelectableField
from dromon.api.types.workload import ReplicationController, ReplicationControllerList

REPLICATION_CONTROLLERS: Resource[ReplicationController] = Resource(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    struct=ReplicationController,
    list_struct=ReplicationControllerList,
    short_names=("rc",),
    categories=("all",),
    subresources=("scale", "status"),
    fields=(SelectableField("status.replicas", default="0"),),
)
