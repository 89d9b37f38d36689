"""Objects, lists and errors to responses, in the wire form and shape that was asked for.

Neighbours: reads, writes, watches and subresources answer by it; dromon.apiserver.table makes rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from dromon.api import codec, errors
from dromon.api.resource import Resource
from dromon.api.types.meta import ListMeta
from dromon.api.types.status import Status, StatusDetails
from dromon.api.types.table import PartialObjectMetadata, Table
from dromon.apiserver import negotiate, table
from dromon.apiserver.call import Call
from dromon.apiserver.registry import Stored
from dromon.base.http.messages import Response
from dromon.store.cache import Format

_NO_HEADERS: Mapping[str, str] = {}

_WARNINGS_LIMIT = 4096
"""Characters of warnings that are told; clients bound their headers, too."""


def encode(value: Any, format: Format) -> bytes:
    """Any struct or plain value in a wire form."""
    if format is Format.MSGPACK:
        return codec.encode_msgpack(value)
    if format is Format.PROTOBUF:
        return codec.encode_protobuf(value)
    return codec.encode_json(value)


def stored(call: Call, r: Resource[Any], result: Stored, status: int = 200) -> Response:
    """The answer to a write: the bytes that were stored, with their revision."""
    accepted = call.accepted
    if accepted.format is Format.JSON and not accepted.shape:
        body = codec.with_revision(result.value, result.revision) if result.revision else result.value
        return raw(call, body, accepted, status)
    obj = result.obj
    if result.revision:
        obj.metadata.resource_version = str(result.revision)
    return shaped(call, r, obj, accepted, status)


def shaped(
    call: Call, r: Resource[Any], obj: Any, accepted: negotiate.Accepted, status: int = 200
) -> Response:
    """An object in the shape that was asked for."""
    if accepted.shape == "Table":
        value: Any = make_table(call, r, [obj], ListMeta(resource_version=obj.metadata.resource_version))
    elif accepted.shape:
        value = PartialObjectMetadata(metadata=obj.metadata)
    else:
        value = obj
    return raw(call, encode(value, accepted.format), accepted, status)


def plain(call: Call, value: Any, status: int = 200) -> Response:
    """Any struct, in the wire form that was asked for; shapes do not apply."""
    accepted = call.accepted
    return raw(call, encode(value, accepted.format), accepted, status)


def raw(call: Call, body: bytes, accepted: negotiate.Accepted, status: int = 200) -> Response:
    """Bytes that are in the wire form asked for already."""
    if accepted.format is Format.JSON and call.request.query and call.flag("pretty"):
        body = msgspec.json.format(body, indent=2) + b"\n"
    headers = {"Warning": warning_header(call.warnings)} if call.warnings else _NO_HEADERS
    return Response(status, body, accepted.content_type, headers)


def make_table(
    call: Call, r: Resource[Any], objects: Sequence[Any], meta: ListMeta, *, headers: bool = True
) -> Table:
    """The objects as a Table; ?includeObject=None|Metadata|Object tells what rows carry along."""
    include = call.param("includeObject") or "Metadata"
    if include not in ("None", "Metadata", "Object"):
        raise errors.bad_request(f'unrecognized includeObject value: "{include}"')
    now = call.services.clock.now()
    return Table(
        metadata=meta,
        column_definitions=list(table.columns(r)) if headers else [],
        rows=[table.row(r, obj, now, include) for obj in objects],
    )


def success(call: Call, r: Resource[Any], name: str, uid: str) -> Response:
    """The Status that says that an object is gone."""
    details = StatusDetails(name=name, group=r.group, kind=r.plural, uid=uid)
    return plain(call, Status(status="Success", details=details))


def refusal(error: errors.ApiError, accept: str = "") -> Response:
    """The answer for an error, in the wire form asked for where it is one that we serve."""
    try:
        accepted = negotiate.accept(accept)
    except errors.ApiError:
        accepted = negotiate.accept("")
    body = encode(error.status, accepted.format)
    return Response(error.code, body, accepted.content_type, error.headers)


def warning_header(warnings: Sequence[str]) -> str:
    """The value of a Warning header with all of `warnings` (RFC 9111, 5.5; the agent is unknown)."""
    # Escaped to printable ASCII: field names come from clients and must not end the header.
    safe = (w.encode("unicode_escape").decode().replace('"', '\\"') for w in warnings)
    texts, room = [], _WARNINGS_LIMIT
    for text in safe:
        room -= len(text)
        if room < 0:
            break
        texts.append(f'299 - "{text}"')
    return ", ".join(texts)
