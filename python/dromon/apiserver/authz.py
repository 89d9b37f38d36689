"""Who may do what: a seam, and the one authorizer that there is.

Every authenticated user may do everything; anonymous requests may only see health and version. RBAC is
another Authorizer behind the same seam.

Neighbours: dromon.apiserver.handler asks; dromon.apiserver.authn says who.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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
        """None when allowed, else why not."""
        ...


class AuthenticatedOnly:
    """Allows every authenticated user everything."""

    def authorize(self, user: User, attributes: Attributes) -> str | None:
        return "authentication is required" if user is ANONYMOUS else None


def is_public(path: str) -> bool:
    """Whether anonymous requests may see this path."""
    return any(path == p or path.startswith(p + "/") for p in PUBLIC_PATHS)
