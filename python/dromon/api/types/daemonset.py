"""DaemonSet (apps/v1): a pod on every node that it selects.

Neighbours: workload has the template; deployment and statefulset are its siblings.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, IntOrString, Time, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta
from dromon.api.types.workload import PodTemplateSpec

PACKAGE = "k8s.io.api.apps.v1"


class RollingUpdateDaemonSet(Api):
    """apps/v1 RollingUpdateDaemonSet."""

    max_unavailable: IntOrString | None = None
    max_surge: IntOrString | None = None


class DaemonSetUpdateStrategy(Api):
    """apps/v1 DaemonSetUpdateStrategy."""

    type: str = ""
    rolling_update: RollingUpdateDaemonSet | None = None


class DaemonSetSpec(Api):
    """apps/v1 DaemonSetSpec."""

    selector: LabelSelector | None = None
    template: PodTemplateSpec = field(default_factory=PodTemplateSpec)
    update_strategy: DaemonSetUpdateStrategy = field(default_factory=DaemonSetUpdateStrategy)
    min_ready_seconds: Int32 = 0
    revision_history_limit: Int32 | None = None


class DaemonSetCondition(Api):
    """apps/v1 DaemonSetCondition."""

    type: str = always("")
    status: str = always("")
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class DaemonSetStatus(Api):
    """apps/v1 DaemonSetStatus."""

    current_number_scheduled: Int32 = always(0)
    number_misscheduled: Int32 = always(0)
    desired_number_scheduled: Int32 = always(0)
    number_ready: Int32 = always(0)
    observed_generation: Int64 = 0
    updated_number_scheduled: Int32 = 0
    number_available: Int32 = 0
    number_unavailable: Int32 = 0
    collision_count: Int32 | None = None
    conditions: list[DaemonSetCondition] = []


class DaemonSet(Api):
    """apps/v1 DaemonSet."""

    kind: str = always("DaemonSet")
    api_version: str = always("apps/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: DaemonSetSpec = field(default_factory=DaemonSetSpec)
    status: DaemonSetStatus = field(default_factory=DaemonSetStatus)


class DaemonSetList(Api):
    """A page of DaemonSet objects."""

    kind: str = always("DaemonSetList")
    api_version: str = always("apps/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[DaemonSet] = always_list()
