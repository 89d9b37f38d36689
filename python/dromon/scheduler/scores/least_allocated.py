"""The more CPU and memory a node would have left, the better.

Neighbours: scores.SCORES; model has the defaults for pods that request nothing.
"""

from __future__ import annotations

from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores.facts import Facts
from dromon.scheduler.scores.points import MAX_POINTS


def raw(pod: PodClass, node: NodeState, facts: Facts) -> int:
    """The mean, over CPU and memory, of the share that is free once the pod is there."""
    points = []
    for i, resource in enumerate(("cpu", "memory")):
        capacity = node.allocatable.get(resource, 0)
        if capacity > 0:
            free = capacity - node.nonzero[i] - pod.nonzero[i]
            # Floats as in the Rust engine, where the product may not fit an integer.
            points.append(int(float(free) / float(capacity) * MAX_POINTS) if free > 0 else 0)
    return sum(points) // len(points) if points else 0
