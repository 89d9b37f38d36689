"""From a URL path to what it names: group, version, namespace, resource, object, subresource.

Source: Kubernetes API concepts, "Resource URIs".

Neighbours: dromon.apiserver.handler routes by it; dromon.api.kinds.RESOURCES is the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dromon.api.errors import bad_request, path_not_found
from dromon.api.resource import Resource

_INTEGER = re.compile(r"[+-]?[0-9]+")


@dataclass(frozen=True, slots=True)
class Route:
    """What a path names.

    Attributes:
        resource: the kind's declaration.
        namespace: "" for cluster-scoped kinds and for all namespaces.
        name: "" for the collection.
        subresource: "" or one that the resource declares.
        watch: whether it was a (deprecated) /watch/ path.
    """

    resource: Resource[Any]
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    watch: bool = False


class Router:
    """Resolves paths under /api and /apis.

    Args:
        resources: every resource that is served.
    """

    def __init__(self, resources: Iterable[Resource[Any]]) -> None:
        self._by_plural = {(r.group, r.version, r.plural): r for r in resources}

    def resolve(self, path: str) -> Route:
        """The route that `path` (percent-decoded) names.

        Raises:
            ApiError: 404 where nothing is served.
        """
        parts = path.split("/")
        if parts[-1] == "":
            parts.pop()
        if len(parts) > 3 and parts[1] == "api":
            group, version, rest = "", parts[2], parts[3:]
        elif len(parts) > 4 and parts[1] == "apis":
            group, version, rest = parts[2], parts[3], parts[4:]
        else:
            raise path_not_found()
        if "" in rest or ".." in rest:
            raise path_not_found()
        watch = rest[0] == "watch" and len(rest) > 1
        if watch:
            rest = rest[1:]
        return self._inside(group, version, rest, watch)

    def _inside(self, group: str, version: str, rest: list[str], watch: bool) -> Route:
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            inner = self._by_plural.get((group, version, rest[2]))
            if inner is not None and inner.namespaced:
                namespace, rest = rest[1], rest[2:]
        resource = self._by_plural.get((group, version, rest[0]))
        if resource is None or len(rest) > 3:
            raise path_not_found()
        name = rest[1] if len(rest) > 1 else ""
        subresource = rest[2] if len(rest) > 2 else ""
        if subresource and subresource not in resource.subresources:
            raise path_not_found()
        if name and resource.namespaced and not namespace:
            # /api/v1/pods/status: the status of many pods, patched by a list (dromon.apiserver.bulk).
            if subresource or name not in resource.subresources:
                raise path_not_found()
            name, subresource = "", name
        return Route(resource, namespace, name, subresource, watch)


def flag(value: str) -> bool:
    """A boolean query parameter as upstream reads it: present and neither "false" nor "0"."""
    return value.lower() not in ("", "false", "0")


def integer(name: str, value: str) -> int | None:
    """An integer query parameter (64 bits), None when absent.

    Raises:
        ApiError: 400 for anything else.
    """
    if not value:
        return None
    if not _INTEGER.fullmatch(value):
        raise bad_request(f'{name}: strconv.ParseInt: parsing "{value}": invalid syntax')
    if len(value) > 20 or not -(2**63) <= int(value) < 2**63:
        raise bad_request(f'{name}: strconv.ParseInt: parsing "{value}": value out of range')
    return int(value)
