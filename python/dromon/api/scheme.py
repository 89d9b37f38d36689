"""Look-ups over the declared kinds: plural, kind or struct -> Resource.

Neighbours: dromon.api.kinds declares them; apiserver routes and client addresses by these look-ups.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

from dromon.api.kinds import RESOURCES
from dromon.api.resource import Resource
from dromon.api.types.base import Api

T = TypeVar("T", bound=Api)

_BY_PLURAL = {(r.group, r.version, r.plural): r for r in RESOURCES}
_BY_KIND = {(r.api_version, r.kind): r for r in RESOURCES}
_BY_STRUCT: dict[type[Api], Resource[Any]] = {r.struct: r for r in RESOURCES}
_BY_LIST = {(r.api_version, r.kind + "List"): r for r in RESOURCES if r.list_struct is not None}


def by_plural(group: str, version: str, plural: str) -> Resource[Any] | None:
    """The resource that a URL names, or None."""
    return _BY_PLURAL.get((group, version, plural))


def by_kind(api_version: str, kind: str) -> Resource[Any] | None:
    """The resource whose objects say `apiVersion` and `kind`, or None."""
    return _BY_KIND.get((api_version, kind))


def by_list_kind(api_version: str, kind: str) -> Resource[Any] | None:
    """The resource whose list says `apiVersion` and `kind` ("PodList"), or None."""
    return _BY_LIST.get((api_version, kind))


def of(struct: type[T]) -> Resource[T]:
    """The resource of a struct type: of(Pod).

    Raises:
        KeyError: the struct is no served kind.
    """
    return cast("Resource[T]", _BY_STRUCT[struct])


def named(name: str) -> Resource[Any] | None:
    """The resource that a person means by a plural, singular, short name or plural.group, or None.

    Core kinds win over others of the same name, as in kubectl.
    """
    name = name.lower()
    plural, _, group = name.partition(".")
    for r in RESOURCES:
        if name in (r.plural, r.singular, *r.short_names):
            return r
        if group and group == r.group and plural in (r.plural, r.singular, *r.short_names):
            return r
    return None
