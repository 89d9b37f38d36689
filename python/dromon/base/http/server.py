"""The HTTP/1.1 server.

Neighbours: base.http.connection does the work of each connection; the apiserver and the kubelet serve by it.
"""

from __future__ import annotations

import asyncio
import ssl

from dromon.base.http.connection import Connection, Refuse
from dromon.base.http.messages import Handler, Response
from dromon.base.http.parser import Limits

__all__ = ["HttpServer", "Limits", "default_refuse"]

BACKLOG = 1024


def default_refuse(status: int, message: str) -> Response:
    """The answer to a broken request, as plain text."""
    return Response(status, message.encode() + b"\n", "text/plain; charset=utf-8")


class HttpServer:
    """Serves `handler` until closed.

    Args:
        handler: makes the reply to each request; an exception is logged and answered with 500.
        host: address to listen on.
        port: 0: any free one; `port` tells which after `start`.
        ssl_context: for HTTPS; with verify_mode CERT_OPTIONAL requests carry client certificates.
        limits: what one connection may take.
        refuse: (status, message) -> the answer to requests that never reach the handler, and to those
            whose handler failed.
    """

    def __init__(
        self,
        handler: Handler,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        ssl_context: ssl.SSLContext | None = None,
        limits: Limits | None = None,
        refuse: Refuse = default_refuse,
    ) -> None:
        self._handler = handler
        self._host = host
        self._port = port
        self._ssl = ssl_context
        self._limits = limits if limits is not None else Limits()
        self._refuse = refuse
        self._connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._empty: asyncio.Event | None = None
        self._closing = False

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._connections)

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address is in use, or may not be used.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._connect,
            self._host,
            self._port,
            ssl=self._ssl,
            ssl_handshake_timeout=self._limits.header_timeout if self._ssl is not None else None,
            backlog=BACKLOG,
        )
        self._port = self._server.sockets[0].getsockname()[1]
        limits = self._limits
        shortest = min(
            limits.header_timeout, limits.body_timeout, limits.idle_timeout, limits.write_timeout, 2.0
        )
        self._interval = shortest / 4
        self._sweep = loop.call_later(self._interval, self._check)

    async def close(self, grace: float = 5.0) -> None:
        """Stop listening, end streams, let requests in flight finish for `grace` seconds, cut the rest."""
        self._closing = True
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.stop()
        if self._connections:
            self._empty = asyncio.Event()
            try:
                async with asyncio.timeout(grace):
                    await self._empty.wait()
            except TimeoutError:
                tasks = [connection.abort() for connection in list(self._connections)]
                await asyncio.gather(*tasks, return_exceptions=True)
        if self._sweep is not None:
            self._sweep.cancel()
            self._sweep = None

    def _connect(self) -> Connection:
        return Connection(self._handler, self._limits, self._refuse, self._register)

    def _register(self, connection: Connection, alive: bool) -> None:
        if alive:
            self._connections.add(connection)
            if self._closing:
                connection.stop()
            return
        self._connections.discard(connection)
        if self._empty is not None and not self._connections:
            self._empty.set()

    def _check(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for connection in list(self._connections):
            connection.check(now)
        self._sweep = loop.call_later(self._interval, self._check)
