"""CPU and memory should fill up evenly, so that neither is left over without the other.

Neighbours: scores.SCORES.
"""

from __future__ import annotations

from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores.facts import Facts
from dromon.scheduler.scores.points import MAX_POINTS


def raw(pod: PodClass, node: NodeState, facts: Facts) -> int:
    """MAX_POINTS less the standard deviation of the shares of CPU and memory requested with the pod."""
    requests = dict(pod.requests)
    shares = []
    for resource in ("cpu", "memory"):
        capacity = node.allocatable.get(resource, 0)
        if capacity > 0:
            requested = node.used[resource] + requests.get(resource, 0)
            shares.append(min(float(requested) / float(capacity), 1.0))
    deviation = abs(shares[0] - shares[1]) / 2.0 if len(shares) == 2 else 0.0
    return int((1.0 - deviation) * MAX_POINTS)
