"""Which pods a shrinking controller gives up first: those of least use.

Source: upstream's API documentation, "ReplicaSet: scaling", and its controllers' order: unassigned, pending,
not ready, lower deletion cost, doubled up on a node, ready for less time, more restarts, newer.

Neighbours: plan.plan_scale takes the first ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dromon.controllers import pods as about
from dromon.controllers.views import PodView

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
"""Annotation: an int32; pods with a lower one go first."""

_PHASES = {"Pending": 0, "": 0, "Unknown": 1, "Running": 2}


def deletion_cost(pod: PodView) -> int:
    """The annotated cost, 0 where there is none or it is no int32."""
    text = pod.metadata.annotations.get(DELETION_COST, "0")
    digits = text.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or (len(digits) > 1 and digits[0] == "0"):
        return 0
    cost = int(text)
    return cost if -(2**31) <= cost < 2**31 else 0


def least_useful_first(pods: Sequence[PodView]) -> list[PodView]:
    """The pods in the order in which they should be deleted; the same pods always give the same order."""
    on_node = Counter(p.spec.node_name for p in pods if p.spec.node_name)

    def rank(pod: PodView) -> tuple[bool, int, bool, int, int, float, int, float, str]:
        since = about.ready_since(pod)
        return (
            bool(pod.spec.node_name),
            _PHASES.get(pod.status.phase, 2),
            since is not None,
            deletion_cost(pod),
            -on_node[pod.spec.node_name],
            # A Ready condition without a time says nothing: such a pod goes before those that are known
            # to have been ready for long.
            -(since or float("inf")) if since is not None else 0.0,
            -about.restarts(pod),
            -about.created(pod.metadata),
            pod.metadata.uid,
        )

    return sorted(pods, key=rank)
