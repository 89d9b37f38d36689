"""Scale, the scale subresource (autoscaling/v1).

Neighbours: dromon.apiserver.subresources serves it; dromon.cli and kubectl scale by it.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, always
from dromon.api.types.meta import ObjectMeta

PACKAGE = "k8s.io.api.autoscaling.v1"


class ScaleSpec(Api):
    """autoscaling/v1 ScaleSpec."""

    replicas: Int32 = 0


class ScaleStatus(Api):
    """autoscaling/v1 ScaleStatus."""

    replicas: Int32 = always(0)
    selector: str = ""


class Scale(Api):
    """autoscaling/v1 Scale."""

    kind: str = always("Scale")
    api_version: str = always("autoscaling/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: ScaleSpec = field(default_factory=ScaleSpec)
    status: ScaleStatus = field(default_factory=ScaleStatus)
