"""PriorityClass (scheduling.k8s.io/v1): a name for how important pods are.

Source: the API reference of PriorityClass v1; documentation, "Pod Priority and Preemption".

Neighbours: apiserver.priority resolves a pod's class; apiserver.bootstrap makes those that every cluster has.
"""

from __future__ import annotations

from dromon.api.errors import FieldError, forbidden_field, not_supported
from dromon.api.kinds.columns import age_column, name_column
from dromon.api.resource import Column, Resource, Strategy
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.scheduling import PriorityClass, PriorityClassList

HIGHEST_OF_USERS = 1_000_000_000
POLICIES = ("Never", "PreemptLowerPriority")
_PREFIX = "system-"
_SYSTEM = (
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node "
        "if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
)
SYSTEM_CLASSES = tuple(
    PriorityClass(
        metadata=ObjectMeta(name=name),
        value=value,
        description=text,
        preemption_policy="PreemptLowerPriority",
    )
    for name, value, text in _SYSTEM
)
"""What every cluster has. Never change one in place."""


class PriorityClassStrategy(Strategy[PriorityClass]):
    """Defaults and validity of priority classes."""

    def default(self, obj: PriorityClass) -> None:
        obj.preemption_policy = obj.preemption_policy or "PreemptLowerPriority"

    def prepare_for_create(self, obj: PriorityClass) -> None:
        obj.metadata.generation = 1

    def validate(self, obj: PriorityClass) -> list[FieldError]:
        found: list[FieldError] = []
        name = obj.metadata.name
        if name.startswith(_PREFIX):
            fixed = next((c for c in SYSTEM_CLASSES if c.metadata.name == name), None)
            if fixed is None or (fixed.value, fixed.global_default) != (obj.value, obj.global_default):
                text = (
                    f"priority class names with '{_PREFIX}' prefix are reserved for system use only. error: "
                )
                why = (
                    f"{name} is not a known system priority class"
                    if fixed is None
                    else f"value of {name} PriorityClass must be {fixed.value}"
                )
                found.append(forbidden_field("metadata.name", text + why))
        elif obj.value > HIGHEST_OF_USERS:
            text = f"maximum allowed value of a user defined priority is {HIGHEST_OF_USERS}"
            found.append(forbidden_field("value", text))
        if obj.preemption_policy is not None and obj.preemption_policy not in POLICIES:
            found.append(not_supported("preemptionPolicy", obj.preemption_policy, POLICIES))
        return found

    def validate_update(self, new: PriorityClass, old: PriorityClass) -> list[FieldError]:
        found: list[FieldError] = []
        if new.value != old.value:
            found.append(forbidden_field("value", "may not be changed in an update."))
        if new.preemption_policy != old.preemption_policy:
            found.append(forbidden_field("preemptionPolicy", "may not be changed in an update."))
        return found


PRIORITY_CLASSES: Resource[PriorityClass] = Resource(
    group="scheduling.k8s.io",
    version="v1",
    kind="PriorityClass",
    plural="priorityclasses",
    struct=PriorityClass,
    list_struct=PriorityClassList,
    namespaced=False,
    short_names=("pc",),
    strategy=PriorityClassStrategy(),
    columns=(
        name_column(),
        Column("Value", "integer", lambda c, now: c.value, description="The priority of pods of this class."),
        Column(
            "Global-Default",
            "boolean",
            lambda c, now: c.global_default,
            description="Whether pods that name no class have this one.",
        ),
        age_column(),
        Column(
            "PreemptionPolicy",
            "string",
            lambda c, now: c.preemption_policy or "",
            description="Whether pods of this class may displace others.",
        ),
    ),
)
