"""What a strategic merge needs to know of a struct: its nested structs, and which lists merge by key.

Neighbours: strategic walks it, merge_keys has the facts.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from dromon.api.patch.merge_keys import MERGE_KEYS
from dromon.api.types.base import Api


@dataclass(frozen=True, slots=True)
class Field:
    """A field as patches see it.

    Attributes:
        struct: the struct that it, its elements or its values are; None for scalars.
        merge_key: None: a list is replaced; "": merged as a set of scalars; else the elements' key.
        mapping: it is a map from any string to `struct`.
    """

    struct: type[Api] | None
    merge_key: str | None = None
    mapping: bool = False


UNKNOWN = Field(None)
"""A field of a plain map, or one that the struct does not have."""


@cache
def fields(struct: type[Api]) -> Mapping[str, Field]:
    """The fields of a struct by wire name."""
    keys = MERGE_KEYS.get(openapi_name(struct), {})
    hints = get_type_hints(struct)
    return {
        f.encode_name: Field(
            _struct_in(hints[f.name]), keys.get(f.encode_name), get_origin(hints[f.name]) is dict
        )
        for f in msgspec.structs.fields(struct)
    }


def openapi_name(struct: type[Api]) -> str:
    """The struct's name in the OpenAPI document: "io.k8s.api.core.v1.Pod"."""
    package: str = sys.modules[struct.__module__].PACKAGE
    return f"io.k8s.{package.removeprefix('k8s.io.')}.{struct.__name__}"


def _struct_in(hint: Any) -> type[Api] | None:
    """The struct inside list[S], dict[str, S], S | None."""
    if isinstance(hint, type) and issubclass(hint, Api):
        return hint
    found = (_struct_in(arg) for arg in get_args(hint))
    return next((s for s in found if s is not None), None)
