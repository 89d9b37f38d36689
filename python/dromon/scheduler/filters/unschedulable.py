"""A cordoned node takes no pods, except those that tolerate exactly that.

Neighbours: filters.FILTERS; taints has the matching of tolerations.
"""

from __future__ import annotations

from dromon.scheduler.filters.taints import tolerates
from dromon.scheduler.inputs import PodClass, Taint
from dromon.scheduler.node_state import NodeState

REASON = "node(s) were unschedulable"
CORDONED = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")


def check(pod: PodClass, node: NodeState) -> tuple[str, ...]:
    """Refuse nodes with spec.unschedulable."""
    if node.info is not None and node.info.unschedulable and not tolerates(pod.tolerations, CORDONED):
        return (REASON,)
    return ()
