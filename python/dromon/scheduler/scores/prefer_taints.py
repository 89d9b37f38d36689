"""Nodes with PreferNoSchedule taints are left to last.

Neighbours: scores.SCORES; filters.taints is the hard form.
"""

from __future__ import annotations

from dromon.scheduler.filters.taints import tolerates
from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores.facts import Facts


def raw(pod: PodClass, node: NodeState, facts: Facts) -> int:
    """How many PreferNoSchedule taints the pod does not tolerate."""
    taints = node.info.taints if node.info else ()
    return sum(1 for t in taints if t.effect == "PreferNoSchedule" and not tolerates(pod.tolerations, t))
