"""How many pods each replica set of a deployment shall have next. Pure.

A rolling update never has more than replicas + maxSurge pods, nor fewer than replicas - maxUnavailable
available ones (as far as the rollout itself goes). Pods of old sets that are not healthy go first: they
count for nothing.

Source: documentation, "Deployments": rolling update, proportional scaling; rounding as upstream's.

Neighbours: revisions says which set is which; controller writes the sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dromon.api.kinds.workloads import scaled
from dromon.api.types.deployment import Deployment, ReplicaSet
from dromon.controllers import pods as about
from dromon.controllers.deployments.revisions import DESIRED, MAXIMUM, annotated

Sizes = dict[str, int]
"""Replica sets to change, by name."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many pods a rollout may have too many, and how many may be unavailable."""

    surge: int
    unavailable: int


def replicas(obj: Deployment | ReplicaSet) -> int:
    """spec.replicas, 1 where it is not told."""
    return 1 if obj.spec.replicas is None else obj.spec.replicas


def bounds(d: Deployment) -> Bounds:
    """maxSurge (rounded up) and maxUnavailable (rounded down, but one where both would be none)."""
    rolling = d.spec.strategy.rolling_update
    if d.spec.strategy.type != "RollingUpdate" or rolling is None:
        return Bounds(0, 0)
    total = replicas(d)
    surge = scaled(rolling.max_surge if rolling.max_surge is not None else "25%", total, up=True)
    share = rolling.max_unavailable if rolling.max_unavailable is not None else "25%"
    unavailable = scaled(share, total, up=False)
    if not surge and not unavailable:
        unavailable = 1
    return Bounds(surge, min(unavailable, total))


def maximum(d: Deployment) -> int:
    """Pods that there may be at most, for the annotation; 0 for a deployment of none."""
    return replicas(d) + bounds(d).surge if replicas(d) else 0


def first_size(d: Deployment, old: Sequence[ReplicaSet]) -> int:
    """The size of the newest set, given what the others have (and it has none yet)."""
    return _room(d, 0, sum(replicas(rs) for rs in old))


def _room(d: Deployment, new: int, others: int) -> int:
    if d.spec.strategy.type != "RollingUpdate":
        return replicas(d)
    free = replicas(d) + bounds(d).surge - (new + others)
    return new if free <= 0 else new + min(free, replicas(d) - new)


def rolling(d: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Sizes:
    """The next step of a rolling update: grow the newest, or else shrink the old ones."""
    others = sum(replicas(rs) for rs in old)
    if replicas(new) > replicas(d):
        return {new.metadata.name: replicas(d)}
    grown = _room(d, replicas(new), others)
    if grown != replicas(new):
        return {new.metadata.name: grown}
    return _shrink(d, new, old) if others else {}


def _shrink(d: Deployment, new: ReplicaSet, old: Sequence[ReplicaSet]) -> Sizes:
    """Old sets' sizes: first without their unhealthy pods, then as low as availability allows."""
    everything = [new, *old]
    least = replicas(d) - bounds(d).unavailable
    pending = replicas(new) - new.status.available_replicas
    spare = sum(replicas(rs) for rs in everything) - least - pending
    if spare <= 0:
        return {}
    sizes: Sizes = {}
    oldest_first = sorted(old, key=lambda rs: (about.created(rs.metadata), rs.metadata.name))
    for rs in oldest_first:
        sick = replicas(rs) - rs.status.available_replicas
        if take := min(spare, max(sick, 0)):
            sizes[rs.metadata.name] = replicas(rs) - take
            spare -= take
    available = sum(min(rs.status.available_replicas, replicas(rs)) for rs in everything)
    spare = available - least
    for rs in oldest_first:
        size = sizes.get(rs.metadata.name, replicas(rs))
        if spare > 0 and (take := min(spare, size)):
            sizes[rs.metadata.name] = size - take
            spare -= take
    return sizes


def recreate(
    d: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], old_pods: bool
) -> Sizes | None:
    """The next step of a recreation; None: wait until the old pods have ended.

    Args:
        old_pods: whether a pod of an old set has not ended yet.
    """
    sizes = {rs.metadata.name: 0 for rs in old if replicas(rs)}
    if sizes:
        return sizes
    if old_pods:
        return None
    return {} if new is None or replicas(new) == replicas(d) else {new.metadata.name: replicas(d)}


def is_scaling(d: Deployment, sets: Sequence[ReplicaSet]) -> bool:
    """Whether spec.replicas changed since the sets got their sizes."""
    return any(
        replicas(rs) and (was := annotated(rs, DESIRED)) is not None and was != replicas(d) for rs in sets
    )


def resized(d: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet]) -> Sizes:
    """Sizes after spec.replicas changed, or while the rollout is paused.

    One set with pods takes all; a finished rollout ends its old sets; in the middle of a rollout, each set
    gets its share of the change, so that the risk of the new template stays what it was.
    """
    with_pods = [rs for rs in [*old, *([new] if new is not None else [])] if replicas(rs)]
    if len(with_pods) <= 1:
        one = with_pods[0] if with_pods else (new or _latest(old))
        return {} if one is None or replicas(one) == replicas(d) else {one.metadata.name: replicas(d)}
    if new is not None and _saturated(d, new):
        return {rs.metadata.name: 0 for rs in old if replicas(rs)}
    if d.spec.strategy.type != "RollingUpdate":
        return {}
    allowed = replicas(d) + bounds(d).surge if replicas(d) else 0
    return _shares(allowed, with_pods)


def _latest(old: Sequence[ReplicaSet]) -> ReplicaSet | None:
    return max(old, key=lambda rs: (about.created(rs.metadata), rs.metadata.name), default=None)


def _saturated(d: Deployment, rs: ReplicaSet) -> bool:
    wanted = annotated(rs, DESIRED)
    size = replicas(d)
    return wanted is not None and replicas(rs) == size == wanted == rs.status.available_replicas


def _shares(allowed: int, sets: Sequence[ReplicaSet]) -> Sizes:
    """Change each set by its share; what rounding leaves goes to the largest."""
    change = allowed - sum(replicas(rs) for rs in sets)
    by_age = sorted(sets, key=lambda rs: about.created(rs.metadata), reverse=change >= 0)
    ordered = sorted(by_age, key=replicas, reverse=True)
    sizes: Sizes = {}
    left = change
    for rs in ordered:
        part = 0
        if change:
            was = annotated(rs, MAXIMUM) or sum(replicas(s) for s in sets)
            exact = int(replicas(rs) * allowed / was + 0.5) - replicas(rs)
            part = min(max(exact, 0), left) if change > 0 else max(min(exact, 0), left)
        sizes[rs.metadata.name] = replicas(rs) + part
        left -= part
    biggest = ordered[0].metadata.name
    sizes[biggest] = max(sizes[biggest] + left, 0)
    return {
        rs.metadata.name: sizes[rs.metadata.name] for rs in ordered if sizes[rs.metadata.name] != replicas(rs)
    }
