"""Object metadata, label selectors and conditions (meta/v1).

Neighbours: every other module of types.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from dromon.api.types.base import Api, Int64, Time, always

PACKAGE = "k8s.io.apimachinery.pkg.apis.meta.v1"


class Condition(Api):
    """meta/v1 Condition."""

    type: str = always("")
    status: str = always("")
    observed_generation: Int64 = 0
    last_transition_time: Time | None = None
    reason: str = always("")
    message: str = always("")


class LabelSelectorRequirement(Api):
    """meta/v1 LabelSelectorRequirement."""

    key: str = always("")
    operator: str = always("")
    values: list[str] = []


class LabelSelector(Api):
    """meta/v1 LabelSelector."""

    match_labels: dict[str, str] = {}
    match_expressions: list[LabelSelectorRequirement] = []


class FieldSelectorRequirement(Api):
    """meta/v1 FieldSelectorRequirement."""

    key: str = always("")
    operator: str = always("")
    values: list[str] = []


class ShardInfo(Api):
    """meta/v1 ShardInfo."""

    selector: str = always("")


class ListMeta(Api):
    """meta/v1 ListMeta."""

    self_link: str = ""
    resource_version: str = ""
    continue_: str = field(default="", name="continue")
    remaining_item_count: Int64 | None = None
    shard_info: ShardInfo | None = None


class ManagedFieldsEntry(Api):
    """meta/v1 ManagedFieldsEntry."""

    manager: str = ""
    operation: str = ""
    api_version: str = ""
    time: Time | None = None
    fields_type: str = ""
    fields_v1: dict[str, Any] | None = None
    subresource: str = ""


class OwnerReference(Api):
    """meta/v1 OwnerReference."""

    api_version: str = always("")
    kind: str = always("")
    name: str = always("")
    uid: str = always("")
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(Api):
    """meta/v1 ObjectMeta."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    self_link: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: Int64 = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: Int64 | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []
    finalizers: list[str] = []
    managed_fields: list[ManagedFieldsEntry] = []
