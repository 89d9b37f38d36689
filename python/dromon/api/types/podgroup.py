"""How the pods of a Job are scheduled together (scheduling.k8s.io/v1alpha3).

Neighbours: job has a field of it.
"""

from __future__ import annotations

from dromon.api.types.base import Api, Int32, always

PACKAGE = "k8s.io.api.scheduling.v1alpha3"


class WorkloadPodGroupBasicSchedulingPolicy(Api):
    """scheduling.k8s.io/v1alpha3 WorkloadPodGroupBasicSchedulingPolicy."""


class WorkloadPodGroupGangSchedulingPolicy(Api):
    """scheduling.k8s.io/v1alpha3 WorkloadPodGroupGangSchedulingPolicy."""

    min_count: Int32 | None = None


class WorkloadPodGroupSchedulingPolicy(Api):
    """scheduling.k8s.io/v1alpha3 WorkloadPodGroupSchedulingPolicy."""

    basic: WorkloadPodGroupBasicSchedulingPolicy | None = None
    gang: WorkloadPodGroupGangSchedulingPolicy | None = None


class TopologyConstraint(Api):
    """scheduling.k8s.io/v1alpha3 TopologyConstraint."""

    key: str = always("")


class WorkloadPodGroupSchedulingConstraints(Api):
    """scheduling.k8s.io/v1alpha3 WorkloadPodGroupSchedulingConstraints."""

    topology: list[TopologyConstraint] = []


class WorkloadPodGroupSingleDisruptionMode(Api):
    """scheduling.k8s.io/v1alpha3 WorkloadPodGroupSingleDisruptionMode."""


class WorkloadPodGroupAllDisruptionMode(Api):
    """scheduling.k8s.io/v1alpha3 WorkloadPodGroupAllDisruptionMode."""


class WorkloadPodGroupDisruptionMode(Api):
    """scheduling.k8s.io/v1alpha3 WorkloadPodGroupDisruptionMode."""

    single: WorkloadPodGroupSingleDisruptionMode | None = None
    all: WorkloadPodGroupAllDisruptionMode | None = None


class WorkloadPodGroupResourceClaim(Api):
    """scheduling.k8s.io/v1alpha3 WorkloadPodGroupResourceClaim."""

    name: str = always("")
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None
