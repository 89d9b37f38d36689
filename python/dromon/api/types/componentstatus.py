"""ComponentStatus (core/v1).

Neighbours: apiserver.health has the checks that it shows.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.core.v1"


class ComponentCondition(Api):
    """core/v1 ComponentCondition."""

    type: str = always("")
    status: str = always("")
    message: str = ""
    error: str = ""


class ComponentStatus(Api):
    """core/v1 ComponentStatus."""

    kind: str = always("ComponentStatus")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    conditions: list[ComponentCondition] = []


class ComponentStatusList(Api):
    """A page of ComponentStatus objects."""

    kind: str = always("ComponentStatusList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ComponentStatus] = always_list()
