"""PriorityClass (scheduling.k8s.io/v1).

Neighbours: apiserver.admission resolves it into a pod's priority.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.scheduling.v1"


class PriorityClass(Api):
    """scheduling.k8s.io/v1 PriorityClass."""

    kind: str = always("PriorityClass")
    api_version: str = always("scheduling.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    value: Int32 = always(0)
    global_default: bool = False
    description: str = ""
    preemption_policy: str | None = None


class PriorityClassList(Api):
    """A page of PriorityClass objects."""

    kind: str = always("PriorityClassList")
    api_version: str = always("scheduling.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[PriorityClass] = always_list()
