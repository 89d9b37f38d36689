"""application/vnd.kubernetes.protobuf: bytes of an object as upstream's clients send and read them.

An enveloped object is the magic number `k8s\\0` and a runtime.Unknown message with apiVersion, kind and the
bare message (API documentation, "Alternate representations of resources"). kubectl's generators send it.

Neighbours: convert does the fields, schema the messages; dromon.apiserver.negotiate and the cache's encoder
call this.
"""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import DecodeError

from dromon.api.protobuf import convert, schema
from dromon.api.types.base import Api

T = TypeVar("T", bound=Api)

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
_WATCH_EVENT = "k8s.io.apimachinery.pkg.apis.meta.v1.WatchEvent"
_UNKNOWN = "k8s.io.apimachinery.pkg.runtime.Unknown"


class MalformedProtobuf(ValueError):
    """Bytes that are no enveloped message of the expected kind."""


def encode_bare(obj: Api) -> bytes:
    """The message of an object without envelope."""
    message = schema.message_class(convert.message_name(type(obj)))()
    convert.fill(message, obj)
    # Deterministic: the order of a map's entries must not differ from process to process.
    return message.SerializePartialToString(deterministic=True)


def envelope(api_version: str, kind: str, raw: bytes) -> bytes:
    """Wrap a bare message."""
    unknown: Any = schema.message_class(_UNKNOWN)()
    unknown.typeMeta.apiVersion = api_version
    unknown.typeMeta.kind = kind
    unknown.raw = raw
    return MAGIC + bytes(unknown.SerializePartialToString())


def encode(obj: Any) -> bytes:
    """An object with its envelope; `obj` has `api_version` and `kind`."""
    return envelope(obj.api_version, obj.kind, encode_bare(obj))


def watch_event(type_: str, enveloped: bytes) -> bytes:
    """A meta/v1 WatchEvent message around an enveloped object."""
    event: Any = schema.message_class(_WATCH_EVENT)()
    event.type = type_
    event.object.raw = enveloped
    return bytes(event.SerializePartialToString())


def open_envelope(data: bytes) -> tuple[str, str, bytes]:
    """apiVersion, kind and bare message of enveloped bytes.

    Raises:
        MalformedProtobuf: no magic number, or no envelope behind it.
    """
    if not data.startswith(MAGIC):
        raise MalformedProtobuf("the body does not start with the protobuf magic number k8s\\x00")
    unknown: Any = schema.message_class(_UNKNOWN)()
    try:
        unknown.ParseFromString(data[len(MAGIC) :])
    except DecodeError as error:
        raise MalformedProtobuf(f"the envelope can't be read: {error}") from error
    return unknown.typeMeta.apiVersion, unknown.typeMeta.kind, unknown.raw


def decode_bare(raw: bytes, struct: type[T]) -> T:
    """A bare message as a struct.

    Raises:
        MalformedProtobuf: the bytes are no such message.
    """
    message = schema.message_class(convert.message_name(struct))()
    try:
        message.ParseFromString(raw)
    except DecodeError as error:
        raise MalformedProtobuf(f"the message can't be read as {struct.__name__}: {error}") from error
    try:
        obj: T = convert.make(struct, message)
    except (ValueError, OverflowError) as error:  # a time out of range, broken JSON in fieldsV1
        raise MalformedProtobuf(f"a field of the message is malformed: {error}") from error
    return obj


def decode(data: bytes, struct: type[T]) -> T:
    """Enveloped bytes as a struct; `kind` and `api_version` are what the envelope says (when it says).

    Raises:
        MalformedProtobuf.
    """
    api_version, kind, raw = open_envelope(data)
    obj: Any = decode_bare(raw, struct)
    if kind:
        obj.kind = kind
    if api_version:
        obj.api_version = api_version
    return obj  # type: ignore[no-any-return]
