"""What a namespace that is being deleted should say, and whether it may go: pure functions.

Neighbours: controller.py finds out what remains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dromon.api import times
from dromon.api.types.namespace import Namespace, NamespaceCondition
from dromon.controllers.views import ObjectView

FINALIZER = "kubernetes"

DISCOVERY = "NamespaceDeletionDiscoveryFailure"
PARSING = "NamespaceDeletionGroupVersionParsingFailure"
CONTENT = "NamespaceDeletionContentFailure"
REMAINING = "NamespaceContentRemaining"
FINALIZERS = "NamespaceFinalizersRemaining"

_FINE = {
    DISCOVERY: ("ResourcesDiscovered", "All resources successfully discovered"),
    PARSING: ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    CONTENT: ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
    REMAINING: ("ContentRemoved", "All content successfully removed"),
    FINALIZERS: ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


@dataclass(slots=True)
class Content:
    """What one round of deletion left behind.

    Attributes:
        remaining: objects left, by resource ("pods.", "endpointslices.discovery.k8s.io").
        finalizers: objects left that have a finalizer, by finalizer.
        failures: what could not be deleted or listed, with the reason.
        undiscovered: group versions that could not be asked for their resources.
        grace: seconds until the last of the pods that are left must have ended.
    """

    remaining: Counter[str] = field(default_factory=Counter)
    finalizers: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    undiscovered: list[str] = field(default_factory=list)
    grace: int = 0

    def add(self, plural: str, group: str, left: Iterable[ObjectView | Any]) -> None:
        """Count what is left of one resource."""
        for obj in left:
            self.remaining[f"{plural}.{group}"] += 1
            self.finalizers.update(obj.metadata.finalizers)
            self.grace = max(self.grace, obj.metadata.deletion_grace_period_seconds or 0)

    @property
    def empty(self) -> bool:
        """Whether the namespace is known to have nothing in it."""
        return not (self.remaining or self.failures or self.undiscovered)


def plan_conditions(
    old: Sequence[NamespaceCondition], content: Content, now: float
) -> list[NamespaceCondition]:
    """The namespace's conditions after a round; a condition's time changes with its status only."""
    troubles: dict[str, tuple[str, str]] = {}
    if content.undiscovered:
        troubles[DISCOVERY] = ("DiscoveryFailed", "Discovery failed: " + "; ".join(content.undiscovered))
    if content.failures:
        text = "Failed to delete all resource types, {} remaining: {}"
        message = text.format(len(content.failures), ", ".join(sorted(content.failures)))
        troubles[CONTENT] = ("ContentDeletionFailed", message)
    if content.remaining:
        counts = (f"{name} has {n} resource instances" for name, n in sorted(content.remaining.items()))
        troubles[REMAINING] = ("SomeResourcesRemain", "Some resources are remaining: " + ", ".join(counts))
    if content.finalizers:
        counts = (f"{name} in {n} resource instances" for name, n in sorted(content.finalizers.items()))
        message = "Some content in the namespace has finalizers remaining: " + ", ".join(counts)
        troubles[FINALIZERS] = ("SomeFinalizersRemain", message)
    before = {c.type: c for c in old}
    others = [c for c in old if c.type not in _FINE]
    return others + [_condition(t, troubles.get(t), before.get(t), now) for t in _FINE]


def _condition(
    type_: str, trouble: tuple[str, str] | None, before: NamespaceCondition | None, now: float
) -> NamespaceCondition:
    status = "True" if trouble else "False"
    reason, message = trouble or _FINE[type_]
    same = before is not None and before.status == status
    return NamespaceCondition(
        type=type_,
        status=status,
        last_transition_time=before.last_transition_time if before and same else times.format(now),
        reason=reason,
        message=message,
    )


def finalized(namespace: Namespace) -> Namespace:
    """The namespace without this controller's finalizer."""
    left = [f for f in namespace.spec.finalizers if f != FINALIZER]
    return msgspec.structs.replace(namespace, spec=msgspec.structs.replace(namespace.spec, finalizers=left))


def is_due(namespace: Namespace) -> bool:
    """Whether the namespace waits for this controller to empty it."""
    return namespace.metadata.deletion_timestamp is not None and FINALIZER in namespace.spec.finalizers


def next_look(content: Content) -> float:
    """Seconds until what remains is looked at again: half of the pods' grace and a bit, five at most."""
    return min(content.grace / 2 + 0.5, 5.0)
