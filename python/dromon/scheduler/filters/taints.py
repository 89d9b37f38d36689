"""Taints keep pods away unless they are tolerated.

Source: Kubernetes documentation, "Taints and Tolerations"; core/v1 Toleration.

Neighbours: filters.FILTERS; scores.prefer_taints is the soft form.
"""

from __future__ import annotations

from collections.abc import Iterable

from dromon.scheduler.inputs import PodClass, Taint, Toleration
from dromon.scheduler.node_state import NodeState

HARD = frozenset(("NoSchedule", "NoExecute"))


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    """Whether one of the tolerations covers the taint."""
    return any(_covers(t, taint) for t in tolerations)


def _covers(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return toleration.operator in ("", "Equal") and toleration.value == taint.value


def check(pod: PodClass, node: NodeState) -> tuple[str, ...]:
    """Refuse nodes with a NoSchedule or NoExecute taint that is not tolerated; the first is named."""
    for taint in node.info.taints if node.info else ():
        if taint.effect in HARD and not tolerates(pod.tolerations, taint):
            return (f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}",)
    return ()
