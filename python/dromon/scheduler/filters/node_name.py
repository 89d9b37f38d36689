"""A pod that names its node goes there or nowhere.

Neighbours: filters.FILTERS.
"""

from __future__ import annotations

from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState

REASON = "node(s) didn't match the requested node name"


def check(pod: PodClass, node: NodeState) -> tuple[str, ...]:
    """Refuse every node but the one named in the pod."""
    return (REASON,) if pod.node_name and pod.node_name != node.name else ()
