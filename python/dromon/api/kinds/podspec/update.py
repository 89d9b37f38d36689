"""What an update of a pod may change: images, deadlines, more tolerations, fewer scheduling gates.

Source: API documentation "Pods: update and replacement"; texts as upstream gives them.

Neighbours: kinds.pod.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dromon.api.errors import FieldError, forbidden_field, invalid_value
from dromon.api.types.affinity import Toleration
from dromon.api.types.container import Container
from dromon.api.types.pod import PodSpec

_UPDATABLE = (
    "`spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` "
    "(allow it to be set to 1 if it was previously negative)"
)
_MAX_INT32 = 2**31 - 1


def check_update(new: PodSpec, old: PodSpec) -> list[FieldError]:
    """Faults of a change of a pod's spec; both have their defaults."""
    # Most updates change labels or status only: one comparison, done in C.
    if new == old:
        return []
    found: list[FieldError] = []
    for wire, now, before in (
        ("containers", new.containers, old.containers),
        ("initContainers", new.init_containers, old.init_containers),
    ):
        if len(now) != len(before):
            found.append(forbidden_field(f"spec.{wire}", "pod updates may not add or remove containers"))
    if found:
        return found
    _check_deadline(new.active_deadline_seconds, old.active_deadline_seconds, found)
    _check_tolerations(new.tolerations, old.tolerations, found)
    _check_gates(new, old, found)
    allowed = _allowed(new, old)
    if allowed != old:
        changed = ", ".join(_changed(allowed, old))
        text = f"pod updates may not change fields other than {_UPDATABLE}\nchanged: {changed}"
        found.append(forbidden_field("spec", text))
    return found


def _allowed(new: PodSpec, old: PodSpec) -> PodSpec:
    """`new` with everything that may change put back: equal to `old` unless something else changed."""
    grace = new.termination_grace_period_seconds
    if grace == 1 and (old.termination_grace_period_seconds or 0) < 0:
        grace = old.termination_grace_period_seconds
    unscheduled = not old.node_name and bool(old.scheduling_gates)
    return msgspec.structs.replace(
        new,
        containers=_with_images(new.containers, old.containers),
        init_containers=_with_images(new.init_containers, old.init_containers),
        active_deadline_seconds=old.active_deadline_seconds,
        tolerations=old.tolerations,
        scheduling_gates=old.scheduling_gates,
        termination_grace_period_seconds=grace,
        node_selector=_narrowed(new, old) if unscheduled else new.node_selector,
    )


def _with_images(new: Sequence[Container], old: Sequence[Container]) -> list[Container]:
    return [msgspec.structs.replace(n, image=o.image) for n, o in zip(new, old, strict=True)]


def _narrowed(new: PodSpec, old: PodSpec) -> dict[str, str]:
    """A gated pod's node selector may get more labels (KEP-3838)."""
    kept = old.node_selector.items() <= new.node_selector.items()
    return old.node_selector if kept else new.node_selector


def _changed(new: PodSpec, old: PodSpec) -> list[str]:
    names = zip(PodSpec.__struct_fields__, PodSpec.__struct_encode_fields__, strict=True)
    return [f"spec.{wire}" for name, wire in names if getattr(new, name) != getattr(old, name)]


def _check_deadline(new: int | None, old: int | None, found: list[FieldError]) -> None:
    path = "spec.activeDeadlineSeconds"
    if new is None:
        if old is not None:
            text = "must not update from a positive integer to nil value"
            found.append(invalid_value(path, None, text))
    elif not 0 <= new <= _MAX_INT32:
        found.append(invalid_value(path, new, f"must be between 0 and {_MAX_INT32}, inclusive"))
    elif old is not None and old < new:
        found.append(invalid_value(path, new, "must be less than or equal to previous value"))


def _check_tolerations(new: Sequence[Toleration], old: Sequence[Toleration], found: list[FieldError]) -> None:
    kept = [msgspec.structs.replace(t, toleration_seconds=None) for t in new]
    for toleration in old:
        if msgspec.structs.replace(toleration, toleration_seconds=None) not in kept:
            text = "existing toleration can not be modified except its tolerationSeconds"
            found.append(forbidden_field("spec.tolerations", text))
            return


def _check_gates(new: PodSpec, old: PodSpec, found: list[FieldError]) -> None:
    had = {gate.name for gate in old.scheduling_gates}
    for i, gate in enumerate(new.scheduling_gates):
        if gate.name not in had:
            text = f"only deletion is allowed, but found new scheduling gate '{gate.name}'"
            found.append(forbidden_field(f"spec.schedulingGates[{i}].name", text))
