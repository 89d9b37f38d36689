"""The difference between two statuses as a strategic merge patch that leaves others' conditions alone.

Source: the Kubernetes documentation, "Update API objects in place using kubectl patch" (merge keys, $patch).

Neighbours: statuswriter and registration send it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from dromon.api.types.base import Api

MERGE_KEYS: Mapping[str, str] = {"conditions": "type", "addresses": "type", "podIPs": "ip", "hostIPs": "ip"}
"""Lists whose items are merged by a key; other lists are replaced."""


def status_patch(old: Api, new: Api) -> dict[str, Any]:
    """The patch of `status` that makes `old` into `new`; {} when they are equal.

    Conditions that only `old` has belong to others and stay.
    """
    before: dict[str, Any] = msgspec.to_builtins(old)
    after: dict[str, Any] = msgspec.to_builtins(new)
    patch: dict[str, Any] = {}
    for name in before.keys() | after.keys():
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if name == "conditions":
            changed = _changed(was or [], now or [])
            if changed:
                patch[name] = changed
        elif name in MERGE_KEYS and was and now:
            patch[name] = [*now, {"$patch": "replace"}]
        elif isinstance(was, dict) and isinstance(now, dict):
            patch[name] = {**{k: None for k in was if k not in now}, **_shallow(was, now)}
        else:
            patch[name] = now
    return patch


def _shallow(was: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in now.items() if was.get(k) != v}


def _changed(was: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """New and changed conditions; a key that went away is set to null."""
    before = {item["type"]: item for item in was}
    result = []
    for item in now:
        old = before.get(item["type"], {})
        if old != item:
            result.append({**{k: None for k in old if k not in item}, **item})
    return result
