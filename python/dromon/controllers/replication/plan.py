"""What a replication controller or replica set has to do: pure functions of it, its pods and the time.

Neighbours: controller.py calls them in this order (claims, scale, status) and carries them out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from dromon.api import times
from dromon.api.types.deployment import ReplicaSet, ReplicaSetCondition, ReplicaSetStatus
from dromon.api.types.meta import ObjectMeta, OwnerReference
from dromon.api.types.pod import Pod
from dromon.api.types.workload import (
    ReplicationController,
    ReplicationControllerCondition,
    ReplicationControllerStatus,
)
from dromon.controllers import pods as about
from dromon.controllers.replication.ranking import least_useful_first
from dromon.controllers.views import PodView

CREATIONS = 5000
"""At most so many pods are created before the controller looks at all of them again."""

DELETIONS = 500
"""At most so many pods are deleted before the controller looks again."""

REPLICA_FAILURE = "ReplicaFailure"

Replicated = ReplicationController | ReplicaSet
Status = ReplicationControllerStatus | ReplicaSetStatus
Condition = ReplicationControllerCondition | ReplicaSetCondition


@dataclass(frozen=True, slots=True)
class Claims:
    """Whose pods are whose: `owned` stay, `adopt` become owned, `release` stop being owned."""

    owned: list[PodView]
    adopt: list[PodView]
    release: list[PodView]


def plan_claims(rc: Replicated, pods: Sequence[PodView]) -> Claims:
    """Compare owner references with the selector ("group == selector", talk, slide 29).

    Args:
        pods: those that name the controller as theirs, and those of its namespace that nobody manages.

    Pods that ended or are being deleted are left as they are, and a controller that is being deleted takes
    and releases nothing. What another controller manages is never touched.
    """
    claims = Claims([], [], [])
    going = rc.metadata.deletion_timestamp is not None
    for pod in pods:
        if not about.is_active(pod) or pod.metadata.namespace != rc.metadata.namespace:
            continue
        owner = about.controller_of(pod.metadata)
        matches = about.selects(rc.spec.selector, pod.metadata.labels)
        if owner is not None and owner.uid == rc.metadata.uid:
            if matches:
                claims.owned.append(pod)
            elif not going:
                claims.release.append(pod)
        elif owner is None and matches and not going:
            claims.adopt.append(pod)
    return claims


@dataclass(frozen=True, slots=True)
class Scale:
    """How many pods to create, and which to delete (one of both is empty)."""

    create: int = 0
    delete: tuple[PodView, ...] = ()


def desired(rc: Replicated) -> int:
    """spec.replicas, 1 where it is not told."""
    return 1 if rc.spec.replicas is None else rc.spec.replicas


def plan_scale(rc: Replicated, owned: Sequence[PodView]) -> Scale:
    """The difference between the pods that are wanted and those that are there, as far as one look goes."""
    if rc.metadata.deletion_timestamp is not None:
        return Scale()
    surplus = len(owned) - desired(rc)
    if surplus < 0:
        return Scale(create=min(-surplus, CREATIONS))
    if surplus > 0:
        return Scale(delete=tuple(least_useful_first(owned)[: min(surplus, DELETIONS)]))
    return Scale()


def batches(count: int) -> Iterator[int]:
    """Slow start: 1, 2, 4, 8 ... that sum up to `count`.

    A template that is always refused costs one request a try and not five hundred.
    """
    size = 1
    while count > 0:
        size = min(size, count)
        yield size
        count -= size
        size *= 2


def owner_reference(rc: Replicated) -> OwnerReference:
    """How a pod names the controller that manages it."""
    return OwnerReference(
        api_version=rc.api_version,
        kind=rc.kind,
        name=rc.metadata.name,
        uid=rc.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )


def pod_for(rc: Replicated) -> Pod:
    """One replica, made from the template; the apiserver completes the name "<controller>-<5 characters>"."""
    template = rc.spec.template
    if template is None:
        raise ValueError(f"{rc.metadata.namespace}/{rc.metadata.name} has no template")
    return Pod(
        metadata=ObjectMeta(
            generate_name=rc.metadata.name + "-",
            namespace=rc.metadata.namespace,
            labels=dict(template.metadata.labels),
            annotations=dict(template.metadata.annotations),
            finalizers=list(template.metadata.finalizers),
            owner_references=[owner_reference(rc)],
        ),
        spec=copy.deepcopy(template.spec),
    )


@dataclass(frozen=True, slots=True)
class Failure:
    """Why pods could not be created ("FailedCreate") or deleted ("FailedDelete")."""

    reason: str
    message: str


def plan_status(rc: Replicated, owned: Sequence[PodView], failure: Failure | None, now: float) -> Status:
    """The status that the controller should have.

    Args:
        failure: of this round.
        now: seconds since the epoch.
    """
    wanted = rc.spec.template.metadata.labels if rc.spec.template is not None else {}
    labelled = ready = available = 0
    for pod in owned:
        labels = pod.metadata.labels
        labelled += labels == wanted or wanted.items() <= labels.items()
        if about.is_ready(pod):
            ready += 1
            at = about.available_at(pod, rc.spec.min_ready_seconds)
            available += at is not None and at <= now
    return type(rc.status)(
        replicas=len(owned),
        fully_labeled_replicas=labelled,
        ready_replicas=ready,
        available_replicas=available,
        observed_generation=rc.metadata.generation,
        conditions=_conditions(rc, failure, now),
    )


def _conditions(rc: Replicated, failure: Failure | None, now: float) -> list[Any]:
    old: Sequence[Condition] = rc.status.conditions
    others = [c for c in old if c.type != REPLICA_FAILURE]
    if failure is None:
        return others
    before = next((c for c in old if c.type == REPLICA_FAILURE), None)
    same = before is not None and before.status == "True" and before.reason == failure.reason
    make = ReplicaSetCondition if isinstance(rc, ReplicaSet) else ReplicationControllerCondition
    condition = make(
        type=REPLICA_FAILURE,
        status="True",
        last_transition_time=before.last_transition_time if before and same else times.format(now),
        reason=failure.reason,
        message=failure.message,
    )
    return [*others, condition]


def next_look(rc: Replicated, owned: Sequence[PodView], now: float) -> float | None:
    """When the next pod becomes available by the passing of time alone, in seconds from now, or None."""
    if not rc.spec.min_ready_seconds:
        return None
    times_left = [
        at - now
        for pod in owned
        if (at := about.available_at(pod, rc.spec.min_ready_seconds)) is not None and at > now
    ]
    return min(times_left, default=None)
