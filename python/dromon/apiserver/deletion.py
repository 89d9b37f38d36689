"""What a DELETE does to an object: remove it, mark it, or nothing more than it already has. Pure.

An object goes only when nothing holds it any more: finalizers, the finalizers in a namespace's spec, and,
where the kind has graceful deletion, the grace period that its agent (the kubelet) ends by deleting with 0.

Source: Kubernetes API concepts, "Resource deletion"; Pod lifecycle, "Termination of Pods".

Neighbours: dromon.apiserver.registry carries the plan out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from dromon.api import errors, times
from dromon.api.resource import Resource
from dromon.api.types.namespace import Namespace
from dromon.api.types.status import DeleteOptions, Preconditions

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True, slots=True)
class Deletion:
    """The plan.

    Attributes:
        remove: the object goes now.
        changed: its metadata has to be written first (with remove False: instead).
    """

    remove: bool
    changed: bool


def check_preconditions(r: Resource[Any], obj: Any, preconditions: Preconditions | None) -> None:
    """Refuse (409) when the object is not the one, or not in the state, that the client means."""
    if preconditions is None:
        return
    meta = obj.metadata
    for what, asked, is_ in (
        ("UID", preconditions.uid, meta.uid),
        ("ResourceVersion", preconditions.resource_version, meta.resource_version),
    ):
        if asked and asked != is_:
            why = f"Precondition failed: {what} in precondition: {asked}, {what} in object meta: {is_}"
            raise errors.conflict(r.plural, r.group, meta.name, why)


def held(obj: Any) -> bool:
    """Whether finalizers keep the object."""
    if obj.metadata.finalizers:
        return True
    return isinstance(obj, Namespace) and bool(obj.spec.finalizers)


def done(obj: Any, old: Any) -> bool:
    """Whether an update leaves an object that is being deleted and that nothing holds any more."""
    return old.metadata.deletion_timestamp is not None and not held(obj) and not _waits(old)


def plan(r: Resource[Any], obj: Any, options: DeleteOptions, now: float) -> Deletion:
    """Decide, and put deletionTimestamp, grace period and finalizers into `obj` (in place).

    Args:
        obj: the object as it stands; must not be shared.
        options: already validated.
        now: seconds since the epoch.

    Raises:
        ApiError: 409 when a precondition fails.
    """
    check_preconditions(r, obj, options.preconditions)
    before = msgspec.json.encode(obj.metadata)
    _set_propagation(obj, options)
    waits = _grace(r, obj, options, now)
    remove = not waits and not held(obj)
    if not remove and obj.metadata.deletion_timestamp is None:
        _mark(obj, now, 0)
    if isinstance(obj, Namespace) and obj.metadata.deletion_timestamp is not None:
        obj.status.phase = "Terminating"
    return Deletion(remove, msgspec.json.encode(obj.metadata) != before)


def _grace(r: Resource[Any], obj: Any, options: DeleteOptions, now: float) -> bool:
    """Apply graceful deletion; whether a period is still to be waited for."""
    meta = obj.metadata
    if meta.deletion_timestamp is None:
        period = r.strategy.grace_period(obj, options)
        if not period:
            return False
        _mark(obj, now, period)
        return True
    current = meta.deletion_grace_period_seconds or 0
    asked = options.grace_period_seconds
    if asked is not None and asked < current:
        # A period that runs may only be shortened; the stamp moves with it.
        meta.deletion_timestamp = times.format(times.parse(meta.deletion_timestamp) - (current - asked))
        meta.deletion_grace_period_seconds = current = asked
    return current > 0


def _mark(obj: Any, now: float, period: int) -> None:
    meta = obj.metadata
    meta.deletion_timestamp = times.format(now + period)
    meta.deletion_grace_period_seconds = period
    if meta.generation > 0:
        meta.generation += 1


def _waits(obj: Any) -> bool:
    return bool(obj.metadata.deletion_grace_period_seconds)


def _set_propagation(obj: Any, options: DeleteOptions) -> None:
    """Turn the propagation policy into the finalizer that the garbage collector works off."""
    policy = options.propagation_policy
    if policy is None and options.orphan_dependents is not None:
        policy = "Orphan" if options.orphan_dependents else "Background"
    if policy is None:
        return
    wanted = {"Orphan": ORPHAN, "Foreground": FOREGROUND}.get(policy)
    others = [f for f in obj.metadata.finalizers if f not in (ORPHAN, FOREGROUND)]
    obj.metadata.finalizers = [*others, wanted] if wanted else others


def validate_options(options: DeleteOptions) -> None:
    """Refuse (422) options that contradict each other or make no sense."""
    faults = []
    policies = ("Background", "Foreground", "Orphan")
    if options.propagation_policy is not None and options.propagation_policy not in policies:
        faults.append(errors.not_supported("propagationPolicy", options.propagation_policy, policies))
    if options.propagation_policy is not None and options.orphan_dependents is not None:
        text = "orphanDependents and deletionPropagation cannot be both set"
        faults.append(errors.invalid_value("propagationPolicy", options.propagation_policy, text))
    if options.dry_run not in ([], ["All"]):
        faults.append(errors.not_supported("dryRun", options.dry_run[0], ["All"]))
    if faults:
        raise errors.invalid("DeleteOptions", "meta.k8s.io", "", faults)
