"""One or several servers of one cluster: requests go to the one in use until it fails, then to the next.

A request is sent once more, to another server, only when that can do no harm: nothing of it had left this
process, or it is one that changes nothing. Else ConnectionFailed leaves open whether it took effect.

Neighbours: client.rest sends everything through it; base.http.client is one server's connections.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from dromon.base.http.client import ClientResponse, ClientStream, HttpClient
from dromon.client.config import ClientConfig
from dromon.client.watch import ConnectionFailed

log = logging.getLogger(__name__)

R = TypeVar("R")

HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

Guard = Callable[[], None]
"""Raises NotAllowed when we may not change anything (any more)."""


class NotAllowed(ConnectionFailed):
    """The guard said no: the request was not sent, and no other server would do."""


@dataclass(frozen=True, slots=True)
class _Server:
    url: str
    base: str
    http: HttpClient


class _Sending:
    """What one attempt tells: whether it was allowed, and whether it may have left."""

    __slots__ = ("_guard", "begun")

    def __init__(self, guard: Guard | None) -> None:
        self._guard = guard
        self.begun = False

    def __call__(self) -> None:
        if self._guard is not None:
            self._guard()
        self.begun = True


class Servers:
    """See the module.

    Args:
        config: where they are, the preferred one first, and who we are.
        max_connections: to each.
        guard: asked right before a request that changes something is handed to the kernel, after every wait.
    """

    def __init__(self, config: ClientConfig, max_connections: int, guard: Guard | None = None) -> None:
        self._guard = guard
        self._servers = [_connect(replace(config, server=url), max_connections) for url in config.servers]
        self._current = 0

    @property
    def current(self) -> str:
        """The URL of the server in use."""
        return self._servers[self._current].url

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> ClientResponse:
        """Send and read the whole answer, which may be a refusal.

        Args:
            path: with the query, below the server's URL.
            seconds: for each attempt.

        Raises:
            NotAllowed: the guard refused.
            ConnectionFailed: no server answered.
        """

        async def send(server: _Server, before: _Sending) -> ClientResponse:
            target = server.base + path
            answer = await server.http.request(method, target, headers, body, seconds, before_send=before)
            self._heed(server, answer.status)
            return answer

        return await self._any(method, send)

    async def stream(
        self, method: str, path: str, headers: Mapping[str, str], seconds: float = 30.0
    ) -> ClientStream:
        """Send and return when the answer's head is there; arguments and errors as `request` has them."""

        async def send(server: _Server, before: _Sending) -> ClientStream:
            target = server.base + path
            answer = await server.http.stream(method, target, headers, timeout=seconds, before_send=before)
            self._heed(server, answer.status)
            return answer

        return await self._any(method, send)

    async def _any(self, method: str, send: Callable[[_Server, _Sending], Awaitable[R]]) -> R:
        harmless = method in HARMLESS
        left = len(self._servers)
        while True:
            server = self._servers[self._current]
            sending = _Sending(None if harmless else self._guard)
            try:
                return await send(server, sending)
            except NotAllowed:
                raise
            except OSError as error:
                failure = failed(server.url, error)
                self._leave(server)
                left -= 1
                if not left or (sending.begun and not harmless):
                    raise failure from error

    def _heed(self, server: _Server, status: int) -> None:
        """A server that starts, stops or has lost its store says 503: the next try is another's."""
        if status == 503:
            self._leave(server)

    def _leave(self, server: _Server) -> None:
        """Use the next one from now on; of several requests that failed together, one moves us on."""
        if len(self._servers) > 1 and server is self._servers[self._current]:
            self._current = (self._current + 1) % len(self._servers)
            log.info("going on with another server", extra={"left": server.url, "now": self.current})

    async def close(self) -> None:
        """Close all connections."""
        for server in self._servers:
            await server.http.close()


def failed(url: str, error: OSError) -> ConnectionFailed:
    """The failure of a request to this server."""
    text = str(error) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
    return ConnectionFailed(f"{url}: {text}")


def _connect(config: ClientConfig, max_connections: int) -> _Server:
    http = HttpClient(
        config.host,
        config.port,
        ssl_context=config.ssl_context(),
        max_connections=max_connections,
        server_hostname=config.server_name,
    )
    return _Server(config.server, config.base_path, http)
