"""JSON schemas of the API's structs, as both OpenAPI documents hold them.

Types come from the struct's annotations, integer formats from the protobuf facts, list semantics from the
merge keys, texts from descriptions: nothing is written twice.
Source: OpenAPI 2.0 and 3.0; the x-kubernetes-* extensions (KEP-2896, documentation of server-side apply).

Neighbours: v2 and v3 put them into documents; gnostic writes the protobuf form of v2.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable
from functools import cache
from types import UnionType
from typing import Annotated, Any

import msgspec

from dromon.api.patch.merge_keys import MERGE_KEYS
from dromon.api.patch.schema import openapi_name
from dromon.api.resource import Resource
from dromon.api.types.base import Api, IntOrString, MicroTime, Quantity, Time
from dromon.apiserver.openapi.descriptions import describe

Json = dict[str, Any]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_RAW = "io.k8s.apimachinery.pkg.runtime.RawExtension"

SCALARS: dict[str, Json] = {
    _META + "Time": {
        "type": "string",
        "format": "date-time",
        "description": "A moment, in RFC 3339 form, to the second.",
    },
    _META + "MicroTime": {
        "type": "string",
        "format": "date-time",
        "description": "A moment, in RFC 3339 form, to the microsecond.",
    },
    _META + "FieldsV1": {
        "type": "object",
        "description": "A set of fields as a tree of their names; f: marks a field, k: a list element.",
    },
    _QUANTITY: {
        "type": "string",
        "description": "An amount with an optional suffix: decimal (n, u, m, k, M, G, T, P, E), "
        "binary (Ki, Mi, Gi, Ti, Pi, Ei) or an exponent. 500m is one half.",
    },
    _INT_OR_STRING: {
        "type": "string",
        "format": "int-or-string",
        "description": "A number, or a string: a name or a percentage.",
    },
    _RAW: {"type": "object", "description": "Any object."},
}
"""Schemas of what is a scalar, or opaque, in JSON, by OpenAPI name."""

_BY_MESSAGE = {
    "k8s.io.apimachinery.pkg.apis.meta.v1.Time": _META + "Time",
    "k8s.io.apimachinery.pkg.apis.meta.v1.MicroTime": _META + "MicroTime",
    "k8s.io.apimachinery.pkg.apis.meta.v1.FieldsV1": _META + "FieldsV1",
    "k8s.io.apimachinery.pkg.runtime.RawExtension": _RAW,
}


class Generator:
    """Makes schemas whose references start with `prefix`, and remembers what they refer to.

    Args:
        prefix: "#/definitions/" (OpenAPI 2) or "#/components/schemas/" (3).
        wrap: OpenAPI 3 allows nothing beside $ref: put it into allOf.
    """

    def __init__(self, prefix: str, *, wrap: bool) -> None:
        self._prefix = prefix
        self._wrap = wrap
        self.schemas: dict[str, Json] = {}

    def add(self, struct: type[Api]) -> str:
        """Make the schema of a struct and of all it refers to; returns its name."""
        name = openapi_name(struct)
        if name not in self.schemas:
            self.schemas[name] = {}  # stands here while its own fields are made, for recursive types
            self.schemas[name] = self._object(struct, name)
        return name

    def add_resources(self, resources: Iterable[Resource[Any]]) -> None:
        """Make the schemas of kinds and their lists, with their group, version and kind."""
        for resource in resources:
            gvk = {"group": resource.group, "version": resource.version, "kind": resource.kind}
            self.schemas[self.add(resource.struct)]["x-kubernetes-group-version-kind"] = [gvk]
            if resource.list_struct is not None:
                listed = {**gvk, "kind": resource.kind + "List"}
                self.schemas[self.add(resource.list_struct)]["x-kubernetes-group-version-kind"] = [listed]

    def reference(self, name: str, description: str = "") -> Json:
        """A reference to a schema, with the text of the field that holds it."""
        ref: Json = {"$ref": self._prefix + name}
        if not self._wrap:
            return {"description": description, **ref} if description else ref
        if not description:
            return ref
        return {"description": description, "allOf": [ref]}

    def _object(self, struct: type[Api], name: str) -> Json:
        hints = typing.get_type_hints(struct, include_extras=True)
        merge_keys = MERGE_KEYS.get(name, {})
        numbers = _field_types(struct)
        properties: dict[str, Json] = {}
        required = []
        for field in msgspec.structs.fields(struct):
            wire = field.encode_name
            made = self._property(hints[field.name], describe(struct, wire), numbers.get(wire, ""))
            if wire in merge_keys:
                made["x-kubernetes-patch-strategy"] = "merge"
                if merge_keys[wire]:
                    made["x-kubernetes-patch-merge-key"] = merge_keys[wire]
            properties[wire] = made
            if _required(field):
                required.append(wire)
        out: Json = {"description": describe(struct), "type": "object"}
        out["properties"] = dict(sorted(properties.items()))
        if required:
            out["required"] = sorted(required)
        return out

    def _property(self, hint: Any, description: str, proto: str) -> Json:
        """The schema of one field; `proto` is its protobuf type, which tells integers and times apart."""
        hint = _without_none(hint)
        origin = typing.get_origin(hint)
        arguments = typing.get_args(hint)
        if origin is list:
            inner = self._property(arguments[0], "", proto.removeprefix("repeated "))
            return _described({"type": "array", "items": inner}, description)
        if origin is dict and arguments[1] is not Any:
            value = proto[proto.index(",") + 1 : -1] if proto.startswith("map<") else ""
            inner = self._property(arguments[1], "", value)
            return _described({"type": "object", "additionalProperties": inner}, description)
        named = self._named(hint, proto)
        if named:
            return self.reference(named, description)
        return _described(_scalar(hint, proto), description)

    def _named(self, hint: Any, proto: str) -> str:
        """The name of the schema that a field refers to; "" for scalars that are written in place."""
        if isinstance(hint, type) and issubclass(hint, Api):
            return self.add(hint)
        name = _BY_MESSAGE.get(proto.removeprefix("."), "") or _special(hint)
        if name:
            self.schemas.setdefault(name, SCALARS[name])
        return name


def _special(hint: Any) -> str:
    if hint == Quantity:
        return _QUANTITY
    if hint == IntOrString:
        return _INT_OR_STRING
    if hint in (Time, MicroTime):
        return _META + "Time"
    return _RAW if typing.get_origin(hint) is dict else ""


def _without_none(hint: Any) -> Any:
    """X for X | None (a union that has other members stays one)."""
    if isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union:
        arguments = tuple(a for a in typing.get_args(hint) if a is not type(None))
        return typing.Union[arguments]  # noqa: UP007 - made at run time
    return hint


def _scalar(hint: Any, proto: str) -> Json:
    if typing.get_origin(hint) is Annotated:
        hint = typing.get_args(hint)[0]
    if hint is bool:
        return {"type": "boolean"}
    if hint is int:
        return {"type": "integer", "format": proto if proto in ("int32", "int64") else "int32"}
    if hint is bytes:
        return {"type": "string", "format": "byte"}
    if hint is str:
        return {"type": "string"}
    return {}  # cells of a table: anything


def _described(out: Json, description: str) -> Json:
    return {"description": description, **out} if description else out


def _required(field: msgspec.structs.FieldInfo) -> bool:
    """Fields without omitempty upstream, made by `always`, are required; structs are not, nor is what says
    the kind of the object itself.
    """
    factory = field.default_factory
    if factory is msgspec.NODEFAULT or isinstance(factory, type):
        return False
    # The kind of the object itself is known from the start; that of an object it refers to must be given.
    return field.encode_name not in ("kind", "apiVersion") or not factory()


@cache
def _field_types(struct: type[Api]) -> dict[str, str]:
    """Wire name -> protobuf type with full message names, inline structs' fields included."""
    from dromon.api.protobuf import convert, schema  # its import would delay every start of the server

    try:
        name = convert.message_name(struct)
        facts = schema.facts()[name]
    except (KeyError, AttributeError):
        return {}
    package = name.rsplit(".", 1)[0]
    types: dict[str, str] = {}
    for base in struct.__mro__[1:]:
        if base is not Api and isinstance(base, type) and issubclass(base, Api):
            types.update(_field_types(base))
    for wire, (_, text) in facts.items():
        plain = text.removeprefix("repeated ")
        full = schema.resolve(plain, package)
        types[wire] = text.replace(plain, full) if full in schema.facts() else text
    return types
