"""Every request's way in: who asks, what for, may they, and errors made into Status answers.

Neighbours: dromon.apiserver.server hands requests in; reads, watches, writes and subresources answer them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from dromon.api import codec, errors
from dromon.api.kinds.reviews import REVIEWS
from dromon.api.types.pod import Binding
from dromon.apiserver import body, bulk, health, impersonation, reads, reply, reviews, watches, writes
from dromon.apiserver.authn import ANONYMOUS, Authenticator, Chain, User
from dromon.apiserver.authz import Attributes, Authorizer, is_public
from dromon.apiserver.call import Call, Services, Verb
from dromon.apiserver.metrics import exposition
from dromon.apiserver.observe import Seen
from dromon.apiserver.operations import Operations
from dromon.apiserver.routes import Route, Router
from dromon.apiserver.snapshot import PATH, Snapshots
from dromon.apiserver.subresources import TABLE, binding
from dromon.base.http.messages import Reply, Request, Response
from dromon.store.interface import NotAccepted, StoreError

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

_STREAMS = frozenset(("log", "exec", "attach", "portforward"))

_READS = frozenset(("get", "list", "watch"))

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
        operations: who is served next, what is noted about it, /metrics.
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
        operations: Operations,
    ) -> None:
        self._services = services
        self._router = router
        self._health = health_checks
        self._authenticate = Chain(authenticators).authenticate
        self._authorizer = authorizer
        self._documents = documents
        self._snapshots = snapshots
        self._gate = operations.gate
        self._streams = operations.streams
        self._strangers = operations.strangers
        self._observer = operations.observer
        self._metrics = operations.metrics

    async def __call__(self, request: Request) -> Reply:
        """The reply; never raises but for cancellation."""
        seen = Seen()
        try:
            answer = await self._answer(request, seen)
        except asyncio.CancelledError:
            self._observer.left(seen, request)
            raise
        except Exception as error:
            answer = await self._refusal(request, seen, error)
        return self._observer.answered(seen, request, answer)

    async def _refusal(self, request: Request, seen: Seen, error: Exception) -> Response:
        """The answer for whatever a handler raised."""
        if isinstance(error, errors.ApiError):
            refused = error
        elif isinstance(error, codec.DecodeError):
            log.error(
                "stored object can't be read method=%s path=%s: %s", request.method, request.path, error
            )
            refused = errors.internal(f"the stored object can't be read: {error}")
        elif isinstance(error, UnicodeDecodeError):
            refused = errors.bad_request("the URL is not valid UTF-8")
        elif isinstance(error, StoreError):
            log.warning("store failed method=%s path=%s error=%s", request.method, request.path, error)
            refused = _store_refusal(error)
        else:
            log.error("request failed method=%s path=%s", request.method, request.path, exc_info=error)
            refused = errors.internal("an error on the server; its log has the details")
        seen.reason = refused.reason
        if refused.code == 401:
            await self._strangers.wait()
        return reply.refusal(refused, request.headers.get("accept"))

    async def _answer(self, request: Request, seen: Seen) -> Reply:
        path = request.path
        if not path.startswith("/api") and is_public(path):
            return self._public(request)
        user = self._authenticate(request)
        if user is ANONYMOUS:
            raise errors.unauthorized()
        if impersonation.asked(request):
            user = impersonation.become(request, user, self._authorizer)
        seen.user = user
        if path == PATH:
            return self._streams.count(user, await self._snapshots.answer(request, user))
        route = self._route(path)
        if route is None:
            return await self._carry_out(request, seen, lambda: self._document(request, user))
        seen.route = route
        verb = seen.verb = verb_of(request, route)
        self._authorize(user, request, route, verb)
        found = find(route, verb)
        if found is None:
            raise errors.method_not_allowed(request.method)
        if verb == "watch" or route.subresource in _STREAMS:
            self._streams.check(user)
        call = Call(request, user, route, self._services)
        return await self._carry_out(request, seen, lambda: found(call), call)

    async def _carry_out(
        self,
        request: Request,
        seen: Seen,
        work: Callable[[], Awaitable[Reply]],
        call: Call | None = None,
    ) -> Reply:
        """Do `work` when the gate says so."""
        gate, user, route = self._gate, seen.user, seen.route
        if route is None:
            level = gate.level(user, "get", "", "", "")
        else:
            level = gate.level(user, seen.verb, route.resource.plural, route.namespace, route.subresource)
        passing = gate.enter(level, user, request)
        if passing.waits:
            await gate.wait(passing)
        counts, reading = self._observer.requests, route is None or seen.verb in _READS
        counts.begin(reading)
        answer: Reply | None = None
        try:
            if call is not None and request.body:
                await body.read_ahead(call)
            answer = await work()
        finally:
            counts.end(reading)
            gate.leave(passing, answer)
        return answer if isinstance(answer, Response) else self._streams.count(user, answer)

    def _route(self, path: str) -> Route | None:
        """What a path under /api names; None where it names no resource."""
        if not path.startswith(("/api/", "/apis/")):
            return None
        try:
            return self._router.resolve(path)
        except errors.ApiError:
            return None

    def _public(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            raise errors.method_not_allowed(request.method)
        first = request.path.split("/")[1]
        if first == "version":
            return health.version_answer()
        return self._health.answer(request)

    async def _document(self, request: Request, user: User) -> Response:
        """Discovery, OpenAPI, metrics, or 404."""
        attributes = Attributes(request.method.lower(), request.path)
        refused = self._authorizer.authorize(user, attributes)
        if refused is not None:
            text = f'forbidden: User "{user.name}" cannot {attributes.verb} path "{request.path}"'
            raise errors.make(403, "Forbidden", f"{text}: {refused}" if refused else text)
        reading = request.method in ("GET", "HEAD")
        if reading and request.path == exposition.PATH:
            return await self._metrics.answer(request)
        answer = self._documents(request) if reading else None
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
            raise errors.forbidden(r.plural, r.group, route.name, f"{why}: {refused}" if refused else why)


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
    if r in REVIEWS:
        return reviews.create
    return _VERBS[verb]


async def _bind(call: Call) -> Reply:
    """POST to bindings: one, or a list."""
    return await (bulk.bind(call) if bulk.is_list(call) else binding.create(call))


def _store_refusal(error: StoreError) -> errors.ApiError:
    """503 where the request surely took no effect, else 504; either may be tried again soon."""
    if isinstance(error, NotAccepted):
        return errors.unavailable(f"the store does not take requests: {error}")
    text = "the store did not answer; whether the request took effect is not known"
    return errors.timeout(text, retry_after=1)
