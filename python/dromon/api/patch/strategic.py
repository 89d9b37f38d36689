"""Strategic merge patch: a JSON merge patch that knows the struct and merges lists by key.

Source: Kubernetes API conventions and sig-api-machinery's strategic-merge-patch. Directives in a patch:
`$patch: replace | delete | merge` in a map or in an element of a list, `$retainKeys: [...]` in a map,
`$deleteFromPrimitiveList/<list>: [...]` and `$setElementOrder/<list>: [...]` beside a list.

Neighbours: merge (the RFC's), schema (what is a struct and what is a list's key), apiserver (PATCH).
"""

from __future__ import annotations

from typing import Any

from dromon.api import errors
from dromon.api.errors import ApiError
from dromon.api.patch import schema
from dromon.api.patch.order import Ident, arrange, ident, in_order
from dromon.api.patch.schema import UNKNOWN, Field
from dromon.api.types.base import Api
from dromon.api.types.status import StatusDetails

_PATCH = "$patch"
_RETAIN_KEYS = "$retainKeys"
_DELETE_FROM = "$deleteFromPrimitiveList/"
_ORDER = "$setElementOrder/"
Doc = dict[str, Any]


def apply(doc: Doc, patch: Any, struct_type: type[Api], *, plain: bool = False) -> Doc:
    """The patched document. `doc` is left as it was; the result shares what the patch does not touch.

    Args:
        doc: the object as decoded JSON.
        patch: the patch as decoded JSON.
        struct_type: the object's struct, which tells how its lists merge.
        plain: the patch surely has neither directives nor nulls (`is_plain`); the result then shares
            parts with it, too.

    Raises:
        ApiError: 400, a directive or an element is malformed; 422, the patch contradicts itself.
    """
    if not isinstance(patch, dict):
        raise errors.bad_request("invalid JSON document")
    try:
        return (_merge_plain if plain else _merge_map)(doc, patch, Field(struct_type))
    except RecursionError:
        raise errors.bad_request("the patch is nested too deeply") from None


def is_plain(body: bytes) -> bool:
    """Whether a patch of this JSON text surely has no directives and nulls, nor escapes that hide one."""
    return b"$" not in body and b"null" not in body and b"\\u" not in body


def _merge_plain(doc: Doc, patch: Doc, of: Field) -> Doc:
    """As `_merge_map`, of a plain patch."""
    known = schema.fields(of.struct) if of.struct is not None and not of.mapping else {}
    child = Field(of.struct) if of.mapping else UNKNOWN
    result = dict(doc)
    for key, new in patch.items():
        old = result.get(key)
        if isinstance(new, dict) and isinstance(old, dict):
            result[key] = _merge_plain(old, new, known.get(key, child))
        elif isinstance(new, list) and isinstance(old, list):
            field = known.get(key, child)
            if field.merge_key is None:
                result[key] = new
            else:
                result[key] = (_merge_list_plain if field.merge_key else _merge_list)(old, new, field)
        else:
            result[key] = new
    return result


def _merge_list_plain(old: list[Any], new: list[Any], field: Field) -> list[Any]:
    """As `_merge_list`, of a plain patch and elements with a merge key."""
    key = field.merge_key or ""
    live = [_ident(item, key) for item in old]
    wanted = [_ident(item, key) for item in new]
    place = {name: at for at, name in reversed([*enumerate(live)])}
    result = [*zip(live, old, strict=True)]
    for name, item in zip(wanted, new, strict=True):
        at = place.get(name)
        if at is None:
            place[name] = len(result)
            result.append((name, item))
        else:
            result[at] = (name, _merge_plain(result[at][1], item, Field(field.struct)))
    return arrange(result, wanted, live)


def _merge_map(doc: Doc, patch: Doc, of: Field) -> Doc:
    directive = patch.get(_PATCH, "merge")
    if directive == "delete":
        return {}
    if directive == "replace":
        return _plain_map(patch)
    if directive != "merge":
        raise _bad_directive(directive)
    known = schema.fields(of.struct) if of.struct is not None and not of.mapping else {}
    child = Field(of.struct) if of.mapping else UNKNOWN
    result = _retain(dict(doc), patch)
    for key, order in patch.items():
        if key.startswith(_DELETE_FROM):
            _delete_scalars(result, key.removeprefix(_DELETE_FROM), order)
        elif key.startswith(_ORDER):
            name = key.removeprefix(_ORDER)
            _merge_in_order(result, name, patch.get(name), order, known.get(name, child))
    for key, value in patch.items():
        if key.startswith("$") and _is_directive(key):
            continue
        if value is None:
            result.pop(key, None)
        elif _ORDER + key not in patch or not isinstance(value, list):
            result[key] = _merge_value(result.get(key), value, known.get(key, child))
    return result


def _is_directive(key: str) -> bool:
    return key in (_PATCH, _RETAIN_KEYS) or key.startswith((_DELETE_FROM, _ORDER))


