"""PodDisruptionBudget (policy/v1): how many of a set of pods may be evicted at a time.

Source: the API reference of PodDisruptionBudget v1; texts as upstream's validation gives them.

Neighbours: dromon.controllers.disruption counts; apiserver.subresources.eviction asks.
"""

from __future__ import annotations

from dromon.api.errors import FieldError, invalid_value, not_supported
from dromon.api.kinds.columns import age_column, name_column
from dromon.api.kinds.workloads import check_counts, check_share
from dromon.api.resource import Column, Resource, Strategy
from dromon.api.types.policy import PodDisruptionBudget, PodDisruptionBudgetList, PodDisruptionBudgetStatus
from dromon.api.validation import label_selector

POLICIES = ("AlwaysAllow", "IfHealthyBudget")


class PodDisruptionBudgetStrategy(Strategy[PodDisruptionBudget]):
    """Validity of disruption budgets."""

    def prepare_for_create(self, obj: PodDisruptionBudget) -> None:
        obj.status = PodDisruptionBudgetStatus()
        obj.metadata.generation = 1

    def validate(self, obj: PodDisruptionBudget) -> list[FieldError]:
        spec = obj.spec
        found: list[FieldError] = []
        if spec.min_available is not None and spec.max_unavailable is not None:
            text = "minAvailable and maxUnavailable cannot be both set"
            found.append(invalid_value("spec", {}, text))
        found += check_share(spec.min_available, "spec.minAvailable", at_most_all=True)
        found += check_share(spec.max_unavailable, "spec.maxUnavailable", at_most_all=True)
        found += label_selector(spec.selector, "spec.selector")
        policy = spec.unhealthy_pod_eviction_policy
        if policy is not None and policy not in POLICIES:
            found.append(not_supported("spec.unhealthyPodEvictionPolicy", policy, POLICIES))
        return found

    def prepare_for_update(self, new: PodDisruptionBudget, old: PodDisruptionBudget) -> None:
        new.status = old.status

    def prepare_for_status_update(self, new: PodDisruptionBudget, old: PodDisruptionBudget) -> None:
        new.spec = old.spec

    def validate_status_update(self, new: PodDisruptionBudget, old: PodDisruptionBudget) -> list[FieldError]:
        status = new.status
        return check_counts(
            {
                "status.disruptionsAllowed": status.disruptions_allowed,
                "status.currentHealthy": status.current_healthy,
                "status.desiredHealthy": status.desired_healthy,
                "status.expectedPods": status.expected_pods,
            }
        )

    def spec_changed(self, new: PodDisruptionBudget, old: PodDisruptionBudget) -> bool:
        return new.spec != old.spec


def _share(value: int | str | None) -> str:
    return "N/A" if value is None else str(value)


POD_DISRUPTION_BUDGETS: Resource[PodDisruptionBudget] = Resource(
    group="policy",
    version="v1",
    kind="PodDisruptionBudget",
    plural="poddisruptionbudgets",
    struct=PodDisruptionBudget,
    list_struct=PodDisruptionBudgetList,
    short_names=("pdb",),
    subresources=("status",),
    strategy=PodDisruptionBudgetStrategy(),
    columns=(
        name_column(),
        Column(
            "Min Available",
            "string",
            lambda b, now: _share(b.spec.min_available),
            description="Pods that must be available after an eviction.",
        ),
        Column(
            "Max Unavailable",
            "string",
            lambda b, now: _share(b.spec.max_unavailable),
            description="Pods that may be unavailable after an eviction.",
        ),
        Column(
            "Allowed Disruptions",
            "integer",
            lambda b, now: b.status.disruptions_allowed,
            description="Pods that may be evicted now.",
        ),
        age_column(),
    ),
)
