"""What silence means: the conditions of a node whose kubelet stopped reporting. Pure functions.

Source: Kubernetes documentation, "Nodes: heartbeats" and "node controller".

Neighbours: lifecycle.py writes what comes out of here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dromon.api import times
from dromon.api.types.node import NodeCondition
from dromon.controllers.views import NodeView

WATCHED = ("Ready", "MemoryPressure", "DiskPressure", "PIDPressure")
"""Conditions that a kubelet reports and nobody else."""


def condition(node: NodeView, name: str) -> NodeCondition | None:
    """The node's condition of this type, or None."""
    return next((c for c in node.status.conditions if c.type == name), None)


def ready_status(node: NodeView) -> str:
    """ "True", "False" or "Unknown" (also where the condition is missing)."""
    ready = condition(node, "Ready")
    return ready.status if ready is not None and ready.status in ("True", "False") else "Unknown"


def silence(node: NodeView, heard: float, now: float, grace: float, startup_grace: float) -> float:
    """Seconds until the node counts as lost, not positive if it does.

    Args:
        heard: when its last sign of life was seen.
        grace: how long a node may be silent.
        startup_grace: the same for one that has never reported its condition.
    """
    allowed = grace if condition(node, "Ready") is not None else startup_grace
    return heard + allowed - now


def lost_conditions(node: NodeView, now: float) -> list[NodeCondition]:
    """The conditions to write for a node that is lost; none when all of them are unknown already."""
    result = []
    for name in WATCHED:
        old = condition(node, name)
        if old is None:
            result.append(_never(node, name, now))
        elif old.status != "Unknown":
            result.append(
                msgspec.structs.replace(
                    old,
                    status="Unknown",
                    reason="NodeStatusUnknown",
                    message="Kubelet stopped posting node status.",
                    last_transition_time=times.format(now),
                )
            )
    return result


def _never(node: NodeView, name: str, now: float) -> NodeCondition:
    return NodeCondition(
        type=name,
        status="Unknown",
        reason="NodeStatusNeverUpdated",
        message="Kubelet never posted node status.",
        last_heartbeat_time=node.metadata.creation_timestamp,
        last_transition_time=times.format(now),
    )


def heartbeat(conditions: Sequence[NodeCondition]) -> str:
    """What changes whenever the kubelet posts its status."""
    return ",".join(f"{c.type}={c.status}@{c.last_heartbeat_time}" for c in conditions)
