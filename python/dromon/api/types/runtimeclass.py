"""RuntimeClass (node.k8s.io/v1).

Neighbours: pod refers to it by runtimeClassName.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.affinity import Toleration
from dromon.api.types.base import Api, Quantity, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.node.v1"


class Overhead(Api):
    """node.k8s.io/v1 Overhead."""

    pod_fixed: dict[str, Quantity] = {}


class Scheduling(Api):
    """node.k8s.io/v1 Scheduling."""

    node_selector: dict[str, str] = {}
    tolerations: list[Toleration] = []


class RuntimeClass(Api):
    """node.k8s.io/v1 RuntimeClass."""

    kind: str = always("RuntimeClass")
    api_version: str = always("node.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    handler: str = always("")
    overhead: Overhead | None = None
    scheduling: Scheduling | None = None


class RuntimeClassList(Api):
    """A page of RuntimeClass objects."""

    kind: str = always("RuntimeClassList")
    api_version: str = always("node.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[RuntimeClass] = always_list()
