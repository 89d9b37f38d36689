"""Output as kubectl's: aligned tables from the server's Table form, names, YAML, JSON.

Neighbours: get, create, apply, delete, scale and label print with it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import click
import yaml

from dromon.cli.verbs.discover import Kind

Json = dict[str, Any]

TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,"
    "application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)
"""The Accept header that asks for a table."""

_PADDING = 3
_MINIMUM = 6


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, every column but the last padded to its widest cell (as Go's tabwriter in kubectl)."""
    if not rows:
        return []
    last = len(rows[0]) - 1
    widths = [max(max(len(row[n]) for row in rows) + _PADDING, _MINIMUM) for n in range(last)]
    return [
        "".join(cell.ljust(width) for cell, width in zip(row, widths, strict=False)) + row[last]
        for row in rows
    ]


def labels_text(labels: Json | None) -> str:
    """ "a=b,c=d", or "<none>" """
    return ",".join(f"{k}={v}" for k, v in sorted((labels or {}).items())) or "<none>"


class TablePrinter:
    """Turns Table objects into rows; remembers the columns for the events of a watch.

    Args:
        wide: show columns of priority 1, too.
        namespaces: put the namespace first.
        show_labels: put the labels last.
        prefix: put "kind/" before names.
    """

    def __init__(
        self, *, wide: bool = False, namespaces: bool = False, show_labels: bool = False, prefix: str = ""
    ) -> None:
        self._wide = wide
        self._namespaces = namespaces
        self._show_labels = show_labels
        self._prefix = prefix
        self._definitions: list[Json] = []

    def header(self) -> list[str]:
        """Headings, after a table was read."""
        names = [d["name"].upper() for d in self._definitions if self._shown(d)]
        if self._namespaces:
            names.insert(0, "NAMESPACE")
        return [*names, "LABELS"] if self._show_labels else names

    def rows(self, table: Json) -> list[list[str]]:
        """The rows of a table."""
        self._definitions = table.get("columnDefinitions") or self._definitions
        return [self._row(row) for row in table.get("rows") or []]

    def _row(self, row: Json) -> list[str]:
        metadata = (row.get("object") or {}).get("metadata") or {}
        cells = []
        for definition, cell in zip(self._definitions, row["cells"], strict=False):
            if not self._shown(definition):
                continue
            text = "<none>" if cell is None else str(cell).replace("\n", " ")
            if isinstance(cell, bool):
                text = str(cell).lower()
            cells.append(self._prefix + text if definition.get("format") == "name" else text)
        if self._namespaces:
            cells.insert(0, metadata.get("namespace", ""))
        return [*cells, labels_text(metadata.get("labels"))] if self._show_labels else cells

    def _shown(self, definition: Json) -> bool:
        return self._wide or not definition.get("priority")


def dump(value: Any, form: str) -> str:
    """A value as "json" or "yaml", keys sorted, as kubectl prints them."""
    if form == "json":
        return json.dumps(value, indent=4, ensure_ascii=False, sort_keys=True)
    text: str = yaml.dump(
        value, Dumper=_Dumper, default_flow_style=False, allow_unicode=True, sort_keys=True, width=2**31 - 1
    )
    return text.rstrip("\n")


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Quotes as kubectl's: double where a plain word would be read as something else, | for several lines."""


def _string(dumper: Any, value: str) -> Any:
    style = None
    if "\n" in value:
        style = "|"
    elif dumper.resolve(yaml.ScalarNode, value, (True, False)) != "tag:yaml.org,2002:str":
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _string)


def as_list(items: list[Json]) -> Json:
    """Several objects as the List that kubectl prints."""
    return {"apiVersion": "v1", "items": items, "kind": "List", "metadata": {"resourceVersion": ""}}


def done(kind: Kind, name: str, what: str, form: str = "", answer: Any = None) -> None:
    """Say what was done to an object: "pod/web created", or print it as -o asks."""
    if form == "name":
        click.echo(f"{kind.display}/{name}")
    elif form in ("json", "yaml") and answer is not None:
        click.echo(dump(answer, form))
    else:
        click.echo(f"{kind.display}/{name} {what}")
