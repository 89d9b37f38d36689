"""JSON patch (RFC 6902): a list of operations, carried out in order, all or none.

Neighbours: pointer has RFC 6901; apiserver (PATCH).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from dromon.api import errors
from dromon.api.errors import ApiError
from dromon.api.patch import pointer
from dromon.api.patch.pointer import PointerError
from dromon.api.types.status import StatusDetails

MAX_OPERATIONS = 10_000
"""Upstream's bound on the operations of one patch."""

MAX_COPIED = 3 * 1024 * 1024
"""Bytes that all "copy" operations together may add: each can double the document."""


def apply(doc: Any, ops: Any) -> Any:
    """The patched document. `doc` is left as it was; the result shares what the patch does not touch.

    Args:
        doc: the object as decoded JSON.
        ops: the patch as decoded JSON: a list of {"op", "path", "value" or "from"}.

    Raises:
        ApiError: 400, `ops` is no JSON patch; 413, it has too many operations; 422, one does not fit.
    """
    operations = _check(ops)
    copied = 0
    for op in operations:
        try:
            if op["op"] == "copy":
                copied += len(msgspec.json.encode(pointer.get(doc, op["from"])))
                if copied > MAX_COPIED:
                    raise errors.too_large(MAX_COPIED)
            doc = _OPERATIONS[op["op"]](doc, op)
        except PointerError as e:
            raise _misfit(f"{op['op']} operation does not apply: {e}") from None
        except RecursionError:
            raise errors.bad_request("the patch is nested too deeply") from None
    return doc


def _check(ops: Any) -> list[dict[str, Any]]:
    if not isinstance(ops, list):
        raise errors.bad_request("error decoding patch: a JSON patch is a list of operations")
    if len(ops) > MAX_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(ops)}"
        raise errors.make(413, "RequestEntityTooLarge", text)
    for i, op in enumerate(ops):
        if not isinstance(op, dict) or str(op.get("op")) not in _OPERATIONS:
            raise errors.bad_request(
                f"error decoding patch: operation {i} is none of {', '.join(_OPERATIONS)}"
            )
        paths = ["path", "from"] if op["op"] in ("move", "copy") else ["path"]
        if any(not isinstance(op.get(p), str) for p in paths):
            raise errors.bad_request(f"error decoding patch: operation {i} needs {' and '.join(paths)}")
        if op["op"] in ("add", "replace", "test") and "value" not in op:
            raise errors.bad_request(f"error decoding patch: operation {i} needs value")
    return ops


def _add(doc: Any, op: dict[str, Any]) -> Any:
    return pointer.add(doc, op["path"], op["value"])


def _remove(doc: Any, op: dict[str, Any]) -> Any:
    return pointer.remove(doc, op["path"])


def _replace(doc: Any, op: dict[str, Any]) -> Any:
    return pointer.replace(doc, op["path"], op["value"])


def _move(doc: Any, op: dict[str, Any]) -> Any:
    if op["path"].startswith(op["from"] + "/"):
        raise PointerError("a value can't be moved into itself")
    value = pointer.get(doc, op["from"])
    if op["path"] == op["from"]:
        return doc
    return pointer.add(pointer.remove(doc, op["from"]), op["path"], value)


def _copy(doc: Any, op: dict[str, Any]) -> Any:
    return pointer.add(doc, op["path"], pointer.get(doc, op["from"]))


def _test(doc: Any, op: dict[str, Any]) -> Any:
    if not _equal(pointer.get(doc, op["path"]), op["value"]):
        raise PointerError(f"testing value {op['path']} failed")
    return doc


def _equal(a: Any, b: Any) -> bool:
    """Equality of JSON values: unlike Python's, true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(a == b)


_OPERATIONS: dict[str, Callable[[Any, dict[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _misfit(why: str) -> ApiError:
    text = "the server rejected our request due to an error in our request"
    return errors.make(422, "Invalid", f"{text}: {why}", details=StatusDetails())
