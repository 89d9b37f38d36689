"""Which taints a node's state calls for, and how long a pod bears them. Pure functions.

Source: Kubernetes documentation, "Taints and Tolerations: taint based evictions, taint nodes by condition".

Neighbours: lifecycle.py writes taints, eviction.py deletes pods by `tolerated_for`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dromon.api import times
from dromon.api.types.affinity import Taint, Toleration
from dromon.controllers.nodes import health
from dromon.controllers.views import NodeView

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"

BY_CONDITION = {
    "MemoryPressure": "node.kubernetes.io/memory-pressure",
    "DiskPressure": "node.kubernetes.io/disk-pressure",
    "PIDPressure": "node.kubernetes.io/pid-pressure",
    "NetworkUnavailable": "node.kubernetes.io/network-unavailable",
}
BY_READY = {"False": NOT_READY, "Unknown": UNREACHABLE}

NO_SCHEDULE, NO_EXECUTE = "NoSchedule", "NoExecute"

_OURS = {
    *((key, NO_SCHEDULE) for key in (*BY_CONDITION.values(), NOT_READY, UNREACHABLE, UNSCHEDULABLE)),
    (NOT_READY, NO_EXECUTE),
    (UNREACHABLE, NO_EXECUTE),
}


def plan_taints(node: NodeView, now: float, *, execute: bool) -> list[Taint] | None:
    """All taints that the node should have, or None: it has them.

    Args:
        now: stamps new taints.
        execute: whether pods may be driven away from a node that is not ready now (NoExecute). Where not, a
            taint that is there already for the same reason stays.
    """
    present = {(t.key, t.effect): t for t in node.spec.taints}
    wanted = dict.fromkeys(_no_schedule(node), NO_SCHEDULE)
    effects = [(key, effect) for key, effect in wanted.items()]
    key = BY_READY.get(_reported(node))
    if key is not None and (execute or any((k, NO_EXECUTE) in present for k in BY_READY.values())):
        effects.append((key, NO_EXECUTE))
    kept = [t for t in node.spec.taints if (t.key, t.effect) not in _OURS or (t.key, t.effect) in effects]
    new = [Taint(key=k, effect=e, time_added=times.format(now)) for k, e in effects if (k, e) not in present]
    return kept + new if new or len(kept) != len(node.spec.taints) else None


def without_execute(node: NodeView) -> list[Taint] | None:
    """The node's taints without those that drive pods away for readiness, or None: there are none."""
    kept = [t for t in node.spec.taints if t.effect != NO_EXECUTE or t.key not in BY_READY.values()]
    return kept if len(kept) != len(node.spec.taints) else None


def _reported(node: NodeView) -> str:
    """The Ready condition's status; "" of a node that has none (yet)."""
    ready = health.condition(node, "Ready")
    return ready.status if ready is not None else ""


def _no_schedule(node: NodeView) -> list[str]:
    keys = [
        BY_CONDITION[c.type] for c in node.status.conditions if c.type in BY_CONDITION and c.status == "True"
    ]
    ready = BY_READY.get(_reported(node))
    if ready is not None:
        keys.append(ready)
    if node.spec.unschedulable:
        keys.append(UNSCHEDULABLE)
    return keys


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether a toleration is for a taint; an empty key with Exists is for all, an empty effect for any."""
    if toleration.effect and toleration.effect != taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    if toleration.operator == "Exists":
        return True
    return bool(toleration.key) and toleration.operator in ("", "Equal") and toleration.value == taint.value


def tolerated_for(taints: Sequence[Taint], tolerations: Sequence[Toleration]) -> float | None:
    """How long, in seconds, a pod may stay on a node with these taints; None: for ever, 0: not at all."""
    limits: list[float] = []
    for taint in taints:
        if taint.effect != NO_EXECUTE:
            continue
        matching = [t for t in tolerations if tolerates(t, taint)]
        if not matching:
            return 0.0
        limits += [
            max(float(t.toleration_seconds), 0.0) for t in matching if t.toleration_seconds is not None
        ]
    return min(limits, default=None)


def taint_patch(node: NodeView, taints: Sequence[Taint]) -> dict[str, object]:
    """A merge patch that sets the taints, if the node is as we know it (the list is replaced as a whole)."""
    meta = {"uid": node.metadata.uid, "resourceVersion": node.metadata.resource_version}
    return {"metadata": meta, "spec": {"taints": msgspec.to_builtins(list(taints)) or None}}
