"""PodDisruptionBudget and Eviction (policy/v1).

Neighbours: apiserver.subresources.eviction asks the budgets.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, IntOrString, Time, always, always_list
from dromon.api.types.meta import Condition, LabelSelector, ListMeta, ObjectMeta
from dromon.api.types.status import DeleteOptions

PACKAGE = "k8s.io.api.policy.v1"


class PodDisruptionBudgetSpec(Api):
    """policy/v1 PodDisruptionBudgetSpec."""

    min_available: IntOrString | None = None
    selector: LabelSelector | None = None
    max_unavailable: IntOrString | None = None
    unhealthy_pod_eviction_policy: str | None = None


class PodDisruptionBudgetStatus(Api):
    """policy/v1 PodDisruptionBudgetStatus."""

    observed_generation: Int64 = 0
    disrupted_pods: dict[str, Time] = {}
    disruptions_allowed: Int32 = always(0)
    current_healthy: Int32 = always(0)
    desired_healthy: Int32 = always(0)
    expected_pods: Int32 = always(0)
    conditions: list[Condition] = []


class PodDisruptionBudget(Api):
    """policy/v1 PodDisruptionBudget."""

    kind: str = always("PodDisruptionBudget")
    api_version: str = always("policy/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PodDisruptionBudgetSpec = field(default_factory=PodDisruptionBudgetSpec)
    status: PodDisruptionBudgetStatus = field(default_factory=PodDisruptionBudgetStatus)


class PodDisruptionBudgetList(Api):
    """A page of PodDisruptionBudget objects."""

    kind: str = always("PodDisruptionBudgetList")
    api_version: str = always("policy/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[PodDisruptionBudget] = always_list()


class Eviction(Api):
    """policy/v1 Eviction."""

    kind: str = always("Eviction")
    api_version: str = always("policy/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    delete_options: DeleteOptions | None = None
