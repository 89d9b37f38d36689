"""The protobuf messages of the API, built at run time from field numbers: no generated code.

`fields.json` holds facts of upstream's `generated.proto` files: message -> field -> [number, type]. A type
is a scalar, a message of the same package or (leading dot) of another, `repeated T` or `map<K,V>`.
Messages are proto2, as upstream's: a scalar that was set to its zero value is still present.

Neighbours: convert maps structs onto these messages, dromon.api.protobuf wraps them in the envelope.
"""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import Message

_SCALARS = {
    "string": descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
    "bool": descriptor_pb2.FieldDescriptorProto.TYPE_BOOL,
    "int32": descriptor_pb2.FieldDescriptorProto.TYPE_INT32,
    "int64": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
    "bytes": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
}
_MAP = re.compile(r"map<(\w+),(.+)>")

Fields = dict[str, tuple[int, str]]


@cache
def facts() -> dict[str, Fields]:
    """Every message that is known: full name -> field name -> (number, type)."""
    text = resources.files(__package__).joinpath("fields.json").read_text()
    loaded: dict[str, dict[str, list[Any]]] = json.loads(text)
    return {name: {f: (n, t) for f, (n, t) in fields.items()} for name, fields in loaded.items()}


def resolve(reference: str, package: str) -> str:
    """The full name of a message that a field of `package` refers to."""
    return reference[1:] if reference.startswith(".") else f"{package}.{reference}"


@cache
def _pool() -> descriptor_pool.DescriptorPool:
    packages: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    uses: dict[str, set[str]] = {}
    for name, fields in facts().items():
        package, short = name.rsplit(".", 1)
        file = packages.get(package)
        if file is None:
            file = packages[package] = descriptor_pb2.FileDescriptorProto(
                name=f"{package}.proto", package=package, syntax="proto2"
            )
        _add_message(file.message_type.add(), name, short, package, fields, uses.setdefault(package, set()))
    pool = descriptor_pool.DescriptorPool()
    added: set[str] = set()

    def add(package: str) -> None:
        # A file's dependencies must be in the pool before it.
        if package in added:
            return
        added.add(package)
        for other in sorted(uses[package] - {package}):
            add(other)
            packages[package].dependency.append(f"{other}.proto")
        pool.Add(packages[package])

    for package in packages:
        add(package)
    return pool


def _add_message(
    message: descriptor_pb2.DescriptorProto,
    name: str,
    short: str,
    package: str,
    fields: Fields,
    uses: set[str],
) -> None:
    message.name = short
    for field_name, (number, text) in fields.items():
        field = message.field.add(name=field_name, number=number)
        field.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
        mapped = _MAP.fullmatch(text)
        if mapped:
            entry = message.nested_type.add(name=field_name[0].upper() + field_name[1:] + "Entry")
            entry.options.map_entry = True
            for n, (part, part_type) in enumerate(zip(("key", "value"), mapped.groups(), strict=True), 1):
                half = entry.field.add(name=part, number=n, label=field.label)
                _set_type(half, part_type, package, uses)
            field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
            field.type_name = f".{name}.{entry.name}"
            continue
        if text.startswith("repeated "):
            field.label = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
            text = text.removeprefix("repeated ")
        _set_type(field, text, package, uses)


def _set_type(field: descriptor_pb2.FieldDescriptorProto, text: str, package: str, uses: set[str]) -> None:
    if text in _SCALARS:
        field.type = _SCALARS[text]
        return
    full = resolve(text, package)
    uses.add(full.rsplit(".", 1)[0])
    field.type = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
    field.type_name = "." + full


@cache
def message_class(name: str) -> type[Message]:
    """The class of a message by its full name.

    Raises:
        KeyError: the name is unknown.
    """
    return message_factory.GetMessageClass(_pool().FindMessageTypeByName(name))
