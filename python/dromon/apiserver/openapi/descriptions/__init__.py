"""What the API's structs and fields mean, one TOML file a package.

A table is a struct; its key "" describes the struct itself, every other key the field of that wire name.

Neighbours: dromon.apiserver.openapi.schemas puts the texts into the documents that `kubectl explain` shows.
"""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources

from dromon.api.patch.schema import openapi_name
from dromon.api.types.base import Api


@cache
def _file(package: str) -> dict[str, dict[str, str]]:
    path = resources.files(__package__).joinpath(f"{package}.toml")
    return tomllib.loads(path.read_text()) if path.is_file() else {}


def describe(struct: type[Api], field: str = "") -> str:
    """The text of a field (wire name), or of the struct itself; "" where there is none.

    A field that a struct inherits from one that upstream embeds is described where it is declared.
    """
    for cls in struct.__mro__:
        if cls is Api or not issubclass(cls, Api):
            break
        _, group, version, name = openapi_name(cls).rsplit(".", 3)
        text = _file(f"{group}.{version}").get(name, {}).get(field, "")
        if text or not field:
            return text
    return ""
