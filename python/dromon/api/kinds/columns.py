"""What the tables of several kinds have in common: name, age, labels, lists that are cut.

Source: KEP-1152 (server-side printing); cells as upstream's printers write them.

Neighbours: every kind's columns; apiserver.table makes rows of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from dromon.api import labels, times
from dromon.api.resource import Column
from dromon.api.types.container import Container
from dromon.api.types.meta import LabelSelector

NONE = "<none>"
UNKNOWN = "<unknown>"
_SHOWN = 3
"""Of a list of addresses or ports so many are shown."""


def name_column(priority: int = 0) -> Column:
    """The column that names the object."""
    return Column(
        "Name",
        "string",
        lambda obj, now: obj.metadata.name,
        format="name",
        priority=priority,
        description="Name of the object, unique among those of its kind in its namespace.",
    )


def age_column() -> Column:
    """How long ago the object was created."""
    return Column(
        "Age",
        "string",
        lambda obj, now: times.age(obj.metadata.creation_timestamp, now),
        description="Time since the object was created.",
    )


def workload_columns(
    containers: Callable[[Any], Sequence[Container]],
    selector: Callable[[Any], str],
    heading: str,
    priority: int,
) -> tuple[Column, ...]:
    """Names and images of a template's containers, and the labels that select its pods.

    Args:
        containers: object -> its template's containers.  selector: object -> text.
        heading: of the column of labels.  priority: 1 for tables that show them with -o wide only.
    """
    return (
        Column(
            "Containers",
            "string",
            lambda obj, now: ",".join(c.name for c in containers(obj)),
            priority=priority,
            description="Names of the containers in the template.",
        ),
        Column(
            "Images",
            "string",
            lambda obj, now: ",".join(c.image for c in containers(obj)),
            priority=priority,
            description="Images that the containers in the template run.",
        ),
        Column(
            heading,
            "string",
            lambda obj, now: selector(obj),
            priority=priority,
            description="Labels by which the pods are told from others.",
        ),
    )


def selector_text(selector: LabelSelector | None) -> str:
    """ "a=b,c in (d,e)"; "<none>" for what selects nothing or everything."""
    return str(labels.from_label_selector(selector)) or NONE


def labels_text(given: Mapping[str, str]) -> str:
    """ "a=b,c=d", sorted; "<none>" for none."""
    return ",".join(f"{k}={v}" for k, v in sorted(given.items())) or NONE


def cut_list(items: Iterable[str], empty: str) -> str:
    """ "a,b,c + 2 more..."; `empty` for none."""
    listed = list(items)
    text = ",".join(listed[:_SHOWN])
    if len(listed) > _SHOWN:
        text += f" + {len(listed) - _SHOWN} more..."
    return text or empty
