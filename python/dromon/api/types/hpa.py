"""HorizontalPodAutoscaler (autoscaling/v2).

Neighbours: autoscaling has the Scale that it writes.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, Quantity, Time, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.autoscaling.v2"


class CrossVersionObjectReference(Api):
    """autoscaling/v2 CrossVersionObjectReference."""

    kind: str = always("")
    name: str = always("")
    api_version: str = ""


class MetricTarget(Api):
    """autoscaling/v2 MetricTarget."""

    type: str = always("")
    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: Int32 | None = None


class MetricIdentifier(Api):
    """autoscaling/v2 MetricIdentifier."""

    name: str = always("")
    selector: LabelSelector | None = None


class ObjectMetricSource(Api):
    """autoscaling/v2 ObjectMetricSource."""

    described_object: CrossVersionObjectReference = field(default_factory=CrossVersionObjectReference)
    target: MetricTarget = field(default_factory=MetricTarget)
    metric: MetricIdentifier = field(default_factory=MetricIdentifier)


class PodsMetricSource(Api):
    """autoscaling/v2 PodsMetricSource."""

    metric: MetricIdentifier = field(default_factory=MetricIdentifier)
    target: MetricTarget = field(default_factory=MetricTarget)


class ResourceMetricSource(Api):
    """autoscaling/v2 ResourceMetricSource."""

    name: str = always("")
    target: MetricTarget = field(default_factory=MetricTarget)


class ContainerResourceMetricSource(Api):
    """autoscaling/v2 ContainerResourceMetricSource."""

    name: str = always("")
    target: MetricTarget = field(default_factory=MetricTarget)
    container: str = always("")


class ExternalMetricSource(Api):
    """autoscaling/v2 ExternalMetricSource."""

    metric: MetricIdentifier = field(default_factory=MetricIdentifier)
    target: MetricTarget = field(default_factory=MetricTarget)


class MetricSpec(Api):
    """autoscaling/v2 MetricSpec."""

    type: str = always("")
    object: ObjectMetricSource | None = None
    pods: PodsMetricSource | None = None
    resource: ResourceMetricSource | None = None
    container_resource: ContainerResourceMetricSource | None = None
    external: ExternalMetricSource | None = None


class HPAScalingPolicy(Api):
    """autoscaling/v2 HPAScalingPolicy."""

    type: str = always("")
    value: Int32 = always(0)
    period_seconds: Int32 = always(0)


class HPAScalingRules(Api):
    """autoscaling/v2 HPAScalingRules."""

    stabilization_window_seconds: Int32 | None = None
    select_policy: str | None = None
    policies: list[HPAScalingPolicy] = []
    tolerance: Quantity | None = None


class HorizontalPodAutoscalerBehavior(Api):
    """autoscaling/v2 HorizontalPodAutoscalerBehavior."""

    scale_up: HPAScalingRules | None = None
    scale_down: HPAScalingRules | None = None


class HorizontalPodAutoscalerSpec(Api):
    """autoscaling/v2 HorizontalPodAutoscalerSpec."""

    scale_target_ref: CrossVersionObjectReference = field(default_factory=CrossVersionObjectReference)
    min_replicas: Int32 | None = None
    max_replicas: Int32 = always(0)
    metrics: list[MetricSpec] = []
    behavior: HorizontalPodAutoscalerBehavior | None = None


class MetricValueStatus(Api):
    """autoscaling/v2 MetricValueStatus."""

    value: Quantity | None = None
    average_value: Quantity | None = None
    average_utilization: Int32 | None = None


class ObjectMetricStatus(Api):
    """autoscaling/v2 ObjectMetricStatus."""

    metric: MetricIdentifier = field(default_factory=MetricIdentifier)
    current: MetricValueStatus = field(default_factory=MetricValueStatus)
    described_object: CrossVersionObjectReference = field(default_factory=CrossVersionObjectReference)


class PodsMetricStatus(Api):
    """autoscaling/v2 PodsMetricStatus."""

    metric: MetricIdentifier = field(default_factory=MetricIdentifier)
    current: MetricValueStatus = field(default_factory=MetricValueStatus)


class ResourceMetricStatus(Api):
    """autoscaling/v2 ResourceMetricStatus."""

    name: str = always("")
    current: MetricValueStatus = field(default_factory=MetricValueStatus)


class ContainerResourceMetricStatus(Api):
    """autoscaling/v2 ContainerResourceMetricStatus."""

    name: str = always("")
    current: MetricValueStatus = field(default_factory=MetricValueStatus)
    container: str = always("")


class ExternalMetricStatus(Api):
    """autoscaling/v2 ExternalMetricStatus."""

    metric: MetricIdentifier = field(default_factory=MetricIdentifier)
    current: MetricValueStatus = field(default_factory=MetricValueStatus)


class MetricStatus(Api):
    """autoscaling/v2 MetricStatus."""

    type: str = always("")
    object: ObjectMetricStatus | None = None
    pods: PodsMetricStatus | None = None
    resource: ResourceMetricStatus | None = None
    container_resource: ContainerResourceMetricStatus | None = None
    external: ExternalMetricStatus | None = None


class HorizontalPodAutoscalerCondition(Api):
    """autoscaling/v2 HorizontalPodAutoscalerCondition."""

    type: str = always("")
    status: str = always("")
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""
    observed_generation: Int64 | None = None


class HorizontalPodAutoscalerStatus(Api):
    """autoscaling/v2 HorizontalPodAutoscalerStatus."""

    observed_generation: Int64 | None = None
    last_scale_time: Time | None = None
    current_replicas: Int32 = 0
    desired_replicas: Int32 = always(0)
    current_metrics: list[MetricStatus] = always_list()
    conditions: list[HorizontalPodAutoscalerCondition] = []


class HorizontalPodAutoscaler(Api):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    kind: str = always("HorizontalPodAutoscaler")
    api_version: str = always("autoscaling/v2")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: HorizontalPodAutoscalerSpec = field(default_factory=HorizontalPodAutoscalerSpec)
    status: HorizontalPodAutoscalerStatus = field(default_factory=HorizontalPodAutoscalerStatus)


class HorizontalPodAutoscalerList(Api):
    """A page of HorizontalPodAutoscaler objects."""

    kind: str = always("HorizontalPodAutoscalerList")
    api_version: str = always("autoscaling/v2")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[HorizontalPodAutoscaler] = always_list()
