"""The kinds that a server has, from aggregated discovery, and the names that people use for them.

Source: API documentation, "Discovery API"; KEP-3352 (aggregated), with the older form as fallback.

Neighbours: session.catalog holds one for a command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

_AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource as discovery describes it."""

    group: str
    version: str
    kind: str
    plural: str
    singular: str
    short_names: tuple[str, ...]
    namespaced: bool
    verbs: tuple[str, ...]
    categories: tuple[str, ...]

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def display(self) -> str:
        """As names are printed: "pod", "endpointslice.discovery.k8s.io"."""
        lower = self.kind.lower()
        return f"{lower}.{self.group}" if self.group else lower

    @property
    def qualified(self) -> str:
        """The plural with its group: "endpointslices.discovery.k8s.io"."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection, an object or a subresource."""
        parts = [f"/apis/{self.group}" if self.group else "/api", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        return "/".join([*parts, self.plural, *(p for p in (name, subresource) if p)])


class Catalog:
    """All kinds of a server.

    Args:
        call: Session.call.
    """

    def __init__(self, call: Callable[..., Any]) -> None:
        self.kinds = [*self._load(call, "/api"), *self._load(call, "/apis")]

    def named(self, name: str) -> Kind | None:
        """By plural, singular, short name or kind, optionally with ".group"."""
        wanted, _, group = name.lower().partition(".")
        for kind in self.kinds:
            names = (kind.plural, kind.singular, kind.kind.lower(), *kind.short_names)
            if wanted in names and group in ("", kind.group, f"{kind.version}.{kind.group}"):
                return kind
        return None

    def of(self, api_version: str, kind: str) -> Kind | None:
        """By what a manifest says."""
        for found in self.kinds:
            if found.kind == kind and found.api_version == api_version:
                return found
        return None

    def category(self, name: str) -> list[Kind]:
        """The kinds of a category ("all")."""
        return [kind for kind in self.kinds if name in kind.categories]

    def _load(self, call: Callable[..., Any], root: str) -> Iterator[Kind]:
        answer = call("GET", root, accept=_AGGREGATED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            yield from _aggregated(answer)
        elif root == "/api":
            for version in answer["versions"]:
                yield from _plain(call("GET", f"/api/{version}"), "", version)
        else:
            for group in answer["groups"]:
                preferred = group["preferredVersion"]
                yield from _plain(
                    call("GET", f"/apis/{preferred['groupVersion']}"), group["name"], preferred["version"]
                )


def _aggregated(answer: dict[str, Any]) -> Iterator[Kind]:
    for group in answer["items"]:
        name = group.get("metadata", {}).get("name", "")
        for resource in group["versions"][0].get("resources", []):
            response = resource.get("responseKind", {})
            yield Kind(
                group=name,
                version=group["versions"][0]["version"],
                kind=response.get("kind", ""),
                plural=resource["resource"],
                singular=resource.get("singularResource", ""),
                short_names=tuple(resource.get("shortNames", ())),
                namespaced=resource["scope"] == "Namespaced",
                verbs=tuple(resource.get("verbs", ())),
                categories=tuple(resource.get("categories", ())),
            )


def _plain(answer: dict[str, Any], group: str, version: str) -> Iterator[Kind]:
    for resource in answer["resources"]:
        if "/" in resource["name"]:
            continue
        yield Kind(
            group=group,
            version=version,
            kind=resource["kind"],
            plural=resource["name"],
            singular=resource.get("singularName", ""),
            short_names=tuple(resource.get("shortNames", ())),
            namespaced=resource["namespaced"],
            verbs=tuple(resource.get("verbs", ())),
            categories=tuple(resource.get("categories", ())),
        )
