"""Objects as rows of a Table, the shape that kubectl get asks for; and as metadata alone.

Source: KEP-1152 (server-side printing), meta/v1 Table and PartialObjectMetadata.

Neighbours: dromon.apiserver.reply and .watches ask for rows; the cells are the columns of dromon.api.kinds.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from dromon.api.kinds.columns import age_column, name_column
from dromon.api.resource import Column, Resource
from dromon.api.types.base import Api
from dromon.api.types.table import PartialObjectMetadata, TableColumnDefinition, TableRow

_PLAIN = (name_column(), age_column())
"""The table of a kind that declares none."""


@lru_cache(maxsize=256)
def _definitions(columns: tuple[Column, ...]) -> tuple[TableColumnDefinition, ...]:
    return tuple(
        TableColumnDefinition(
            name=c.name, type=c.type, format=c.format, description=c.description, priority=c.priority
        )
        for c in columns
    )


def columns(resource: Resource[Any]) -> list[TableColumnDefinition]:
    """The headings of a kind's table."""
    return list(_definitions(resource.columns or _PLAIN))


def row(resource: Resource[Any], obj: Any, now: float, include_object: str = "Metadata") -> TableRow:
    """An object's row.

    Args:
        now: seconds since the epoch; ages are told from it.
        include_object: what the row carries along: "None", "Metadata" or "Object".
    """
    cells = [c.value(obj, now) for c in resource.columns or _PLAIN]
    return TableRow(cells=cells, object=_carried(obj, include_object))


def _carried(obj: Any, include_object: str) -> dict[str, Any] | None:
    if include_object == "None":
        return None
    return builtins(obj if include_object == "Object" else partial(obj))


def partial(obj: Any) -> PartialObjectMetadata:
    """The object's metadata alone; it is shared with the object."""
    return PartialObjectMetadata(metadata=obj.metadata)


def builtins(obj: Api) -> dict[str, Any]:
    """The object as a client would decode its JSON."""
    made: dict[str, Any] = msgspec.to_builtins(obj)
    return made
