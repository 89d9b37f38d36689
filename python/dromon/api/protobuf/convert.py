"""Struct <-> protobuf message, by a plan made once per struct type.

A struct's wire names are the message's field names. Two things differ and are settled when the plan is made:
an inline struct upstream is a base class here and a field of the message there (Volume embeds VolumeSource as
`volumeSource`), and times, quantities and their like are messages there (scalars).

Neighbours: schema makes the messages, scalars the odd ones; dromon.api.protobuf is the face of this package.
"""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec
from google.protobuf.message import Message

from dromon.api.protobuf import schema
from dromon.api.protobuf.scalars import SPECIAL, Special
from dromon.api.types.base import Api

Write = Callable[[Any, Any], None]
"""(struct, message): copy one field of the struct into the message."""
Read = Callable[[Any, dict[str, Any]], None]
"""(message, attributes): copy one field of the message, if present, into the struct's attributes."""


class Plan(typing.NamedTuple):
    """How one struct type is written and read."""

    writes: tuple[Write, ...]
    reads: tuple[Read, ...]


def message_name(struct: type[Api]) -> str:
    """The full message name of a struct type: its module's PACKAGE and its own name."""
    return f"{sys.modules[struct.__module__].PACKAGE}.{struct.__name__}"


def fill(message: Message, obj: Api) -> None:
    """Write every field of `obj` that differs from absent into `message`."""
    for write in plan(type(obj)).writes:
        write(obj, message)


def make(struct: type[Api], message: Message) -> Any:
    """A struct of type `struct` with what `message` holds."""
    attributes: dict[str, Any] = {}
    for read in plan(struct).reads:
        read(message, attributes)
    return struct(**attributes)


@cache
def plan(struct: type[Api]) -> Plan:
    """The plan of a struct type.

    Raises:
        KeyError: the type has no message (Table and its parts).
    """
    writes: list[Write] = []
    reads: list[Read] = []
    _collect(struct, message_name(struct), (), writes, reads)
    return Plan(tuple(writes), tuple(reads))


def _collect(
    struct: type[Api], name: str, inside: tuple[str, ...], writes: list[Write], reads: list[Read]
) -> None:
    """Add the fields of message `name`, which lies `inside` nested inline messages."""
    package = name.rsplit(".", 1)[0]
    by_wire = {f.encode_name: f.name for f in msgspec.structs.fields(struct)}
    hints = typing.get_type_hints(struct)
    bases = {base.__name__: base for base in struct.__mro__[1:] if issubclass(base, Api)}
    for wire, (_, text) in schema.facts()[name].items():
        base = bases.get(text)
        if base is not None and wire not in by_wire:
            _collect(base, schema.resolve(text, package), (*inside, wire), writes, reads)
            continue
        attribute = by_wire.get(wire)
        if attribute is None:
            continue  # kind-level leftovers that no client sends (e.g. fields dropped upstream)
        write, read = _field(attribute, wire, text, package, hints[attribute])
        writes.append(_nest_write(inside, write))
        reads.append(_nest_read(inside, read))


def _nest_write(inside: tuple[str, ...], write: Write) -> Write:
    if not inside:
        return write

    def nested(obj: Any, message: Any) -> None:
        for name in inside:
            message = getattr(message, name)
        write(obj, message)

    return nested


def _nest_read(inside: tuple[str, ...], read: Read) -> Read:
    if not inside:
        return read

    def nested(message: Any, attributes: dict[str, Any]) -> None:
        for name in inside:
            message = getattr(message, name)
        read(message, attributes)

    return nested


def _field(attribute: str, wire: str, text: str, package: str, hint: Any) -> tuple[Write, Read]:
    """The two halves for one field, by its protobuf type."""
    if text.startswith("map<"):
        value_type = text[text.index(",") + 1 : -1]
        return _map(attribute, wire, *_element(value_type, package, hint))
    if text.startswith("repeated "):
        return _repeated(attribute, wire, *_element(text.removeprefix("repeated "), package, hint))
    special, struct = _element(text, package, hint)
    if special is not None:
        return _special(attribute, wire, special)
    if struct is not None:
        return _message(attribute, wire, struct)
    return _scalar(attribute, wire, _optional(hint))


