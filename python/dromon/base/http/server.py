"""The HTTP/1.1 server.

Neighbours: base.http.acceptor takes connections, base.http.connection does the work of each; the apiserver
and the kubelet serve by it.
"""

from __future__ import annotations

import asyncio
import ssl

from dromon.base.http.acceptor import Acceptor
from dromon.base.http.budget import Budget
from dromon.base.http.connection import Connection, Refuse
from dromon.base.http.messages import Handler, Response
from dromon.base.http.parser import Limits

__all__ = ["HttpServer", "Limits", "default_refuse"]


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
        max_connections: how many may be open; beyond it the one that was idle longest makes room, and
            where none is idle the newcomer is closed. 0: as many as the system allows.
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
        max_connections: int = 0,
    ) -> None:
        self._handler = handler
        self._host = host
        self._port = port
        self._ssl = ssl_context
        self._limits = limits if limits is not None else Limits()
        self._refuse = refuse
        self._connections: set[Connection] = set()
        self._max_connections = max_connections
        self._budget = Budget(self._limits.max_bodies)
        self._acceptor: Acceptor | None = None
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

    @property
    def refused(self) -> int:
        """How many connections were closed because there was no room."""
        return self._acceptor.refused if self._acceptor is not None else 0

    @property
    def body_bytes(self) -> int:
        """Bytes of request bodies that are held, small ones not counted."""
        return self._budget.used

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address is in use, or may not be used.
        """
        loop = asyncio.get_running_loop()
        self._acceptor = Acceptor(
            self._connect,
            self._room,
            ssl_context=self._ssl,
            handshake_timeout=self._limits.header_timeout,
        )
        self._port = await self._acceptor.listen(self._host, self._port)
        limits = self._limits
        shortest = min(
            limits.header_timeout, limits.body_timeout, limits.idle_timeout, limits.write_timeout, 2.0
        )
        self._interval = shortest / 4
        self._sweep = loop.call_later(self._interval, self._check)

    async def close(self, grace: float = 5.0) -> None:
        """Stop listening, end streams, let requests in flight finish for `grace` seconds, cut the rest."""
        self._closing = True
        if self._acceptor is not None:
            self._acceptor.close()
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
        return Connection(self._handler, self._limits, self._refuse, self._register, self._budget)

    def _room(self) -> bool:
        """Whether one more connection may be taken; one that idles is closed for it."""
        if not self._max_connections or len(self._connections) < self._max_connections:
            return True
        idle = [connection for connection in self._connections if connection.idle]
        if idle:
            min(idle, key=lambda connection: connection.deadline).evict()
        return bool(idle)

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
