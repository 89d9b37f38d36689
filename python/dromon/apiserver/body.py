"""Request bodies to objects: media types, kinds, unknown fields, options of deletions.

Neighbours: dromon.apiserver.writes and .subresources; api.codec decodes; .fieldcheck finds unknown fields.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from dromon.api import codec, errors
from dromon.api.types.status import DeleteOptions
from dromon.apiserver import fieldcheck, negotiate
from dromon.apiserver.call import Call

T = TypeVar("T")

DECODERS: dict[str, Callable[[Any, bytes], Any]] = {
    codec.JSON: codec.decode_json,
    codec.MSGPACK: codec.decode_msgpack,
    codec.PROTOBUF: codec.decode_protobuf,
}
"""How a body of each media type becomes a struct (YAML is made JSON first)."""

VALIDATIONS = ("Ignore", "Strict", "Warn")


LONG_YAML = 16 * 1024  # bytes that take longer to read than others should wait


async def read_ahead(call: Call) -> None:
    """Read a long YAML body beside the event loop: it takes seconds, in which others are served.

    Raises:
        ApiError: 400 when it is malformed.
    """
    body = call.request.body
    if len(body) > LONG_YAML and call.request.headers.get("content-type").startswith(codec.YAML):
        call.yaml_as_json = await asyncio.to_thread(_yaml_to_json, body)


def _from_yaml(call: Call) -> bytes:
    return call.yaml_as_json or _yaml_to_json(call.request.body)


def _yaml_to_json(body: bytes) -> bytes:
    from dromon.apiserver import yamlbody  # the parser's import would delay every start; few send YAML

    return yamlbody.to_json(body)


def typed(call: Call, struct: type[T], api_version: str, kind: str) -> T:
    """The object in the body, checked to be of the kind that the URL takes.

    Raises:
        ApiError: 400 for what can't be read, 415 for other media types.
    """
    body = call.request.body
    media = negotiate.body_type(call.request.headers.get("content-type"))
    if not body:
        raise errors.bad_request("the request body is empty: an object is needed")
    if media == codec.YAML:
        body, media = _from_yaml(call), codec.JSON
    try:
        obj: T = DECODERS[media](struct, body)
    except codec.DecodeError as e:
        raise _unreadable(body, media, api_version, kind, str(e)) from None
    check_kind(obj, api_version, kind)
    if media in (codec.JSON, codec.MSGPACK):
        _check_fields(call, struct, body, media, api_version, kind)
    return obj


def check_kind(obj: Any, api_version: str, kind: str) -> None:
    """Fill in kind and apiVersion where the body has none; refuse (400) others than the URL's."""
    obj.kind = obj.kind or kind
    obj.api_version = obj.api_version or api_version
    if obj.api_version != api_version:
        raise errors.bad_request(
            f"the API version in the data ({obj.api_version}) "
            f"does not match the expected API version ({api_version})"
        )
    if obj.kind != kind:
        version = api_version.rpartition("/")[2]
        raise errors.bad_request(
            f'{obj.kind} in version "{version}" cannot be handled as a {kind}: '
            f"the kind in the data ({obj.kind}) does not match the expected kind ({kind})"
        )


def _unreadable(body: bytes, media: str, api_version: str, kind: str, why: str) -> errors.ApiError:
    """400; a body of another kind is told as that rather than by the field that did not fit."""
    try:
        if media == codec.PROTOBUF:
            return errors.bad_request(f"the object provided is unrecognized: {why}")
        plain = codec.decode_any(body) if media == codec.JSON else codec.decode_any_msgpack(body)
    except codec.DecodeError as e:
        return errors.bad_request(f"the object provided is unrecognized: {e}")
    if not isinstance(plain, dict):
        return errors.bad_request("the object provided is unrecognized: an object is needed")
    given, version = plain.get("kind"), plain.get("apiVersion")
    if isinstance(version, str) and version and version != api_version:
        return errors.bad_request(
            f"the API version in the data ({version}) does not match the expected API version ({api_version})"
        )
    what = given if isinstance(given, str) and given else kind
    short = api_version.rpartition("/")[2]
    return errors.bad_request(f'{what} in version "{short}" cannot be handled as a {kind}: {why}')


def validation(call: Call) -> str:
    """The fieldValidation parameter. Raises ApiError 422 for an unknown one."""
    value = call.param("fieldValidation") or "Warn"
    if value not in VALIDATIONS:
        fault = errors.not_supported("fieldValidation", value, VALIDATIONS)
        raise errors.invalid("CreateOptions", "meta.k8s.io", "", [fault])
    return value


def _check_fields(
    call: Call, struct: type[Any], body: bytes, media: str, api_version: str, kind: str
) -> None:
    mode = validation(call)
    if mode == "Ignore":
        return
    check = fieldcheck.of_json if media == codec.JSON else fieldcheck.of_msgpack
    try:
        faults = check(struct, body)
    except codec.DecodeError as e:
        # Typed decoding skips over unknown fields without a look at what is in them.
        raise errors.bad_request(f"the object provided is unrecognized: {e}") from None
    if faults and mode == "Strict":
        version = api_version.rpartition("/")[2]
        text = ", ".join(faults)
        raise errors.bad_request(
            f'{kind} in version "{version}" cannot be handled as a {kind}: strict decoding error: {text}'
        )
    call.warnings.extend(faults)


def delete_options(call: Call) -> DeleteOptions:
    """DeleteOptions from the body, else from the query.

    Raises:
        ApiError: 400 or 415.
    """
    body = call.request.body
    if body:
        media = negotiate.body_type(call.request.headers.get("content-type"))
        if media == codec.YAML:
            body, media = _from_yaml(call), codec.JSON
        try:
            options: DeleteOptions = DECODERS[media](DeleteOptions, body)
            return options
        except codec.DecodeError as e:
            raise errors.bad_request(f"DeleteOptions can't be read: {e}") from None
    return DeleteOptions(
        grace_period_seconds=call.integer("gracePeriodSeconds"),
        orphan_dependents=call.flag("orphanDependents") if call.param("orphanDependents") else None,
        propagation_policy=call.param("propagationPolicy") or None,
        dry_run=list(call.request.params.get("dryRun", [])),
    )
