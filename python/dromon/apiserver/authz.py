"""Who may do what: a seam, and the simplest authorizer behind it.

Anonymous requests may only see health and version. With AuthenticatedOnly every other user may do
everything; rbac is the other Authorizer.

Neighbours: dromon.apiserver.handler and reviews ask; dromon.apiserver.authn says who.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dromon.api.resource import Resource
from dromon.api.types.rbac import PolicyRule
from dromon.apiserver.authn import ANONYMOUS, User

PUBLIC_PATHS = ("/healthz", "/livez", "/readyz", "/version")
"""Open to anonymous requests, with what is below them."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What is asked.

    Attributes:
        verb: "get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"; for paths
            that name no resource the HTTP method in lower case.
        group, resource, subresource, namespace, name: "" where the path names none.
        path: the URL path.
    """

    verb: str
    path: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""


class Authorizer(Protocol):
    """Decides on one request."""

    def authorize(self, user: User, attributes: Attributes) -> str | None:
        """None when allowed, else why not ("": nothing allows it)."""
        ...

    def why(self, user: User, attributes: Attributes) -> str | None:
        """What allows a request, for people; None where nothing does."""
        ...

    def rules(self, user: User, namespace: str) -> Sequence[PolicyRule]:
        """All that a user may do in a namespace."""
        ...

    def permit(self, user: User, r: Resource[Any], namespace: str, new: Any, old: Any | None) -> None:
        """Refuse (ApiError 403) a write by which a user gives what they don't have themselves."""
        ...

    async def follow(self) -> None:
        """Keep up with what decisions follow from, until cancelled."""
        ...


EVERYTHING = (
    PolicyRule(verbs=["*"], api_groups=["*"], resources=["*"]),
    PolicyRule(verbs=["*"], non_resource_urls=["*"]),
)
"""The rules of those who may do all. Never change one in place."""


class AuthenticatedOnly:
    """Allows every authenticated user everything."""

    def authorize(self, user: User, attributes: Attributes) -> str | None:
        return "authentication is required" if user is ANONYMOUS else None

    def why(self, user: User, attributes: Attributes) -> str | None:
        return None if user == ANONYMOUS else "every authenticated user may do everything"

    def rules(self, user: User, namespace: str) -> Sequence[PolicyRule]:
        return () if user == ANONYMOUS else EVERYTHING

    def permit(self, user: User, r: Resource[Any], namespace: str, new: Any, old: Any | None) -> None:
        pass

    async def follow(self) -> None:
        """Nothing can change."""


def is_public(path: str) -> bool:
    """Whether anonymous requests may see this path."""
    return any(path == p or path.startswith(p + "/") for p in PUBLIC_PATHS)
