"""Unknown and duplicate fields of a body: what fieldValidation=Strict refuses and Warn tells of.

Source: KEP-2885 (server side unknown field validation). Typed decoding ignores unknown fields, as clients
newer than the server need; this looks at the same body once more, by name. Nearly all bodies are clean, and
that is found out in a few microseconds (`_is_known`, `_is_unique`); only for others are the faults searched.

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

from dromon.api import codec

Path = str
Walker = Callable[[Any, Path, list[str]], None]

LIMIT = 100
"""At most so many faults are told of one body."""


def of_json(struct: Any, body: bytes) -> list[str]:
    """The faults of a JSON body, which must be well-formed."""
    faults = [] if _is_known(struct, body) else unknown(struct, json.loads(body))
    return faults if _is_unique(body) else faults + duplicates(body)


def of_msgpack(struct: Any, body: bytes) -> list[str]:
    """The unknown fields of a MessagePack body, which must be well-formed."""
    return unknown(struct, codec.decode_any_msgpack(body))


def _is_known(struct: Any, body: bytes) -> bool:
    """Whether there are surely no unknown fields; False may mean a value of another shape, too."""
    try:
        _strict_decoder(struct).decode(body)
    except msgspec.DecodeError:
        return False
    return True


def _is_unique(body: bytes) -> bool:
    """Whether no key stands twice in one object.

    Decoding drops repeats with what they hold, so encoding again gives fewer colons; all others stay, unless
    they were escaped.
    """
    if b"\\u003" in body:
        return False
    decoded = codec.decode_any(body)
    return codec.encode_json(decoded).count(b":") == body.count(b":")


@cache
def _strict_decoder(struct: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(_strict(struct))


@cache
def _strict(kind: Any) -> Any:
    """A type with the same field names, which refuses others and skips over everything else."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = [
            (f.name, _or_null(_strict(f.type)), msgspec.field(name=f.encode_name, default=None))
            for f in msgspec.structs.fields(kind)
        ]
        return msgspec.defstruct(f"Strict{kind.__name__}", fields, forbid_unknown_fields=True, kw_only=True)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is list and _walker(arguments[0]):
        return list[_or_null(_strict(arguments[0]))]  # type: ignore[misc]
    if origin is dict and _walker(arguments[1]):
        return dict[str, _or_null(_strict(arguments[1]))]  # type: ignore[misc]
    if origin in (typing.Union, types.UnionType):
        inner = [a for a in arguments if _walker(a)]
        return _strict(inner[0]) if inner else msgspec.Raw
    return msgspec.Raw


def _or_null(kind: Any) -> Any:
    return kind if kind is msgspec.Raw else kind | None


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
