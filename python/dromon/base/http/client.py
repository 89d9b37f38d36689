"""The HTTP/1.1 client: a pool of kept-alive connections, streams with back-pressure, upgrades.

Neighbours: client.rest, the apiserver (to kubelets) and probes use it;
base.http.client_connection does the wire.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping
from types import TracebackType

from dromon.base.http import wire
from dromon.base.http.client_connection import ClientConnection, ClientResponse
from dromon.base.http.flow import ConnectionClosed, Tunnel

__all__ = ["ClientResponse", "ClientStream", "ConnectionClosed", "HttpClient"]

IDLE = 60.0
"""A pooled connection that was idle longer, in seconds, is not used again (servers close them, too)."""

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_NO_HEADERS: Mapping[str, str] = {}


class ClientStream:
    """A reply whose body is read while it comes: `async for chunk in stream`.

    Attributes:
        status: the reply's status.  headers: its header fields.
    """

    def __init__(self, client: HttpClient, connection: ClientConnection, response: ClientResponse) -> None:
        self._client = client
        self._connection = connection
        self.status = response.status
        self.headers = response.headers

    def __aiter__(self) -> ClientStream:
        return self

    async def __anext__(self) -> bytes:
        """All bytes that have arrived since the last call (at least one).

        Raises:
            ConnectionClosed: the connection was lost before the body's end.
        """
        data = await self._connection.read_body()
        if not data:
            self._client._release(self._connection)
            raise StopAsyncIteration
        return data

    async def read(self) -> bytes:
        """The rest of the body."""
        return b"".join([chunk async for chunk in self])

    async def aclose(self) -> None:
        """Leave; the connection is closed unless the body was read to its end."""
        self._connection.leave()

    async def __aenter__(self) -> ClientStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


class HttpClient:
    """One server's client.

    Args:
        host, port: the server.
        ssl_context: for HTTPS.
        max_connections: how many `request`s run at once (streams and tunnels come on top).
        connect_timeout: seconds for TCP and TLS together.
        server_hostname: the name that the server's certificate must have, `host` unless given.

    All methods raise ConnectionError (refused, lost; ConnectionClosed when the peer left), OSError (no
    such host, TLS failure), TimeoutError, or ValueError for a request that can't be written.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        ssl_context: ssl.SSLContext | None = None,
        max_connections: int = 64,
        connect_timeout: float = 5.0,
        server_hostname: str = "",
    ) -> None:
        self._host = host
        self._port = port
        self._ssl = ssl_context
        self._connect_timeout = connect_timeout
        self._server_hostname = server_hostname or host
        self._idle: list[ClientConnection] = []
        self._all: set[ClientConnection] = set()
        self._slots = asyncio.Semaphore(max_connections)
        self._host_header = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._closed = False

    async def request(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes = b"",
        timeout: float = 30.0,  # noqa: ASYNC109 - part of the seam, and no task of its own
        before_send: Callable[[], None] | None = None,
    ) -> ClientResponse:
        """Send a request and read the whole reply.

        A GET, HEAD or OPTIONS on a pooled connection that turns out to be stale is sent once more.

        Args:
            timeout: seconds for everything.
            before_send: called when a connection is there, right before the request is handed to the kernel.
                Until then nothing of it was sent; what it raises is raised, and nothing is sent.
        """
        head = self._head(method, target, headers, body)
        async with asyncio.timeout(timeout), self._slots:
            while True:
                connection, reused = await self._acquire()
                try:
                    response = await connection.exchange(head, body, method, before_send)
                except ConnectionClosed:
                    if not (reused and connection.untouched and method in _REPEATABLE):
                        raise
                    continue
                except BaseException:
                    connection.leave()
                    raise
                self._release(connection)
                return response

    async def stream(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str] = _NO_HEADERS,
        body: bytes = b"",
        timeout: float = 30.0,  # noqa: ASYNC109
        before_send: Callable[[], None] | None = None,
    ) -> ClientStream:
        """Send a request and return when the reply's head is there; the body is read from the stream.

        Args:
            timeout: seconds until the head is there.
            before_send: as `request` has it.
        """
        head = self._head(method, target, headers, body)
        while True:
            connection, reused = await self._acquire()
            try:
                async with asyncio.timeout(timeout):
                    response = await connection.begin(head, body, method, before_send)
            except ConnectionClosed:
                if not (reused and connection.untouched and method in _REPEATABLE):
                    raise
                continue
            except BaseException:
                connection.leave()
                raise
            return ClientStream(self, connection, response)

    async def upgrade(
        self,
        target: str,
        headers: Mapping[str, str],
        method: str = "GET",
        timeout: float = 30.0,  # noqa: ASYNC109
    ) -> tuple[ClientResponse, Tunnel | None]:
        """Ask for another protocol; the tunnel is None, and the response whole, when the server declines.

        Args:
            timeout: seconds until the answer is there.
        """
        head = self._head(method, target, {"Connection": "Upgrade", **headers}, b"")
        connection = await self._connect()
        try:
            async with asyncio.timeout(timeout):
                response = await connection.begin(head, b"", method)
                if response.status == 101:
                    return response, connection.tunnel()
                chunks = []
                while data := await connection.read_body():
                    chunks.append(data)
        except BaseException:
            connection.leave()
            raise
        connection.leave()
        return ClientResponse(response.status, response.headers, b"".join(chunks)), None

    async def close(self) -> None:
        """Close every connection; requests in flight raise ConnectionClosed."""
        self._closed = True
        connections = list(self._all)
        for connection in connections:
            connection.abort()
        if connections:
            await asyncio.gather(*(c.lost() for c in connections))
        self._idle.clear()

    def _head(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> bytes:
        head = wire.request(method, target, headers)
        if not any(name.lower() == "host" for name in headers):
            head += wire.field("Host", self._host_header)
        if body or method in ("POST", "PUT", "PATCH"):
            head += b"Content-Length: %d\r\n" % len(body)
        return head + b"\r\n"

    async def _acquire(self) -> tuple[ClientConnection, bool]:
        """A connection, and whether it was used before."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < IDLE:
                return connection, True
            connection.leave()
        return await self._connect(), False

    async def _connect(self) -> ClientConnection:
        if self._closed:
            raise ConnectionClosed("the client is closed")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._connect_timeout):
                _, connection = await loop.create_connection(
                    lambda: ClientConnection(self._all),
                    self._host,
                    self._port,
                    ssl=self._ssl,
                    server_hostname=self._server_hostname if self._ssl is not None else None,
                )
        except TimeoutError:
            raise TimeoutError(
                f"no connection to {self._host_header} within {self._connect_timeout:g} s"
            ) from None
        if self._closed:  # meanwhile: `close` could not see this one yet
            connection.abort()
            raise ConnectionClosed("the client is closed")
        return connection

    def _release(self, connection: ClientConnection) -> None:
        """Take a connection back whose reply is complete."""
        if not connection.usable or self._closed:
            connection.leave()
        elif not connection.idle:
            connection.idle = True
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
