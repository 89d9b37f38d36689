"""Why a pod has no node, in upstream's words: "0/3 nodes are available: 2 Insufficient cpu, 1 node(s) ...".

Neighbours: the engine counts the reasons; loop puts the text in the condition and the Event.
"""

from __future__ import annotations

from dromon.scheduler.engine import Refusal

NO_NODES = "no nodes available to schedule pods"
GATED = "Scheduling is blocked due to non-empty scheduling gates"


def with_preemption(message: str, why_not: str) -> str:
    """The message, and why preemption would not help either ("" where it does)."""
    return f"{message} preemption: {why_not}" if why_not else message


def explain(refusal: Refusal, nodes: int) -> str:
    """The message for a refusal.

    Args:
        refusal: reason -> number of nodes that gave it.
        nodes: how many nodes there are.

    Returns:
        One sentence; the parts "count reason" are sorted as text, as kube-scheduler does.
    """
    if nodes == 0:
        return NO_NODES
    parts = sorted(f"{count} {reason}" for reason, count in refusal.items())
    return f"0/{nodes} nodes are available: {', '.join(parts)}."
