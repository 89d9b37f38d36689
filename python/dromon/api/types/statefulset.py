"""StatefulSet and ControllerRevision (apps/v1): pods with stable names, and revisions.

Neighbours: workload has the template, persistentvolume the claims; deployment and daemonset are its siblings.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, IntOrString, Time, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta
from dromon.api.types.persistentvolume import PersistentVolumeClaim
from dromon.api.types.workload import PodTemplateSpec

PACKAGE = "k8s.io.api.apps.v1"


class RollingUpdateStatefulSetStrategy(Api):
    """apps/v1 RollingUpdateStatefulSetStrategy."""

    partition: Int32 | None = None
    max_unavailable: IntOrString | None = None


class StatefulSetUpdateStrategy(Api):
    """apps/v1 StatefulSetUpdateStrategy."""

    type: str = ""
    rolling_update: RollingUpdateStatefulSetStrategy | None = None


class StatefulSetPersistentVolumeClaimRetentionPolicy(Api):
    """apps/v1 StatefulSetPersistentVolumeClaimRetentionPolicy."""

    when_deleted: str = ""
    when_scaled: str = ""


class StatefulSetOrdinals(Api):
    """apps/v1 StatefulSetOrdinals."""

    start: Int32 = always(0)


class StatefulSetSpec(Api):
    """apps/v1 StatefulSetSpec."""

    replicas: Int32 | None = None
    selector: LabelSelector | None = None
    template: PodTemplateSpec = field(default_factory=PodTemplateSpec)
    volume_claim_templates: list[PersistentVolumeClaim] = []
    service_name: str = always("")
    pod_management_policy: str = ""
    update_strategy: StatefulSetUpdateStrategy = field(default_factory=StatefulSetUpdateStrategy)
    revision_history_limit: Int32 | None = None
    min_ready_seconds: Int32 = 0
    persistent_volume_claim_retention_policy: StatefulSetPersistentVolumeClaimRetentionPolicy | None = None
    ordinals: StatefulSetOrdinals | None = None


class StatefulSetCondition(Api):
    """apps/v1 StatefulSetCondition."""

    type: str = always("")
    status: str = always("")
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class StatefulSetStatus(Api):
    """apps/v1 StatefulSetStatus."""

    observed_generation: Int64 = 0
    replicas: Int32 = always(0)
    ready_replicas: Int32 = 0
    current_replicas: Int32 = 0
    updated_replicas: Int32 = 0
    current_revision: str = ""
    update_revision: str = ""
    collision_count: Int32 | None = None
    conditions: list[StatefulSetCondition] = []
    available_replicas: Int32 = always(0)


class StatefulSet(Api):
    """apps/v1 StatefulSet."""

    kind: str = always("StatefulSet")
    api_version: str = always("apps/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: StatefulSetSpec = field(default_factory=StatefulSetSpec)
    status: StatefulSetStatus = field(default_factory=StatefulSetStatus)


class StatefulSetList(Api):
    """A page of StatefulSet objects."""

    kind: str = always("StatefulSetList")
    api_version: str = always("apps/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[StatefulSet] = always_list()


class ControllerRevision(Api):
    """apps/v1 ControllerRevision."""

    kind: str = always("ControllerRevision")
    api_version: str = always("apps/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    data: Any = None
    revision: Int64 = always(0)


class ControllerRevisionList(Api):
    """A page of ControllerRevision objects."""

    kind: str = always("ControllerRevisionList")
    api_version: str = always("apps/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ControllerRevision] = always_list()