def _element(text: str, package: str, hint: Any) -> tuple[Special | None, type[Api] | None]:
    """What an element is: a special message, a struct, or (None, None) for a scalar."""
    special = SPECIAL.get(schema.resolve(text, package))
    return special, None if special else _struct_of(hint)


def _struct_of(hint: Any) -> type[Api] | None:
    """The struct type inside X, X | None, list[X] or dict[str, X]; None where there is none."""
    if isinstance(hint, type) and issubclass(hint, Api):
        return hint
    return next((s for s in map(_struct_of, typing.get_args(hint)) if s is not None), None)


def _optional(hint: Any) -> bool:
    is_union = typing.get_origin(hint) in (
        typing.Union,
        types.UnionType,
    )  # which of them X | None makes depends on X
    return is_union and type(None) in typing.get_args(hint)


def _scalar(attribute: str, wire: str, optional: bool) -> tuple[Write, Read]:
    def write(obj: Any, message: Any) -> None:
        value = getattr(obj, attribute)
        if value is not None and (optional or value):
            setattr(message, wire, value)

    def read(message: Any, attributes: dict[str, Any]) -> None:
        if message.HasField(wire):
            attributes[attribute] = getattr(message, wire)

    return write, read


def _special(attribute: str, wire: str, special: Special) -> tuple[Write, Read]:
    def write(obj: Any, message: Any) -> None:
        value = getattr(obj, attribute)
        if value is not None:
            special.write(value, getattr(message, wire))
            getattr(message, wire).SetInParent()

    def read(message: Any, attributes: dict[str, Any]) -> None:
        if message.HasField(wire):
            value = special.read(getattr(message, wire))
            if value is not None:
                attributes[attribute] = value

    return write, read


def _message(attribute: str, wire: str, struct: type[Api]) -> tuple[Write, Read]:
    def write(obj: Any, message: Any) -> None:
        value = getattr(obj, attribute)
        if value is not None:
            inner = getattr(message, wire)
            inner.SetInParent()
            fill(inner, value)

    def read(message: Any, attributes: dict[str, Any]) -> None:
        if message.HasField(wire):
            attributes[attribute] = make(struct, getattr(message, wire))

    return write, read


def _repeated(
    attribute: str, wire: str, special: Special | None, struct: type[Api] | None
) -> tuple[Write, Read]:
    def write(obj: Any, message: Any) -> None:
        target = getattr(message, wire)
        for value in getattr(obj, attribute) or ():
            if special is not None:
                special.write(value, target.add())
            elif struct is not None:
                fill(target.add(), value)
            else:
                target.append(value)

    def read(message: Any, attributes: dict[str, Any]) -> None:
        source = getattr(message, wire)
        if not source:
            return
        if special is not None:
            attributes[attribute] = [special.read(m) for m in source]
        elif struct is not None:
            attributes[attribute] = [make(struct, m) for m in source]
        else:
            attributes[attribute] = list(source)

    return write, read


def _map(attribute: str, wire: str, special: Special | None, struct: type[Api] | None) -> tuple[Write, Read]:
    def write(obj: Any, message: Any) -> None:
        target = getattr(message, wire)
        for key, value in (getattr(obj, attribute) or {}).items():
            if special is not None:
                special.write(value, target[key])
            elif struct is not None:
                fill(target[key], value)
            else:
                target[key] = value

    def read(message: Any, attributes: dict[str, Any]) -> None:
        source = getattr(message, wire)
        if not source:
            return
        if special is not None:
            attributes[attribute] = {k: special.read(source[k]) for k in source}
        elif struct is not None:
            attributes[attribute] = {k: make(struct, source[k]) for k in source}
        else:
            attributes[attribute] = dict(source)

    return write, read
