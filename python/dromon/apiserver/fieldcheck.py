"""Unknown and duplicate fields of a body: what fieldValidation=Strict refuses and Warn tells of.

Source: KEP-2885 (server side unknown field validation). Typed decoding ignores unknown fields, as clients
newer than the server need; this looks at the same body once more, by name.

Neighbours: dromon.apiserver.body calls it.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

Path = str
Walker = Callable[[Any, Path, list[str]], None]

LIMIT = 100
"""At most so many faults are told of one body."""


def unknown(struct: Any, data: Any) -> list[str]:
    """`unknown field "spec.foo"` for each field of decoded JSON that `struct` does not have."""
    faults: list[str] = []
    walker = _walker(struct)
    if walker is not None:
        walker(data, "", faults)
    return faults[:LIMIT]


def duplicates(body: bytes) -> list[str]:
    """`duplicate field "spec.foo"` for each key that stands twice in an object of JSON text.

    `body` must be well-formed JSON (it has been decoded before).
    """
    found = False

    def notice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal found
        made = dict(pairs)
        if len(made) != len(pairs):
            found = True
        return made

    json.loads(body, object_pairs_hook=notice)
    if not found:
        return []
    faults: list[str] = []
    _walk_pairs(json.loads(body, object_pairs_hook=_Pairs), "", faults)
    return list(dict.fromkeys(faults))[:LIMIT]


class _Pairs(list[tuple[str, Any]]):
    """A JSON object as it is written, repeats included."""


def _walk_pairs(data: Any, path: str, faults: list[str]) -> None:
    if isinstance(data, _Pairs):
        seen: set[str] = set()
        for key, value in data:
            inner = f"{path}.{key}" if path else key
            if key in seen:
                faults.append(f'duplicate field "{inner}"')
            seen.add(key)
            _walk_pairs(value, inner, faults)
    elif isinstance(data, list):
        for i, value in enumerate(data):
            _walk_pairs(value, f"{path}[{i}]", faults)


@cache
def _walker(kind: Any) -> Walker | None:
    """A function that walks data of this type, or None where there is nothing to look for."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct_walker(kind)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list:
        inner = _walker(arguments[0])
        return _list_walker(inner) if inner else None
    if origin is dict:
        inner = _walker(arguments[1])
        return _dict_walker(inner) if inner else None
    if origin in (typing.Union, types.UnionType):
        walkers = [w for w in map(_walker, arguments) if w is not None]
        return walkers[0] if walkers else None
    return None


def _struct_walker(struct: type[msgspec.Struct]) -> Walker:
    walkers: dict[str, Walker | None] = {}

    def fill() -> None:
        for f in msgspec.structs.fields(struct):
            walkers[f.encode_name] = _walker(f.type)

    def walk(data: Any, path: str, faults: list[str]) -> None:
        if not isinstance(data, dict):
            return
        if not walkers:
            fill()
        for key, value in data.items():
            try:
                walker = walkers[key]
            except KeyError:
                faults.append(f'unknown field "{path}{key}"')
                continue
            if walker is not None and value is not None:
                walker(value, f"{path}{key}.", faults)

    return walk


def _list_walker(inner: Walker) -> Walker:
    def walk(data: Any, path: str, faults: list[str]) -> None:
        if isinstance(data, list):
            for i, value in enumerate(data):
                inner(value, f"{path[:-1]}[{i}].", faults)

    return walk


def _dict_walker(inner: Walker) -> Walker:
    def walk(data: Any, path: str, faults: list[str]) -> None:
        if isinstance(data, dict):
            for key, value in data.items():
                inner(value, f"{path}{key}.", faults)

    return walk
