"""One request on its way through the apiserver, and what every handler of it may use.

Neighbours: dromon.apiserver.handler makes a Call; reads, writes, watches and subresources take one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from dromon.api import errors
from dromon.api.resource import Resource
from dromon.apiserver import negotiate
from dromon.apiserver.authn import User
from dromon.apiserver.authz import Authorizer
from dromon.apiserver.kubelets import Kubelets
from dromon.apiserver.registry import Registry
from dromon.apiserver.routes import Route, flag, integer
from dromon.base.clock import Clock
from dromon.base.http.messages import Reply, Request
from dromon.store.cache import CachedStore


@dataclass(frozen=True, slots=True)
class Services:
    """What handlers share.

    Attributes:
        authorizer: who may do what, beyond what the handler asks.
        token_user: whose a bearer token is; None where nobody's.
        bulk: whether bulk verbs are served; without, clients see a server as upstream's.
    """

    store: CachedStore
    registry: Registry
    clock: Clock
    random: Random
    kubelets: Kubelets
    authorizer: Authorizer
    token_user: Callable[[str], User | None]
    bulk: bool = True


@dataclass(slots=True)
class Call:
    """A request with what has been found out about it.

    Attributes:
        request: as it came.  user: who asks.  route: what for.  services: what to answer with.
        warnings: texts for Warning headers (RFC 9111's 299), gathered on the way.
        yaml_as_json: a long YAML body that was read ahead.
    """

    request: Request
    user: User
    route: Route
    services: Services
    warnings: list[str] = field(default_factory=list)
    yaml_as_json: bytes = b""

    @property
    def resource(self) -> Resource[Any]:
        return self.route.resource

    def param(self, name: str) -> str:
        """The first value of a query parameter, "" when absent."""
        values = self.request.params.get(name)
        return values[0] if values else ""

    def flag(self, name: str) -> bool:
        """A boolean query parameter; present without a value counts as true, as upstream."""
        values = self.request.params.get(name)
        return values is not None and (values[0] == "" or flag(values[0]))

    def integer(self, name: str) -> int | None:
        """An integer query parameter, None when absent. Raises ApiError 400."""
        return integer(name, self.param(name))

    @property
    def accepted(self) -> negotiate.Accepted:
        """What the client wants to read. Raises ApiError 406."""
        return negotiate.accept(self.request.headers.get("accept"))

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored. Raises ApiError 422 for values other than All."""
        values = self.request.params.get("dryRun", [])
        if any(v != "All" for v in values):
            bad = next(v for v in values if v != "All")
            fault = errors.not_supported("dryRun", bad, ["All"])
            raise errors.invalid("CreateOptions", "meta.k8s.io", "", [fault])
        return bool(values)

    def permit(self, namespace: str, new: Any, old: Any | None = None) -> None:
        """Refuse (ApiError 403) a write by which the user gives what they don't have."""
        self.services.authorizer.permit(self.user, self.resource, namespace, new, old)

    def begin_write(self) -> bool:
        """Whether nothing may be stored (dry run); refuses what could not be answered after the write.

        Raises:
            ApiError: 406 or 422.
        """
        _ = self.accepted
        return self.dry_run


Verb = Callable[[Call], Awaitable[Reply]]
