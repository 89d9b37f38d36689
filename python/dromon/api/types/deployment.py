"""Deployment and ReplicaSet (apps/v1).

Neighbours: workload has the template that they stamp pods from; statefulset and daemonset are their siblings.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, IntOrString, Time, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta
from dromon.api.types.workload import PodTemplateSpec

PACKAGE = "k8s.io.api.apps.v1"


class RollingUpdateDeployment(Api):
    """apps/v1 RollingUpdateDeployment."""

    max_unavailable: IntOrString | None = None
    max_surge: IntOrString | None = None


class DeploymentStrategy(Api):
    """apps/v1 DeploymentStrategy."""

    type: str = ""
    rolling_update: RollingUpdateDeployment | None = None


class DeploymentSpec(Api):
    """apps/v1 DeploymentSpec."""

    replicas: Int32 | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec = field(default_factory=PodTemplateSpec)
    strategy: DeploymentStrategy = field(default_factory=DeploymentStrategy)
    min_ready_seconds: Int32 = 0
    revision_history_limit: Int32 | None = None
    paused: bool = False
    progress_deadline_seconds: Int32 | None = None


class DeploymentCondition(Api):
    """apps/v1 DeploymentCondition."""

    type: str = always("")
    status: str = always("")
    last_update_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class DeploymentStatus(Api):
    """apps/v1 DeploymentStatus."""

    observed_generation: Int64 = 0
    replicas: Int32 = 0
    updated_replicas: Int32 = 0
    ready_replicas: Int32 = 0
    available_replicas: Int32 = 0
    unavailable_replicas: Int32 = 0
    terminating_replicas: Int32 | None = None
    conditions: list[DeploymentCondition] = []
    collision_count: Int32 | None = None


class Deployment(Api):
    """apps/v1 Deployment."""

    kind: str = always("Deployment")
    api_version: str = always("apps/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: DeploymentSpec = field(default_factory=DeploymentSpec)
    status: DeploymentStatus = field(default_factory=DeploymentStatus)


class DeploymentList(Api):
    """A page of Deployment objects."""

    kind: str = always("DeploymentList")
    api_version: str = always("apps/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Deployment] = always_list()


class ReplicaSetSpec(Api):
    """apps/v1 ReplicaSetSpec."""

    replicas: Int32 | None = None
    min_ready_seconds: Int32 = 0
    selector: LabelSelector | None = None
    template: PodTemplateSpec = field(default_factory=PodTemplateSpec)


class ReplicaSetCondition(Api):
    """apps/v1 ReplicaSetCondition."""

    type: str = always("")
    status: str = always("")
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class ReplicaSetStatus(Api):
    """apps/v1 ReplicaSetStatus."""

    replicas: Int32 = always(0)
    fully_labeled_replicas: Int32 = 0
    ready_replicas: Int32 = 0
    available_replicas: Int32 = 0
    terminating_replicas: Int32 | None = None
    observed_generation: Int64 = 0
    conditions: list[ReplicaSetCondition] = []


class ReplicaSet(Api):
    """apps/v1 ReplicaSet."""

    kind: str = always("ReplicaSet")
    api_version: str = always("apps/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: ReplicaSetSpec = field(default_factory=ReplicaSetSpec)
    status: ReplicaSetStatus = field(default_factory=ReplicaSetStatus)


class ReplicaSetList(Api):
    """A page of ReplicaSet objects."""

    kind: str = always("ReplicaSetList")
    api_version: str = always("apps/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ReplicaSet] = always_list()
