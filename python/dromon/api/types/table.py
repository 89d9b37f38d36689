"""Table and PartialObjectMetadata, the two other shapes of an object (meta/v1).

Neighbours: dromon.apiserver.table makes them.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from dromon.api.types.base import Api, Int32, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.apimachinery.pkg.apis.meta.v1"


class PartialObjectMetadata(Api):
    """meta/v1 PartialObjectMetadata."""

    kind: str = always("PartialObjectMetadata")
    api_version: str = always("meta.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)


class PartialObjectMetadataList(Api):
    """meta/v1 PartialObjectMetadataList."""

    kind: str = always("PartialObjectMetadataList")
    api_version: str = always("meta.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[PartialObjectMetadata] = always_list()


class TableColumnDefinition(Api):
    """meta/v1 TableColumnDefinition."""

    name: str = always("")
    type: str = always("")
    format: str = always("")
    description: str = always("")
    priority: Int32 = always(0)


class TableRowCondition(Api):
    """meta/v1 TableRowCondition."""

    type: str = always("")
    status: str = always("")
    reason: str = ""
    message: str = ""


class TableRow(Api):
    """meta/v1 TableRow."""

    cells: list[Any] = always_list()
    conditions: list[TableRowCondition] = []
    object: dict[str, Any] | None = None


class Table(Api):
    """meta/v1 Table."""

    kind: str = always("Table")
    api_version: str = always("meta.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    column_definitions: list[TableColumnDefinition] = always_list()
    rows: list[TableRow] = always_list()
