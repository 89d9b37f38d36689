"""Binding (core/v1): sends a pod to a node. It is only ever created, and not kept.

Neighbours: the scheduler posts it, apiserver.subresources carries it out.
"""

from __future__ import annotations

from dromon.api.errors import FieldError, not_supported, required
from dromon.api.resource import Resource, Strategy
from dromon.api.types.pod import Binding


class BindingStrategy(Strategy[Binding]):
    """Validity of bindings."""

    def validate(self, obj: Binding) -> list[FieldError]:
        found: list[FieldError] = []
        if obj.target.kind not in ("", "Node"):
            found.append(not_supported("target.kind", obj.target.kind, ("Node", "<empty>")))
        if not obj.target.name:
            found.append(required("target.name"))
        return found


BINDINGS: Resource[Binding] = Resource(
    group="",
    version="v1",
    kind="Binding",
    plural="bindings",
    struct=Binding,
    list_struct=None,
    verbs=("create",),
    strategy=BindingStrategy(),
)
