"""How many of a budget's pods may be evicted now: pure functions of the budget, its pods and the time.

Source: documentation, "Disruptions" and "Specifying a Disruption Budget"; counts and reasons as upstream's.

Neighbours: controller.py finds pods and their owners' sizes, and writes the status.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dromon.api import times
from dromon.api.kinds.workloads import scaled
from dromon.api.types.meta import Condition
from dromon.api.types.policy import PodDisruptionBudget, PodDisruptionBudgetStatus
from dromon.controllers import pods as about
from dromon.controllers.views import PodView

ALLOWED = "DisruptionAllowed"
LET_THROUGH = 120.0
"""Seconds for which an eviction that was let through counts before its pod is seen to go."""


def needs_owners(pdb: PodDisruptionBudget) -> bool:
    """Whether the count of pods that there should be must come from their owners."""
    return pdb.spec.max_unavailable is not None or isinstance(pdb.spec.min_available, str)


def still_disrupted(pdb: PodDisruptionBudget, pods: Sequence[PodView], now: float) -> dict[str, str]:
    """status.disruptedPods without those that went, came back as another, or were let through long ago."""
    standing = {p.metadata.name for p in pods if p.metadata.deletion_timestamp is None}
    return {
        name: since
        for name, since in pdb.status.disrupted_pods.items()
        if name in standing and times.parse(since) + LET_THROUGH > now
    }


def next_look(disrupted: Mapping[str, str], now: float) -> float | None:
    """Seconds until the next let-through eviction is forgotten, None where there is none."""
    return min((times.parse(since) + LET_THROUGH - now for since in disrupted.values()), default=None)


def plan_status(
    pdb: PodDisruptionBudget, pods: Sequence[PodView], wanted: int | None, now: float
) -> PodDisruptionBudgetStatus:
    """The status that a budget should have.

    Args:
        pods: those that it selects.
        wanted: how many its pods' owners want in all; None where that is not needed.
        now: seconds since the epoch.
    """
    expected = len(pods) if wanted is None else wanted
    if pdb.spec.max_unavailable is not None:
        desired = max(expected - scaled(pdb.spec.max_unavailable, expected, up=True), 0)
    elif pdb.spec.min_available is not None:
        desired = scaled(pdb.spec.min_available, expected, up=True)
    else:
        desired = 0
    disrupted = still_disrupted(pdb, pods, now)
    healthy = sum(
        about.is_ready(p) and p.metadata.deletion_timestamp is None and p.metadata.name not in disrupted
        for p in pods
    )
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    return PodDisruptionBudgetStatus(
        observed_generation=pdb.metadata.generation,
        disrupted_pods=disrupted,
        disruptions_allowed=allowed,
        current_healthy=healthy,
        desired_healthy=desired,
        expected_pods=expected,
        conditions=_conditions(pdb, "SufficientPods" if allowed > 0 else "InsufficientPods", "", now),
    )


def failed_status(pdb: PodDisruptionBudget, why: str, now: float) -> PodDisruptionBudgetStatus:
    """The status when the pods can't be counted: nothing may be evicted."""
    status = pdb.status
    return PodDisruptionBudgetStatus(
        observed_generation=pdb.metadata.generation,
        disrupted_pods=dict(status.disrupted_pods),
        disruptions_allowed=0,
        current_healthy=status.current_healthy,
        desired_healthy=status.desired_healthy,
        expected_pods=status.expected_pods,
        conditions=_conditions(pdb, "SyncFailed", why, now),
    )


def _conditions(pdb: PodDisruptionBudget, reason: str, message: str, now: float) -> list[Condition]:
    value = "True" if reason == "SufficientPods" else "False"
    before = next((c for c in pdb.status.conditions if c.type == ALLOWED), None)
    since = (
        before.last_transition_time if before is not None and before.status == value else times.format(now)
    )
    mine = Condition(
        type=ALLOWED,
        status=value,
        observed_generation=pdb.metadata.generation,
        last_transition_time=since,
        reason=reason,
        message=message,
    )
    return [*(c for c in pdb.status.conditions if c.type != ALLOWED), mine]
