"""Every request's way in: who asks, what for, may they, and errors made into Status answers.

Neighbours: dromon.apiserver.server hands requests in; reads, watches, writes and subresources answer them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from dromon.api import errors
from dromon.api.types.pod import Binding
from dromon.apiserver import body, bulk, health, reads, reply, watches, writes
from dromon.apiserver.authn import ANONYMOUS, Authenticator, Chain, User
from dromon.apiserver.authz import Attributes, Authorizer, is_public
from dromon.apiserver.call import Call, Services, Verb
from dromon.apiserver.routes import Route, Router
from dromon.apiserver.snapshot import PATH, Snapshots
from dromon.apiserver.subresources import TABLE, binding
from dromon.base.http.messages import Reply, Request, Response
from dromon.store.interface import StoreError

log = logging.getLogger(__name__)

Documents = Callable[[Request], Response | None]
"""Answers paths that describe the API (discovery, OpenAPI); None for other paths."""

_VERBS: Mapping[str, Verb] = {
    "get": reads.get,
    "list": reads.list_,
    "watch": watches.watch,
    "create": writes.create,
    "update": writes.update,
    "patch": writes.patch,
    "delete": writes.delete,
    "deletecollection": writes.deletecollection,
}

_STATUS: Mapping[str, Verb] = {"get": reads.get, "update": writes.update, "patch": writes.patch}

_METHODS = {"POST": "create", "PUT": "update", "PATCH": "patch"}


class Handler:
    """Answers requests; an instance is a base.http Handler.

    Args:
        services: what handlers share.
        router: paths to resources.
        health_checks: /healthz and its like.
        authenticators: asked in turn.
        authorizer: asked for all but public paths.
        documents: discovery and OpenAPI.
        snapshots: the whole store at once.
    """

    def __init__(
        self,
        services: Services,
        router: Router,
        health_checks: health.Health,
        authenticators: list[Authenticator],
        authorizer: Authorizer,
        documents: Documents,
        snapshots: Snapshots,
    ) -> None:
        self._services = services
        self._router = router
        self._health = health_checks
        self._authenticate = Chain(authenticators).authenticate
        self._authorizer = authorizer
        self._documents = documents
        self._snapshots = snapshots

    async def __call__(self, request: Request) -> Reply:
        """The reply; never raises but for cancellation."""
        try:
            return await self._answer(request)
        except errors.ApiError as e:
            return reply.refusal(e, request.headers.get("accept"))
        except UnicodeDecodeError:
            return reply.refusal(errors.bad_request("the URL is not valid UTF-8"))
        except StoreError as e:
            log.warning("store failed method=%s path=%s error=%s", request.method, request.path, e)
            text = "the store did not answer; whether the request took effect is not known"
            return reply.refusal(errors.timeout(text), request.headers.get("accept"))
        except Exception:
            log.exception("request failed method=%s path=%s", request.method, request.path)
            error = errors.internal("an error on the server; its log has the details")
            return reply.refusal(error, request.headers.get("accept"))

    async def _answer(self, request: Request) -> Reply:
        path = request.path
        if not path.startswith("/api") and is_public(path):
            return self._public(request)
        user = self._authenticate(request)
        if user is ANONYMOUS:
            raise errors.unauthorized()
        if path == PATH:
            return await self._snapshots.answer(request, user)
        if not path.startswith(("/api/", "/apis/")):
            return self._document(request, user)
        try:
            route = self._router.resolve(path)
        except errors.ApiError:
            return self._document(request, user)
        verb = verb_of(request, route)
        self._authorize(user, request, route, verb)
        found = find(route, verb)
        if found is None:
            raise errors.method_not_allowed(request.method)
        call = Call(request, user, route, self._services)
        await body.read_ahead(call)
        return await found(call)

    def _public(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed(request.method)
        first = request.path.split("/")[1]
        if first == "version":
            return health.version_answer()
        return self._health.answer(request)

    def _document(self, request: Request, user: User) -> Response:
        """Discovery, OpenAPI, or 404."""
        attributes = Attributes(request.method.lower(), request.path)
        refused = self._authorizer.authorize(user, attributes)
        if refused is not None:
            text = f'forbidden: User "{user.name}" cannot {attributes.verb} path "{request.path}"'
            raise errors.make(403, "Forbidden", f"{text}: {refused}")
        answer = self._documents(request) if request.method in ("GET", "HEAD") else None
        if answer is None:
            raise errors.path_not_found()
        return answer

    def _authorize(self, user: User, request: Request, route: Route, verb: str) -> None:
        r = route.resource
        refused = self._authorizer.authorize(
            user,
            Attributes(verb, request.path, r.group, r.plural, route.subresource, route.namespace, route.name),
        )
        if refused is not None:
            what = r.plural + (f"/{route.subresource}" if route.subresource else "")
            where = f'in the namespace "{route.namespace}"' if route.namespace else "at the cluster scope"
            why = f'User "{user.name}" cannot {verb} resource "{what}" in API group "{r.group}" {where}'
            raise errors.forbidden(r.plural, r.group, route.name, f"{why}: {refused}")


def verb_of(request: Request, route: Route) -> str:
    """The API verb of a request. Raises ApiError 405 for methods that are none."""
    method = request.method
    single = bool(route.name or route.subresource)
    if method in ("GET", "HEAD"):
        if route.watch:
            return "watch"
        if single:
            return "get"
        values = request.params.get("watch") if request.query else None
        return "watch" if values and values[0].lower() not in ("false", "0") else "list"
    if method == "DELETE":
        return "delete" if single else "deletecollection"
    if method in _METHODS:
        return _METHODS[method]
    raise errors.method_not_allowed(method)


def find(route: Route, verb: str) -> Verb | None:
    """Who answers this verb on what the route names; None where nobody does."""
    r: Any = route.resource
    if route.subresource == "status":
        return _STATUS.get(verb) if route.name or verb == "patch" else None
    if route.subresource:
        return TABLE.get(route.subresource, {}).get(verb) if route.name else None
    if verb not in r.verbs:
        return None
    if (verb == "create" and route.name) or (verb in ("update", "patch") and not route.name):
        return None
    if r.struct is Binding:
        return _bind
    return _VERBS[verb]


async def _bind(call: Call) -> Reply:
    """POST to bindings: one, or a list."""
    return await (bulk.bind(call) if bulk.is_list(call) else binding.create(call))
