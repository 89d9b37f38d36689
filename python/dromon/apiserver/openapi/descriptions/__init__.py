"""What the API's structs and fields mean: the texts that `kubectl explain` shows.

The files of a package are <group>.<version>.toml, or several <group>.<version>.<family>.toml. A table is a
struct; its key "" describes the struct itself, every other key the field of that wire name. common.toml has
what holds for every kind, or for every list.

Neighbours: dromon.apiserver.openapi.schemas puts the texts into the documents.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from dromon.api.patch.schema import openapi_name
from dromon.api.types.base import Api

Tables = Mapping[str, Mapping[str, str]]
"""Struct -> wire name of a field, or "" for the struct -> text."""

_SAME_FIELDS = {"EphemeralContainerCommon": "Container"}
"""Structs whose fields upstream writes out again, and those that they repeat."""


@cache
def tables(package: str) -> Tables:
    """What the files of a package ("core.v1") say.

    Raises:
        ValueError: two files describe the same struct.
    """
    found: dict[str, Mapping[str, str]] = {}
    for file in resources.files(__package__).iterdir():
        if file.name.endswith(".toml") and file.name.startswith(package + "."):
            read: Tables = tomllib.loads(file.read_text("utf-8"))
            if twice := found.keys() & read.keys():
                raise ValueError(f"{file.name}: described elsewhere, too: {', '.join(sorted(twice))}")
            found.update(read)
    return found


def describe(struct: type[Api], field: str = "") -> str:
    """The text of a field (wire name), or of the struct itself; "" where there is none.

    A field that a struct inherits from one that upstream embeds is described where it is declared.
    """
    for cls in struct.__mro__:
        if cls is Api or not issubclass(cls, Api):
            break
        _, group, version, name = openapi_name(cls).rsplit(".", 3)
        package = tables(f"{group}.{version}")
        text = package.get(name, {}).get(field, "")
        if not text and field:
            text = package.get(_SAME_FIELDS.get(name, ""), {}).get(field, "")
        if text or not field:
            return text or _common(struct, field)
    return _common(struct, field)


def _common(struct: type[Api], field: str) -> str:
    """What is said of a kind, or of a list, that says nothing itself."""
    kind: str = getattr(struct(), "kind", "")
    if not kind:
        return ""  # no kind of its own: `kind`, where it has one, names another object's
    listed = kind.removesuffix("List") if "items" in struct.__struct_fields__ else ""
    text = tables("common")["List" if listed else "Object"].get(field, "")
    return text.format(kind=listed)
