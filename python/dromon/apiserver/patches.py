"""A PATCH request to a change of an object: JSON merge, strategic merge and JSON patches.

Neighbours: dromon.apiserver.writes, .bulk and .subresources; api.patch has the algorithms.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import msgspec

from dromon.api import codec, errors
from dromon.api.patch import jsonpatch, merge, strategic
from dromon.apiserver import body, fieldcheck, negotiate
from dromon.apiserver.call import Call

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch"

PATCH_TYPES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)

Change = Callable[[Any], Any]
"""From the current object, which it leaves as it is, to the wanted one, which may share parts with it."""


def change(call: Call, struct: type[Any], api_version: str, kind: str) -> Change:
    """The body's patch as a function of the current object.

    Raises:
        ApiError: 415 for other media types (server-side apply among them), 400 for a malformed patch;
            the function raises 400 or 422 when the patch does not fit the object.
    """
    media, patch = _read(call)
    plain = strategic.is_plain(call.request.body)
    return applied(call, media, patch, struct, api_version, kind, plain)


def items(call: Call) -> tuple[str, list[Any]]:
    """The media type and the items of a list of patches. Raises ApiError 400 or 415."""
    media, patch = _read(call)
    found = patch.get("items") if isinstance(patch, dict) else None
    if not isinstance(found, list) or media == JSON_PATCH:
        raise errors.bad_request("a list of merge or strategic merge patches has them in `items`")
    return media, found


def applied(
    call: Call,
    media: str,
    patch: Any,
    struct: type[Any],
    api_version: str,
    kind: str,
    plain: bool = False,
) -> Change:
    """A decoded patch as a function of the current object; it raises ApiError 400 or 422.

    Args:
        plain: the patch surely has neither directives nor nulls.
    """
    mode = body.validation(call)

    def changed(old: Any) -> Any:
        if mode == "Ignore" and (quick := _in_parts(media, patch, old, struct, plain)) is not None:
            return quick
        patched = apply(media, codec.to_plain(old), patch, struct)
        _check_fields(call, struct, patched, mode, kind)
        try:
            new = codec.convert(struct, patched)
        except codec.DecodeError as e:
            fault = errors.FieldError("patch", "FieldValueInvalid", f"Invalid value: {e}")
            raise errors.invalid(kind, call.resource.group, call.route.name, [fault]) from None
        body.check_kind(new, api_version, kind)
        return new

    return changed


def _in_parts(media: str, patch: Any, old: Any, struct: Any, plain: bool) -> Any | None:
    """The patched object where that can be had by patching only the fields that a merge patch names.

    None where it can't, or where something is wrong: whoever takes the whole object apart tells what.
    """
    if media == JSON_PATCH or not isinstance(patch, dict):
        return None
    parts = _parts(struct)
    made: dict[str, Any] = {}
    for wire, value in patch.items():
        if wire not in parts or not isinstance(value, dict):
            return None
        name, kind = parts[wire]
        doc = codec.to_plain(getattr(old, name))
        if not doc:
            return None
        try:
            made[name] = codec.convert(kind, apply(media, doc, value, kind, plain))
        except (errors.ApiError, codec.DecodeError):
            return None
    return msgspec.structs.replace(old, **made)


@cache
def _parts(struct: Any) -> dict[str, tuple[str, type[Any]]]:
    """The struct's fields that are structs: wire name -> attribute and type."""
    return {
        f.encode_name: (f.name, f.type)
        for f in msgspec.structs.fields(struct)
        if isinstance(f.type, type) and issubclass(f.type, msgspec.Struct)
    }


def apply(media: str, doc: Any, patch: Any, struct: type[Any], plain: bool = False) -> Any:
    """The patched document; `doc` and `patch` are decoded JSON. Raises ApiError 400, 413 or 422.

    Args:
        plain: the patch has neither directives nor nulls.
    """
    if media == JSON_PATCH:
        return jsonpatch.apply(doc, patch)
    if not isinstance(patch, dict):
        raise errors.bad_request("error decoding patch: an object is needed")
    if media == MERGE_PATCH:
        return merge.apply(doc, patch)
    return strategic.apply(doc, patch, struct, plain=plain)


def _read(call: Call) -> tuple[str, Any]:
    header = call.request.headers.get("content-type")
    if header.strip().lower().startswith(APPLY_PATCH):
        text = "server-side apply is not supported yet: use client-side apply, or one of "
        raise errors.make(415, "UnsupportedMediaType", text + ", ".join(PATCH_TYPES))
    media = negotiate.body_type(header, PATCH_TYPES)
    if not header:
        media = STRATEGIC_PATCH
    try:
        return media, codec.decode_any(call.request.body)
    except codec.DecodeError as e:
        raise errors.bad_request(f"error decoding patch: {e}") from None


def _check_fields(call: Call, struct: type[Any], patched: Any, mode: str, kind: str) -> None:
    if mode == "Ignore":
        return
    faults = fieldcheck.unknown(struct, patched)
    if faults and mode == "Strict":
        text = "Invalid value: strict decoding error: " + ", ".join(faults)
        fault = errors.FieldError("patch", "FieldValueInvalid", text)
        raise errors.invalid(kind, call.resource.group, call.route.name, [fault])
    call.warnings.extend(f for f in faults if f not in call.warnings)