def _merge_value(old: Any, new: Any, field: Field) -> Any:
    if isinstance(new, dict) and isinstance(old, dict):
        return _merge_map(old, new, field)
    if isinstance(new, list) and isinstance(old, list) and field.merge_key is not None:
        return _merge_list(old, new, field)
    return _plain(new)


def _retain(result: Doc, patch: Doc) -> Doc:
    """Drop what a `$retainKeys` does not name; the patch must not add what it does not name."""
    if _RETAIN_KEYS not in patch:
        return result
    keep = patch[_RETAIN_KEYS]
    if not isinstance(keep, list):
        raise errors.bad_request("invalid patch format of retainKeys")
    if any(v is not None and not _is_directive(k) and k not in keep for k, v in patch.items()):
        raise _contradiction("patch content doesn't match retainKeys list")
    return {k: v for k, v in result.items() if k in keep}


def _delete_scalars(result: Doc, name: str, values: Any) -> None:
    if not isinstance(values, list):
        raise errors.bad_request("invalid patch format of primitive list")
    old = result.get(name)
    if isinstance(old, list):
        result[name] = [v for v in old if v not in values]


def _merge_in_order(result: Doc, name: str, patch: Any, order: Any, field: Field) -> None:
    """Merge the list `name`, then arrange it as its `$setElementOrder` says."""
    if not isinstance(order, list) or not (patch is None or isinstance(patch, list)):
        raise errors.bad_request("invalid patch format of setElementOrder list")
    key = field.merge_key or ""
    wanted = [_ident(item, key) for item in order]
    items = [_ident(item, key) for item in patch or [] if not _marked(item)]
    if not in_order(items, wanted):
        raise errors.bad_request(
            f"The order in patch list:\n{items}\n doesn't match {_ORDER}{name} list:\n{wanted}\n"
        )
    old = result.get(name)
    if not isinstance(old, list):
        if patch is not None:
            result[name] = _plain(patch)
        return
    merged = _merge_value(old, patch, field) if patch is not None else old
    live = [_ident(item, key) for item in old]
    result[name] = arrange([(_ident(item, key), item) for item in merged], wanted, live)


def _merge_list(old: list[Any], new: list[Any], field: Field) -> list[Any]:
    if any(isinstance(item, list) for item in new):
        raise _contradiction("lists of lists are not supported")
    key = field.merge_key or ""
    live = [_ident(item, key) for item in old]
    if not key:
        merged = {_ident(item, key): item for item in [*old, *new]}
        return arrange(list(merged.items()), [_ident(item, key) for item in new], live)
    kept, added, replace = _directives(old, new, key)
    if replace:
        return [_plain(item) for item in added]
    result = [(_ident(item, key), item) for item in kept]
    place: dict[Ident, int] = {}
    for position, (name, _) in enumerate(result):
        place.setdefault(name, position)
    for item in added:
        name = _ident(item, key)
        if name in place:
            at = place[name]
            result[at] = (name, _merge_map(result[at][1], item, Field(field.struct)))
        else:
            place[name] = len(result)
            result.append((name, _plain(item)))
    return arrange(result, [_ident(item, key) for item in added], live)


def _directives(old: list[Any], new: list[Any], key: str) -> tuple[list[Any], list[Any], bool]:
    """Carry out elements' `$patch`: what stays of `old`, what is to be merged, whether it replaces all."""
    added: list[Any] = []
    deleted: set[Ident] = set()
    replace = False
    for item in new:
        directive = item.get(_PATCH) if isinstance(item, dict) else None
        if directive is None:
            added.append(item)
        elif directive == "delete":
            deleted.add(_ident(item, key))
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise errors.bad_request("merging lists cannot yet be specified in the patch")
        else:
            raise _bad_directive(directive)
    return [item for item in old if _ident(item, key) not in deleted], added, replace


def _ident(item: Any, key: str) -> Ident:
    """What tells an element from the others: its merge key's value, or itself."""
    if key:
        if not isinstance(item, dict):
            raise errors.bad_request(f"expected a map with the merge key {key}, but received {item!r}")
        if key not in item:
            raise errors.bad_request(f"map: {item} does not contain declared merge key: {key}")
        item = item[key]
    if isinstance(item, dict | list):
        raise errors.bad_request(f"expected a scalar, but received {item!r}")
    return ident(item)


def _marked(item: Any) -> bool:
    return isinstance(item, dict) and _PATCH in item


def _plain(value: Any) -> Any:
    """A value that has nothing to merge with: without directives and without nulls."""
    if isinstance(value, dict):
        return {} if value.get(_PATCH) == "delete" else _plain_map(value)
    if isinstance(value, list):
        return [_plain(item) for item in value if not _marked(item)]
    return value


def _plain_map(value: Doc) -> Doc:
    return {k: _plain(v) for k, v in value.items() if v is not None and not _is_directive(k)}


def _bad_directive(directive: Any) -> ApiError:
    return errors.bad_request(f"unknown patch type: {directive}")


def _contradiction(why: str) -> ApiError:
    """422: the document can't be patched so."""
    text = "the server rejected our request due to an error in our request"
    return errors.make(422, "Invalid", f"{text}: {why}", details=StatusDetails())
