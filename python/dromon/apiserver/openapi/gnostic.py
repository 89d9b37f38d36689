"""The protobuf form of an OpenAPI 2 document (gnostic's openapi.v2), which client-go before 1.27 reads.

A table says which message has which fields; whatever a JSON document holds beyond x-* extensions and these
fields is an error, so that nothing goes missing in silence. Maps are lists of named values there, and a value
of any type is YAML text, of which JSON is a part.
Source: the field numbers of gnostic's OpenAPIv2.proto.

Neighbours: v2 calls `document`.
"""

from __future__ import annotations

from typing import Any

import msgspec

Field = tuple[int, str]

MESSAGES: dict[str, dict[str, Field]] = {
    "Document": {
        "swagger": (1, "string"),
        "info": (2, "Info"),
        "paths": (8, "Paths"),
        "definitions": (9, "Definitions"),
    },
    "Info": {"title": (1, "string"), "version": (2, "string"), "description": (3, "string")},
    "Paths": {"*": (2, "named PathItem")},
    "PathItem": {
        "get": (2, "Operation"),
        "put": (3, "Operation"),
        "post": (4, "Operation"),
        "delete": (5, "Operation"),
        "patch": (8, "Operation"),
        "parameters": (9, "repeated ParametersItem"),
        "x-": (10, "any"),
    },
    "Operation": {
        "tags": (1, "repeated string"),
        "description": (3, "string"),
        "operationId": (5, "string"),
        "produces": (6, "repeated string"),
        "consumes": (7, "repeated string"),
        "parameters": (8, "repeated ParametersItem"),
        "responses": (9, "Responses"),
        "x-": (13, "any"),
    },
    "Responses": {"*": (1, "named ResponseValue")},
    "Response": {"description": (1, "string"), "schema": (2, "SchemaItem")},
    "BodyParameter": {
        "description": (1, "string"),
        "name": (2, "string"),
        "in": (3, "string"),
        "required": (4, "bool"),
        "schema": (5, "Schema"),
    },
    "QueryParameter": {
        "required": (1, "bool"),
        "in": (2, "string"),
        "description": (3, "string"),
        "name": (4, "string"),
        "type": (6, "string"),
        "uniqueItems": (20, "bool"),
    },
    "PathParameter": {
        "required": (1, "bool"),
        "in": (2, "string"),
        "description": (3, "string"),
        "name": (4, "string"),
        "type": (5, "string"),
        "uniqueItems": (19, "bool"),
    },
    "Definitions": {"*": (1, "named Schema")},
    "Properties": {"*": (1, "named Schema")},
    "Schema": {
        "$ref": (1, "string"),
        "format": (2, "string"),
        "description": (4, "string"),
        "required": (19, "repeated string"),
        "additionalProperties": (21, "AdditionalPropertiesItem"),
        "type": (22, "TypeItem"),
        "items": (23, "ItemsItem"),
        "properties": (25, "Properties"),
        "x-": (31, "any"),
    },
}
"""Message -> JSON name -> (number, type); "*" stands for the entries of a map, "x-" for extensions."""


def document(value: dict[str, Any]) -> bytes:
    """The bytes of a Document message.

    Raises:
        KeyError: the document has a field that the table doesn't know.
    """
    return _message("Document", value)


def _message(name: str, value: dict[str, Any]) -> bytes:
    fields = MESSAGES[name]
    parts = []
    for key, inner in value.items():
        lookup = "x-" if key.startswith("x-") else "*" if "*" in fields else key
        number, kind = fields[lookup]
        if kind == "any":
            parts.append(_bytes(number, _named(key, _any(inner))))
        elif kind.startswith("named "):
            parts.append(_bytes(number, _named(key, _value(kind.removeprefix("named "), inner))))
        elif kind.startswith("repeated "):
            parts.extend(_bytes(number, _value(kind.removeprefix("repeated "), v)) for v in inner)
        elif kind == "bool":
            parts.append(_varint(number << 3) + _varint(int(inner)))
        else:
            parts.append(_bytes(number, _value(kind, inner)))
    return b"".join(parts)


def _value(kind: str, value: Any) -> bytes:
    """The bytes of one value, wrapped as gnostic's one-of messages want it."""
    match kind:
        case "string":
            return str(value).encode()
        case "ParametersItem":
            return _bytes(1, _parameter(value))
        case "ResponseValue":
            return _bytes(1, _message("Response", value))
        case "SchemaItem" | "AdditionalPropertiesItem" | "ItemsItem":
            return _bytes(1, _message("Schema", value))
        case "TypeItem":
            return _bytes(1, str(value).encode())
        case _:
            return _message(kind, value)


def _parameter(value: dict[str, Any]) -> bytes:
    """A Parameter: a body parameter (1) or another (2), of which 3 is a query's and 4 a path's."""
    if value["in"] == "body":
        return _bytes(1, _message("BodyParameter", value))
    if value["in"] == "query":
        return _bytes(2, _bytes(3, _message("QueryParameter", value)))
    return _bytes(2, _bytes(4, _message("PathParameter", value)))


def _named(name: str, value: bytes) -> bytes:
    return _bytes(1, name.encode()) + _bytes(2, value)


def _any(value: Any) -> bytes:
    return _bytes(2, msgspec.json.encode(value))


def _bytes(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
