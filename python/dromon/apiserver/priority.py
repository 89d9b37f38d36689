"""Admission: the number behind a pod's priority class, and one class alone as everybody's default.

Source: documentation, "Pod Priority and Preemption"; texts as upstream's Priority plug-in gives them.

Neighbours: admission has the chain that runs it; api.kinds.priorityclass says what a class may be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from dromon.api import codec, errors
from dromon.api.kinds.priorityclass import SYSTEM_CLASSES
from dromon.api.types.pod import Pod
from dromon.api.types.scheduling import PriorityClass
from dromon.apiserver.admission import Attributes

_SYSTEM = {c.metadata.name: c for c in SYSTEM_CLASSES}


class Priority:
    """Resolves spec.priorityClassName into spec.priority and spec.preemptionPolicy when a pod is created.

    Args:
        classes: every PriorityClass's JSON.
    """

    def __init__(self, classes: Callable[[], Sequence[bytes]]) -> None:
        self._classes = classes

    def admit(self, a: Attributes) -> None:
        if a.subresource:
            return
        if a.operation == "delete":
            if a.resource.struct is PriorityClass and a.name in _SYSTEM:
                r = a.resource
                raise errors.forbidden(
                    r.plural, r.group, a.name, "this is a system priority class and cannot be deleted"
                )
            return
        if isinstance(a.new, PriorityClass):
            self._one_default(a, a.new)
        elif a.operation == "create" and isinstance(a.new, Pod):
            self._resolve(a, a.new)

    def _one_default(self, a: Attributes, new: PriorityClass) -> None:
        if not new.global_default:
            return
        other = next(
            (c for c in self._all() if c.global_default and c.metadata.name != new.metadata.name), None
        )
        if other is not None:
            r = a.resource
            name = other.metadata.name
            why = f"PriorityClass {name} is already marked as default. Only one default can exist"
            raise errors.forbidden(r.plural, r.group, a.name, why)

    def _resolve(self, a: Attributes, pod: Pod) -> None:
        spec, r = pod.spec, a.resource
        name, priority, policy = spec.priority_class_name, 0, "PreemptLowerPriority"
        found = self._find(name)
        if found is not None:
            spec.priority_class_name = found.metadata.name
            priority, policy = found.value, found.preemption_policy or policy
        elif name:
            why = f"no PriorityClass with name {name} was found"
            raise errors.forbidden(r.plural, r.group, a.name, why)
        if spec.priority is not None and spec.priority != priority:
            why = (
                f"the integer value of priority ({spec.priority}) must not be provided in pod spec; "
                f"priority admission controller computed {priority} from the given PriorityClass name"
            )
            raise errors.forbidden(r.plural, r.group, a.name, why)
        if spec.preemption_policy is not None and spec.preemption_policy != policy:
            why = (
                f"the string value of PreemptionPolicy ({spec.preemption_policy}) must not be provided in "
                f"pod spec; priority admission controller computed {policy} from the given PriorityClass name"
            )
            raise errors.forbidden(r.plural, r.group, a.name, why)
        spec.priority, spec.preemption_policy = priority, policy

    def _find(self, name: str) -> PriorityClass | None:
        """The class of this name; for no name the default one."""
        if name in _SYSTEM:
            return _SYSTEM[name]
        if name:
            return next((c for c in self._all() if c.metadata.name == name), None)
        defaults = [c for c in self._all() if c.global_default]
        # Two can stand only when they were written at the same moment; the lower one harms less.
        return min(defaults, key=lambda c: c.value, default=None)

    def _all(self) -> tuple[PriorityClass, ...]:
        return _decode(tuple(self._classes()))


@lru_cache(maxsize=4)
def _decode(values: tuple[bytes, ...]) -> tuple[PriorityClass, ...]:
    """Classes hardly change, and every pod asks for them."""
    return tuple(codec.decode_json(PriorityClass, value) for value in values)
