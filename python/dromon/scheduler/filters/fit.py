"""What the pod requests must be free on the node, a place for one more pod included.

Neighbours: filters.FILTERS; model computes the requests.
"""

from __future__ import annotations

from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState

TOO_MANY_PODS = "Too many pods"


def check(pod: PodClass, node: NodeState) -> tuple[str, ...]:
    """Refuse nodes whose allocatable, less what is requested already, does not cover the pod.

    A resource that the pod does not ask for is not looked at, even if the node has too little of it.
    """
    reasons = []
    if node.info is None or node.pods + 1 > node.info.max_pods:
        reasons.append(TOO_MANY_PODS)
    for resource, amount in pod.requests:
        if amount > node.allocatable.get(resource, 0) - node.used[resource]:
            reasons.append(f"Insufficient {resource}")
    return tuple(reasons)


def hopeless(pod: PodClass, node: NodeState) -> bool:
    """Whether the pod would not even fit on the empty node."""
    return any(amount > node.allocatable.get(resource, 0) for resource, amount in pod.requests)
