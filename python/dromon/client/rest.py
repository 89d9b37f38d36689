"""Typed requests to the API: one method a verb, by a kind's declaration.

Works against any server of the API: JSON always, MessagePack where it was asked for and the server speaks it.

Neighbours: client.servers carries, client.watch reads watches, client.refusals reads refusals.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from dromon.api import codec
from dromon.api.errors import ApiError
from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.api.types.meta import ListMeta
from dromon.api.types.status import DeleteOptions, Preconditions
from dromon.base.clock import Clock, SystemClock
from dromon.base.http.client import ClientResponse
from dromon.client.config import ClientConfig
from dromon.client.refusals import from_response
from dromon.client.servers import Guard, NotAllowed, Servers, failed
from dromon.client.watch import ConnectionFailed, WatchEvent, WatchStream

__all__ = [
    "ApiError",
    "Client",
    "ConnectionFailed",
    "Guard",
    "ListResult",
    "NotAllowed",
    "WatchEvent",
    "WatchStream",
]

T = TypeVar("T", bound=Api)

PATCH_TYPES = {
    "strategic": "application/strategic-merge-patch+json",
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
}

ATTEMPTS = 5
"""How often a request is sent that the server answers with Retry-After (429, 503)."""

REFUSAL_TIMEOUT = 30.0
"""Seconds in which a refusal of a watch must be there, once it has begun."""

LONGEST_WAIT = 30.0
"""A Retry-After of more seconds is waited for only so long."""


@dataclass(frozen=True, slots=True)
class ListResult(Generic[T]):
    """A page of objects.

    Attributes:
        items: in the order of their keys.
        resource_version: what the page shows; watch from here.
        continue_: give it to the next `list` for the next page; "": this was the last.
    """

    items: list[T]
    resource_version: str
    continue_: str = ""


class _Page(Api, Generic[T]):
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[T] = []


@cache
def _page_of(kind: type[Any]) -> type[Any]:
    return _Page[kind]  # type: ignore[valid-type]


class Client:
    """A server's API.

    Args:
        config: where it is and who we are.
        user_agent: how we name ourselves.
        max_connections: how many requests run at once (watches come on top).
        msgpack: prefer MessagePack where the server speaks it.
        timeout: seconds for an ordinary request (lists have longer).
        guard: asked right before a request that changes something leaves (client.servers).
        clock: for waits that the server asks for.

    Of several servers in the config one is used until it fails (client.servers).

    Every method raises ApiError (the server refused) or ConnectionFailed (it can't be reached, did not
    answer in time, or what it said was no answer; its kind NotAllowed: the guard let nothing leave).
    """

    def __init__(
        self,
        config: ClientConfig,
        *,
        user_agent: str = "",
        max_connections: int = 64,
        msgpack: bool = False,
        timeout: float = 30.0,
        guard: Guard | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.config = config
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._servers = Servers(config, max_connections, guard)
        self._timeout = timeout
        self.guarded = guard is not None
        accept = f"{codec.MSGPACK}, {codec.JSON};q=0.9" if msgpack else codec.JSON
        self._headers = {"Accept": accept, "User-Agent": user_agent or "dromon"}
        if config.token:
            self._headers["Authorization"] = f"Bearer {config.token}"
        self._msgpack_proven = False
        self.lacks: set[str] = set()
        """Extensions that the server was found not to have (client.bulk)."""

    @classmethod
    def from_kubeconfig(cls, path: str | Path, *, user_agent: str = "", **options: Any) -> Client:
        """A client for a kubeconfig's current context; ConfigError when the file can't be used."""
        return cls(ClientConfig.load(path), user_agent=user_agent, **options)

    async def get(self, resource: Resource[T], name: str, namespace: str = "") -> T:
        """One object."""
        response = await self._send("GET", _path(resource, namespace, name))
        return self._decode(response, resource.struct)

    async def list(
        self,
        resource: Resource[T],
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_: str = "",
        resource_version: str = "",
    ) -> ListResult[T]:
        """A page of a collection, the whole of it without `limit`; namespace "": all of them."""
        query = {
            "labelSelector": labels,
            "fieldSelector": fields,
            "limit": str(limit) if limit else "",
            "continue": continue_,
            "resourceVersion": resource_version,
        }
        response = await self._send("GET", _path(resource, namespace), query, timeout=120.0)
        page = self._decode(response, _page_of(resource.struct))
        return ListResult(page.items, page.metadata.resource_version, page.metadata.continue_)

    async def create(self, resource: Resource[T], obj: T, *, namespace: str = "") -> T:
        """Create an object; the namespace is the object's own unless given."""
        path = _path(resource, namespace or _meta(obj).namespace)
        return self._decode(await self._send("POST", path, body=obj), resource.struct)

    async def update(self, resource: Resource[T], obj: T, *, subresource: str = "") -> T:
        """Replace an object (409 Conflict unless its resourceVersion is the newest, where it has one)."""
        meta = _meta(obj)
        path = _path(resource, meta.namespace, meta.name, subresource)
        return self._decode(await self._send("PUT", path, body=obj), resource.struct)

    async def patch(
        self,
        resource: Resource[T],
        name: str,
        namespace: str,
        patch: Any,
        *,
        kind: str = "strategic",
        subresource: str = "",
    ) -> T:
        """Change parts of an object.

        Args:
            patch: what encodes as the patch's JSON (dicts and lists, or structs).
            kind: "strategic", "merge" (RFC 7386) or "json" (RFC 6902).
        """
        path = _path(resource, namespace, name, subresource)
        response = await self._send("PATCH", path, body=patch, content_type=PATCH_TYPES[kind])
        return self._decode(response, resource.struct)

    async def delete(
        self,
        resource: Resource[Any],
        name: str,
        namespace: str = "",
        *,
        grace_period: int | None = None,
        propagation: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> None:
        """Delete an object.

        Args:
            grace_period: seconds; None: the kind's default.
            propagation: "Orphan", "Background" or "Foreground"; "": the kind's default.
            uid, resource_version: delete only if these are the object's (else 409 Conflict).
        """
        conditions = None
        if uid or resource_version:
            conditions = Preconditions(uid=uid or None, resource_version=resource_version or None)
        options = DeleteOptions(
            grace_period_seconds=grace_period,
            propagation_policy=propagation or None,
            preconditions=conditions,
        )
        await self._send("DELETE", _path(resource, namespace, name), body=options)

    async def subresource(
        self,
        method: str,
        resource: Resource[Any],
        name: str,
        namespace: str,
        subresource: str,
        body: Api | None,
        answer: type[T],
    ) -> T:
        """A request to a subresource (binding, scale, eviction); the answer as a struct of that type."""
        response = await self._send(method, _path(resource, namespace, name, subresource), body=body)
        return self._decode(response, answer)

    async def watch(
        self,
        resource: Resource[T],
        namespace: str = "",
        *,
        labels: str = "",
        fields: str = "",
        resource_version: str = "",
        bookmarks: bool = True,
        timeout: float | None = None,  # noqa: ASYNC109 - the server's, sent as timeoutSeconds
    ) -> WatchStream[T]:
        """Open a watch: `async with await client.watch(...) as events: async for event in events`.

        Args:
            resource_version: every change after it; "": the present objects as ADDED, then changes.
            bookmarks: ask for BOOKMARK events now and then.
            timeout: seconds until the server ends the watch; None: the server's choice.
        """
        query = {
            "watch": "1",
            "labelSelector": labels,
            "fieldSelector": fields,
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true" if bookmarks else "",
            "timeoutSeconds": str(max(1, math.ceil(timeout))) if timeout is not None else "",
        }
        target = _target(_path(resource, namespace), query)
        try:
            stream = await self._servers.stream("GET", target, self._headers)
            if stream.status != 200:
                async with stream, asyncio.timeout(REFUSAL_TIMEOUT):
                    body = await stream.read()
                raise from_response(ClientResponse(stream.status, stream.headers, body))
        except ConnectionFailed:
            raise
        except OSError as error:
            raise failed(self._servers.current, error) from error
        binary = _media_type(stream.headers.get("content-type")) == codec.MSGPACK
        return WatchStream(stream, resource.struct, binary)

    async def exchange(
        self,
        method: str,
        path: str,
        body: Any,
        answer: type[T],
        *,
        query: Mapping[str, str] | None = None,
        content_type: str = "",
    ) -> T:
        """A request that no kind declares (client.bulk), sent again as others are; the answer as a struct."""
        response = await self._send(method, path, query, body=body, content_type=content_type)
        return self._decode(response, answer)

    async def raw(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109
    ) -> ClientResponse:
        """Any request, its answer as it came (also refusals; no retries)."""
        target = _target(path, query or {})
        return await self._servers.request(
            method, target, {**self._headers, **(headers or {})}, body, timeout
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._servers.close()

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Any = None,
        content_type: str = "",
        timeout: float = 0.0,  # noqa: ASYNC109
    ) -> ClientResponse:
        """Send, wait and send again where the server asks for it, raise refusals."""
        target = _target(path, query) if query else path
        headers, data = self._headers, b""
        if body is not None:
            if self._msgpack_proven and not content_type:
                data, content_type = codec.encode_msgpack(body), codec.MSGPACK
            else:
                data = codec.encode_json(body)
            headers = {**headers, "Content-Type": content_type or codec.JSON}
        for attempt in range(1, ATTEMPTS + 1):
            response = await self._servers.request(method, target, headers, data, timeout or self._timeout)
            if response.status < 300:
                return response
            wait = _retry_after(response)
            if wait is None or attempt == ATTEMPTS:
                break
            await self._clock.sleep(min(wait, LONGEST_WAIT))
        raise from_response(response)

    def _decode(self, response: ClientResponse, kind: type[T]) -> T:
        binary = _media_type(response.headers.get("content-type")) == codec.MSGPACK
        self._msgpack_proven = binary
        try:
            return (codec.decode_msgpack if binary else codec.decode_json)(kind, response.body)
        except codec.DecodeError as error:
            raise ConnectionFailed(f"{self._servers.current}: answer not understood: {error}") from error


def _target(path: str, query: Mapping[str, str]) -> str:
    text = urlencode({k: v for k, v in query.items() if v})
    return f"{path}?{text}" if text else path


def _path(resource: Resource[Any], namespace: str = "", name: str = "", subresource: str = "") -> str:
    return resource.path(quote(namespace, safe=""), quote(name, safe=""), subresource)


def _meta(obj: Any) -> Any:
    return obj.metadata


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _retry_after(response: ClientResponse) -> float | None:
    """Seconds to wait before sending again; None: don't."""
    if response.status not in (429, 503):
        return None
    try:
        return max(0.0, float(response.headers.get("retry-after")))
    except ValueError:
        return None
