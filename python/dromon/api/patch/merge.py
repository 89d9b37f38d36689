"""JSON merge patch (RFC 7386): objects merge, null removes, anything else replaces.

Neighbours: strategic does the same and merges lists too.
"""

from __future__ import annotations

from typing import Any

from dromon.api import errors


def apply(doc: Any, patch: Any) -> Any:
    """The patched document. `doc` is left as it was; the result shares what the patch does not touch.

    Raises:
        ApiError: 400, the patch is nested too deeply.
    """
    try:
        return _merge(doc, patch)
    except RecursionError:
        raise errors.bad_request("the patch is nested too deeply") from None


def _merge(doc: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    merged = dict(doc) if isinstance(doc, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged
