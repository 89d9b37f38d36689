"""Structs to and from JSON and MessagePack bytes: the one place that knows how the wire writes an object.

A body is decoded once into a typed struct and encoded once (DESIGN, invariant 2); JSON null, which many
clients send where a field is absent, costs a second pass only where the typed decode fails on it.

Neighbours: the apiserver decodes bodies and encodes values, the cache re-encodes them for MessagePack,
the client does the reverse; dromon.api.protobuf is the third wire form.
"""

from __future__ import annotations

import re
from base64 import b64encode
from typing import Any, TypeVar

import msgspec

from dromon.api.resource import Resource

T = TypeVar("T")

JSON = "application/json"
MSGPACK = "application/msgpack"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"

_json_encoder = msgspec.json.Encoder()
_msgpack_encoder = msgspec.msgpack.Encoder()
_any_json = msgspec.json.Decoder()
_any_msgpack = msgspec.msgpack.Decoder()
_json_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}
_msgpack_decoders: dict[Any, msgspec.msgpack.Decoder[Any]] = {}

_PATTERN = re.compile(r"`str` matching regex '.*'(?= - at |$)")

METADATA = b'"metadata":{'


class DecodeError(ValueError):
    """Bytes that are not what they should be; the text says what and, where known, at which field."""


def _json_decoder(struct: type[T]) -> msgspec.json.Decoder[T]:
    decoder = _json_decoders.get(struct)
    if decoder is None:
        decoder = _json_decoders[struct] = msgspec.json.Decoder(struct)
    return decoder


def _msgpack_decoder(struct: type[T]) -> msgspec.msgpack.Decoder[T]:
    decoder = _msgpack_decoders.get(struct)
    if decoder is None:
        decoder = _msgpack_decoders[struct] = msgspec.msgpack.Decoder(struct)
    return decoder


def _why(error: Exception) -> str:
    """The error's text; the only pattern that fields have is a time's, which says little to people."""
    return _PATTERN.sub("an RFC 3339 time", str(error))


def encode_json(obj: Any) -> bytes:
    """The object's JSON, as it is stored and sent."""
    return _json_encoder.encode(obj)


def encode_msgpack(obj: Any) -> bytes:
    """The object's MessagePack; byte fields (a Secret's data) are binary, not base64."""
    return _msgpack_encoder.encode(obj)


def encode_protobuf(obj: Any) -> bytes:
    """The object's protobuf with its envelope.

    Raises:
        KeyError: the struct has no message (Table).
    """
    data: bytes = _protobuf().encode(obj)
    return data


def decode_protobuf(struct: type[T], data: bytes) -> T:
    """The typed object that enveloped protobuf `data` holds.

    Raises:
        DecodeError: malformed bytes.
    """
    protobuf = _protobuf()
    try:
        obj: T = protobuf.decode(data, struct)
    except protobuf.MalformedProtobuf as e:
        raise DecodeError(_why(e)) from None
    return obj


def protobuf_frame(type_: str, obj: Any) -> bytes:
    """One event of a protobuf watch: a 4-byte big-endian length and a WatchEvent message."""
    event: bytes = _protobuf().watch_event(type_, encode_protobuf(obj))
    return len(event).to_bytes(4, "big") + event


def _protobuf() -> Any:
    """The package, on first use: few processes ever need its descriptors, and they cost a start."""
    from dromon.api import protobuf

    return protobuf


def decode_json(struct: type[T], data: bytes) -> T:
    """The typed object that JSON `data` holds; nulls count as absent.

    Raises:
        DecodeError: malformed JSON, or a field of the wrong type.
    """
    try:
        return _json_decoder(struct).decode(data)
    except msgspec.ValidationError as e:
        if "`null`" not in str(e):
            raise DecodeError(_why(e)) from None
        return convert(struct, decode_any(data))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise DecodeError(_why(e)) from None


def decode_msgpack(struct: type[T], data: bytes) -> T:
    """The typed object that MessagePack `data` holds; nils count as absent.

    Fields of bytes may be binary, or base64 text as in JSON: a body made from JSON is understood, too.

    Raises:
        DecodeError: malformed MessagePack, or a field of the wrong type.
    """
    try:
        return _msgpack_decoder(struct).decode(data)
    except msgspec.ValidationError as e:
        if "`None`" not in str(e) and "`bytes`" not in str(e):
            raise DecodeError(_why(e)) from None
        try:
            plain = _as_json(decode_any_msgpack(data))
        except RecursionError as too_deep:
            raise DecodeError(_why(too_deep)) from None
        return convert(struct, plain)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise DecodeError(_why(e)) from None


def _as_json(data: Any) -> Any:
    """`data` with its binary as base64 text."""
    if isinstance(data, dict):
        return {k: _as_json(v) for k, v in data.items()}
    if isinstance(data, list):
        return [_as_json(v) for v in data]
    return b64encode(data).decode() if isinstance(data, bytes) else data


def decode_any(data: bytes) -> Any:
    """JSON as dicts and lists.

    Raises:
        DecodeError: malformed JSON.
    """
    try:
        return _any_json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as e:
        raise DecodeError(_why(e)) from None


def decode_any_msgpack(data: bytes) -> Any:
    """MessagePack as dicts and lists, binary as bytes.

    Raises:
        DecodeError: malformed MessagePack.
    """
    try:
        return _any_msgpack.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as e:
        raise DecodeError(_why(e)) from None


def convert(struct: type[T], data: Any) -> T:
    """The typed object of decoded JSON (byte fields are base64 strings); nulls count as absent.

    Raises:
        DecodeError: a field of the wrong type.
    """
    try:
        return msgspec.convert(data, struct, builtin_types=())
    except msgspec.ValidationError:
        pass
    try:
        return msgspec.convert(strip_nulls(data), struct, builtin_types=())
    except (msgspec.ValidationError, RecursionError) as e:
        raise DecodeError(_why(e)) from None


def to_plain(obj: Any) -> Any:
    """Decoded JSON (dicts, lists, scalars; bytes as base64) of a struct: what patches work on."""
    return _any_json.decode(_json_encoder.encode(obj))


def strip_nulls(data: Any) -> Any:
    """`data` without dict entries that are None, at any depth."""
    if isinstance(data, dict):
        return {k: strip_nulls(v) for k, v in data.items() if v is not None}
    if isinstance(data, list):
        return [strip_nulls(v) for v in data]
    return data


def with_revision(value: bytes, revision: int) -> bytes:
    """Stored JSON with metadata.resourceVersion spliced in.

    Relies on "kind" and "apiVersion" being the only keys before "metadata", and on metadata having a name.
    """
    at = value.index(METADATA) + len(METADATA)
    return b'%b"resourceVersion":"%d",%b' % (value[:at], revision, value[at:])


def json_to_protobuf(resource: Resource[Any], data: bytes) -> bytes:
    """An object's JSON as a bare protobuf message; the cache calls it on first need and keeps the result."""
    message: bytes = _protobuf().encode_bare(_json_decoder(resource.struct).decode(data))
    return message


def json_to_msgpack(resource: Resource[Any], data: bytes) -> bytes:
    """An object's JSON as MessagePack; the cache calls it on first need and keeps the result."""
    return _msgpack_encoder.encode(_json_decoder(resource.struct).decode(data))
