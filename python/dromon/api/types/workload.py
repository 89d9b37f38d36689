"""ReplicationController and PodTemplate (core/v1; talk, slide 29).

Neighbours: dromon.controllers keeps the copies; pod has what a template is made of.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, Time, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta
from dromon.api.types.pod import PodSpec

PACKAGE = "k8s.io.api.core.v1"


class PodTemplateSpec(Api):
    """core/v1 PodTemplateSpec."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PodSpec = field(default_factory=PodSpec)


class PodTemplate(Api):
    """core/v1 PodTemplate."""

    kind: str = always("PodTemplate")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    template: PodTemplateSpec = field(default_factory=PodTemplateSpec)


class PodTemplateList(Api):
    """A page of PodTemplate objects."""

    kind: str = always("PodTemplateList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[PodTemplate] = always_list()


class ReplicationControllerSpec(Api):
    """core/v1 ReplicationControllerSpec."""

    replicas: Int32 | None = None
    min_ready_seconds: Int32 = 0
    selector: dict[str, str] = {}
    template: PodTemplateSpec | None = None


class ReplicationControllerCondition(Api):
    """core/v1 ReplicationControllerCondition."""

    type: str = always("")
    status: str = always("")
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class ReplicationControllerStatus(Api):
    """core/v1 ReplicationControllerStatus."""

    replicas: Int32 = always(0)
    fully_labeled_replicas: Int32 = 0
    ready_replicas: Int32 = 0
    available_replicas: Int32 = 0
    observed_generation: Int64 = 0
    conditions: list[ReplicationControllerCondition] = []


class ReplicationController(Api):
    """core/v1 ReplicationController."""

    kind: str = always("ReplicationController")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: ReplicationControllerSpec = field(default_factory=ReplicationControllerSpec)
    status: ReplicationControllerStatus = field(default_factory=ReplicationControllerStatus)


class ReplicationControllerList(Api):
    """A page of ReplicationController objects."""

    kind: str = always("ReplicationControllerList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ReplicationController] = always_list()
