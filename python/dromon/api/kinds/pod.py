"""Pod (core/v1): the scheduling atom.

Neighbours: types.pod has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource, SelectableField
from dromon.api.types.pod import Pod, PodList

PODS: Resource[Pod] = Resource(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    struct=Pod,
    list_struct=PodList,
    short_names=("po",),
    categories=("all",),
    subresources=("binding", "eviction", "exec", "log", "status"),
    fields=(
        SelectableField("spec.nodeName"),
        SelectableField("spec.restartPolicy"),
        SelectableField("spec.schedulerName"),
        SelectableField("spec.serviceAccountName"),
        SelectableField("spec.hostNetwork", default="false"),
        SelectableField("status.phase"),
        SelectableField("status.podIP"),
        SelectableField("status.nominatedNodeName"),
    ),
)
