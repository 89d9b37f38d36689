"""Client-side apply: what the last apply said, what this one says, what the server has -> what shall be.

A field that the last manifest had and this one lacks is removed; what somebody else set stays. Lists merge by
the same keys as a strategic merge patch (Kubernetes documentation, "How apply calculates differences").

Neighbours: dromon.cli.verbs.apply; schema knows the nested structs and merge keys.
"""

from __future__ import annotations

from typing import Any

from dromon.api.patch import schema
from dromon.api.types.base import Api

Json = dict[str, Any]


def merge(original: Json, modified: Json, current: Json, struct: type[Api] | None) -> Json:
    """The object that shall be; none of the arguments is changed.

    Args:
        original: the manifest of the last apply, {} for none.
        modified: the manifest of this one.
        current: the object as the server has it.
        struct: its type; None where it isn't known: lists are then replaced.
    """
    fields = schema.fields(struct) if struct is not None else {}
    out = {k: v for k, v in current.items() if k in modified or k not in original}
    for key, wanted in modified.items():
        if wanted is None:
            out.pop(key, None)
            continue
        field = fields.get(key)
        inner = field.struct if field else None
        before, now = original.get(key), out.get(key)
        if isinstance(wanted, dict) and isinstance(now, dict):
            before = before if isinstance(before, dict) else {}
            if field is not None and field.mapping:
                out[key] = _mapping(before, wanted, now, inner)
            else:
                out[key] = merge(before, wanted, now, inner)
        elif isinstance(wanted, list) and isinstance(now, list) and field and field.merge_key is not None:
            before = before if isinstance(before, list) else []
            if field.merge_key:
                out[key] = _elements(before, wanted, now, field.merge_key, inner)
            else:
                out[key] = wanted + [v for v in now if v not in wanted and v not in before]
        else:
            out[key] = wanted
    return out


def _mapping(original: Json, modified: Json, current: Json, struct: type[Api] | None) -> Json:
    """A map of any keys, whose values are of type `struct`."""
    out = {k: v for k, v in current.items() if k in modified or k not in original}
    for key, wanted in modified.items():
        now = out.get(key)
        if struct is not None and isinstance(wanted, dict) and isinstance(now, dict):
            out[key] = merge(original.get(key) or {}, wanted, now, struct)
        else:
            out[key] = wanted
    return out


def _elements(
    original: list[Any], modified: list[Any], current: list[Any], key: str, struct: type[Api] | None
) -> list[Any]:
    """A list merged by `key`: this manifest's elements in its order, then those that others added."""

    def by_key(elements: list[Any]) -> dict[Any, Json]:
        return {e.get(key): e for e in elements if isinstance(e, dict)}

    before, now = by_key(original), by_key(current)
    wanted = by_key(modified)
    out = [merge(before.get(k, {}), e, now[k], struct) if k in now else e for k, e in wanted.items()]
    return out + [e for k, e in now.items() if k not in wanted and k not in before]
