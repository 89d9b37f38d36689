"""What a deployment tells of itself: counts, and how its rollout goes. Pure.

Source: documentation, "Deployment status"; reasons and texts as upstream's: kubectl reads them.

Neighbours: controller writes it; revisions and rollout say what is what.
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.api import times
from dromon.api.types.deployment import Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet
from dromon.controllers.deployments.rollout import bounds, replicas

AVAILABLE, PROGRESSING, FAILURE = "Available", "Progressing", "ReplicaFailure"
NEW_SET_AVAILABLE = "NewReplicaSetAvailable"
TIMED_OUT = "ProgressDeadlineExceeded"
PAUSED, RESUMED = "DeploymentPaused", "DeploymentResumed"


def find(conditions: Sequence[DeploymentCondition], kind: str) -> DeploymentCondition | None:
    """The condition of a type."""
    return next((c for c in conditions if c.type == kind), None)


def counted(d: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> DeploymentStatus:
    """The counts of all replica sets together; conditions as they stand."""
    sets = [*old, *([new] if new is not None else [])]
    total = sum(replicas(rs) for rs in sets)
    available = sum(rs.status.available_replicas for rs in sets)
    return DeploymentStatus(
        observed_generation=d.metadata.generation,
        replicas=sum(rs.status.replicas for rs in sets),
        updated_replicas=new.status.replicas if new is not None else 0,
        ready_replicas=sum(rs.status.ready_replicas for rs in sets),
        available_replicas=available,
        unavailable_replicas=max(total - available, 0),
        conditions=list(d.status.conditions),
        collision_count=d.status.collision_count,
    )


def is_complete(d: Deployment, status: DeploymentStatus) -> bool:
    """Whether every pod is of the present template and available, and no old one is left."""
    size = replicas(d)
    return (
        status.updated_replicas == size
        and status.replicas == size
        and status.available_replicas == size
        and status.observed_generation >= d.metadata.generation
    )


def plan_status(
    d: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], now: float, created: bool = False
) -> DeploymentStatus:
    """The status that the deployment should have.

    Args:
        new, old: its replica sets as they stand.
        now: seconds since the epoch.
        created: whether the newest set was made in this very look.
    """
    status = counted(d, new, old)
    conditions = [_available(d, status, now), *_failures(d, new, old, now)]
    progressing = _progressing(d, status, new, now, created)
    kept = {AVAILABLE: conditions[0]} | ({PROGRESSING: progressing} if progressing is not None else {})
    order = [c.type for c in d.status.conditions if c.type in kept]
    order += [kind for kind in (AVAILABLE, PROGRESSING) if kind in kept and kind not in order]
    status.conditions = [*(kept[kind] for kind in order), *conditions[1:]]
    return status


def _condition(
    d: Deployment, kind: str, value: str, reason: str, message: str, now: float, *, touch: bool = False
) -> DeploymentCondition:
    """A condition, which keeps its times as long as it says the same; `touch`: something new happened."""
    before = find(d.status.conditions, kind)
    if before is not None and (before.status, before.reason) == (value, reason) and not touch:
        return before
    stamp = times.format(now)
    since = before.last_transition_time if before is not None and before.status == value else stamp
    return DeploymentCondition(
        type=kind,
        status=value,
        last_update_time=stamp,
        last_transition_time=since,
        reason=reason,
        message=message,
    )


def _available(d: Deployment, status: DeploymentStatus, now: float) -> DeploymentCondition:
    if status.available_replicas >= replicas(d) - bounds(d).unavailable:
        text = "Deployment has minimum availability."
        return _condition(d, AVAILABLE, "True", "MinimumReplicasAvailable", text, now)
    text = "Deployment does not have minimum availability."
    return _condition(d, AVAILABLE, "False", "MinimumReplicasUnavailable", text, now)


def _failures(
    d: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], now: float
) -> list[DeploymentCondition]:
    """The newest set's failure, or else an old one's."""
    for rs in [*([new] if new is not None else []), *old]:
        for c in rs.status.conditions:
            if c.type == FAILURE:
                return [_condition(d, FAILURE, c.status, c.reason, c.message, now)]
    return []


def _progressing(
    d: Deployment, status: DeploymentStatus, new: ReplicaSet | None, now: float, created: bool
) -> DeploymentCondition | None:
    before = find(d.status.conditions, PROGRESSING)
    if d.spec.progress_deadline_seconds is None:
        return None
    name = f'ReplicaSet "{new.metadata.name}"' if new is not None else "Deployment"
    if d.spec.paused:
        timed_out = before is not None and before.reason == TIMED_OUT
        if timed_out:
            return before
        return _condition(d, PROGRESSING, "Unknown", PAUSED, "Deployment is paused", now)
    if before is not None and before.reason == PAUSED:
        return _condition(d, PROGRESSING, "Unknown", RESUMED, "Deployment is resumed", now)
    if before is not None and before.reason == NEW_SET_AVAILABLE and not created and _steady(d, status):
        return before
    if is_complete(d, status):
        text = f"{name} has successfully progressed."
        return _condition(d, PROGRESSING, "True", NEW_SET_AVAILABLE, text, now)
    if created and new is not None:
        text = f'Created new replica set "{new.metadata.name}"'
        return _condition(d, PROGRESSING, "True", "NewReplicaSetCreated", text, now, touch=True)
    if before is None and new is not None:
        text = f'Found new replica set "{new.metadata.name}"'
        return _condition(d, PROGRESSING, "True", "FoundNewReplicaSet", text, now)
    if _moved(d.status, status):
        return _condition(
            d, PROGRESSING, "True", "ReplicaSetUpdated", f"{name} is progressing.", now, touch=True
        )
    if _late(d, before, now):
        text = f"{name} has timed out progressing."
        return _condition(d, PROGRESSING, "False", TIMED_OUT, text, now)
    return before


def _steady(d: Deployment, status: DeploymentStatus) -> bool:
    """Whether a finished rollout is still the present template's: fewer pods than asked for is no new one."""
    return status.updated_replicas == status.replicas


def _moved(before: DeploymentStatus, after: DeploymentStatus) -> bool:
    """Whether more new pods, fewer old ones, or more that are ready or available."""
    return (
        after.updated_replicas > before.updated_replicas
        or after.replicas - after.updated_replicas < before.replicas - before.updated_replicas
        or after.ready_replicas > before.ready_replicas
        or after.available_replicas > before.available_replicas
    )


def deadline(d: Deployment, status: DeploymentStatus, now: float) -> float | None:
    """Seconds until the rollout counts as failed, None where it can't (any more)."""
    c = find(status.conditions, PROGRESSING)
    limit = d.spec.progress_deadline_seconds
    if c is None or limit is None or d.spec.paused or c.last_update_time is None:
        return None
    if c.reason in (NEW_SET_AVAILABLE, TIMED_OUT):
        return None
    return max(times.parse(c.last_update_time) + limit - now, 0.0)


def _late(d: Deployment, before: DeploymentCondition | None, now: float) -> bool:
    limit = d.spec.progress_deadline_seconds
    if before is None or limit is None or before.last_update_time is None:
        return False
    if before.reason in (TIMED_OUT, NEW_SET_AVAILABLE):
        return before.reason == TIMED_OUT
    return times.parse(before.last_update_time) + limit < now
