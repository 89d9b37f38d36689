"""WebSocket (RFC 6455) over the server's and the client's tunnels; frames by wsproto.

Neighbours: base.http.messages (UpgradeResponse, Tunnel); the kubelet and apiserver serve exec by it.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence

from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from dromon.base.http.client import HttpClient
from dromon.base.http.flow import ConnectionClosed, Tunnel
from dromon.base.http.messages import Request, Response, UpgradeResponse

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

MAX_MESSAGE = 16 * 1024 * 1024
"""Bytes of one message, fragments joined; a longer one closes the connection with code 1009."""


class UpgradeDeclined(ConnectionError):
    """The server answered an upgrade with something else.

    Attributes:
        status: of the answer.  body: of the answer.
    """

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"the server declined the upgrade: {status} {body[:500].decode(errors='replace')}")
        self.status = status
        self.body = body


class WebSocket:
    """An open WebSocket: whole messages in and out; pings are answered and fragments joined inside.

    One task may receive while others send.
    """

    def __init__(self, tunnel: Tunnel, kind: ConnectionType) -> None:
        self._tunnel = tunnel
        self._connection = Connection(kind)
        self._ready: list[bytes | str] = []
        self._parts: list[bytes | str] = []
        self._size = 0
        self._ended = False

    async def receive(self) -> bytes | str | None:
        """The next message, binary as bytes and text as str; None once the connection is closed."""
        while not self._ready:
            if self._ended:
                return None
            data = await self._tunnel.read()
            if not data:
                self._ended = True
                return None
            self._take(data)
        return self._ready.pop(0)

    async def send(self, data: bytes | str) -> None:
        """Send one message, bytes as binary and str as text, and wait for room.

        Raises:
            ConnectionClosed: the connection is closed.
        """
        event = TextMessage(data=data) if isinstance(data, str) else BytesMessage(data=data)
        try:
            self._tunnel.write(self._connection.send(event))
        except LocalProtocolError:
            raise ConnectionClosed("the WebSocket is closed") from None
        await self._tunnel.drain()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Say goodbye and close (our side of the handshake; the peer's answer is not waited for)."""
        if self._connection.state is ConnectionState.OPEN:
            self._tunnel.write(self._connection.send(CloseConnection(code, reason[:120] or None)))
        self._ended = True
        self._tunnel.close()

    def _take(self, data: bytes) -> None:
        connection = self._connection
        try:
            connection.receive_data(data)
            for event in connection.events():
                if isinstance(event, TextMessage | BytesMessage):
                    self._take_part(event)
                elif isinstance(event, Ping):
                    self._tunnel.write(connection.send(event.response()))
                elif isinstance(event, CloseConnection):
                    # The peer's goodbye, or (still OPEN) wsproto's verdict on frames that break the protocol.
                    if connection.state in (ConnectionState.REMOTE_CLOSING, ConnectionState.OPEN):
                        self._tunnel.write(connection.send(event.response()))
                    self._end()
                elif isinstance(event, Pong):
                    continue
        except RemoteProtocolError as error:
            self._fail(error.event_hint if isinstance(error.event_hint, CloseConnection) else None)

    def _take_part(self, event: TextMessage | BytesMessage) -> None:
        self._parts.append(event.data if isinstance(event.data, str) else bytes(event.data))
        self._size += len(event.data)
        if self._size > MAX_MESSAGE:
            self._fail(CloseConnection(1009, "message too big"))
        elif event.message_finished:
            parts = self._parts
            self._ready.append(parts[0] if len(parts) == 1 else type(parts[0])().join(parts))  # type: ignore[arg-type]
            self._parts = []
            self._size = 0

    def _fail(self, goodbye: CloseConnection | None) -> None:
        if self._connection.state is ConnectionState.OPEN:
            self._tunnel.write(self._connection.send(goodbye or CloseConnection(1002)))
        self._end()

    def _end(self) -> None:
        self._ended = True
        self._tunnel.close()


def accept(
    request: Request, protocols: Sequence[str], handler: Callable[[WebSocket, str], Awaitable[None]]
) -> UpgradeResponse | Response:
    """The reply to a WebSocket handshake.

    Args:
        protocols: subprotocols that we speak; the first of the client's offers that is among them is
            chosen. A client that offers none gets "".
        handler: called with the socket and the chosen protocol; the socket is closed when it returns.

    Returns:
        400 or 426 with the reason where the handshake is not acceptable.
    """
    headers = request.headers
    if request.method != "GET" or headers.get("upgrade").lower() != "websocket" or not request.upgrade:
        return _declined(400, "this needs a WebSocket handshake: GET with Upgrade: websocket")
    if headers.get("sec-websocket-version") != "13":
        return _declined(426, "WebSocket version 13 is needed", {"Sec-WebSocket-Version": "13"})
    key = headers.get("sec-websocket-key")
    try:
        valid = len(base64.b64decode(key, validate=True)) == 16
    except ValueError:
        valid = False
    if not valid:
        return _declined(400, "Sec-WebSocket-Key must be 16 bytes in base64")
    offers = [p.strip() for v in headers.get_all("sec-websocket-protocol") for p in v.split(",")]
    offers = [p for p in offers if p]
    chosen = next((p for p in offers if p in protocols), "")
    if offers and not chosen:
        return _declined(400, f"none of the subprotocols {offers} is spoken: use one of {list(protocols)}")
    answer = {"Upgrade": "websocket", "Sec-WebSocket-Accept": _accept_key(key)}
    if chosen:
        answer["Sec-WebSocket-Protocol"] = chosen

    async def serve(tunnel: Tunnel) -> None:
        socket = WebSocket(tunnel, ConnectionType.SERVER)
        try:
            await handler(socket, chosen)
        except ConnectionClosed:
            pass
        except BaseException:
            await socket.close(1011)
            raise
        await socket.close()

    return UpgradeResponse(serve, answer)


async def connect(
    client: HttpClient, target: str, protocols: Sequence[str], headers: Mapping[str, str] | None = None
) -> tuple[WebSocket, str]:
    """Open a WebSocket; the socket and the subprotocol that the server chose.

    Raises:
        UpgradeDeclined: the server answered something else, or with a wrong key or protocol.
        ConnectionError, OSError, TimeoutError: as HttpClient.
    """
    key = base64.b64encode(os.urandom(16)).decode()
    wanted = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key}
    if protocols:
        wanted["Sec-WebSocket-Protocol"] = ", ".join(protocols)
    response, tunnel = await client.upgrade(target, {**(headers or {}), **wanted})
    if tunnel is None:
        raise UpgradeDeclined(response.status, response.body)
    chosen = response.headers.get("sec-websocket-protocol")
    if response.headers.get("sec-websocket-accept") != _accept_key(key) or (
        chosen and chosen not in protocols
    ):
        tunnel.close()
        raise UpgradeDeclined(response.status, b"the handshake's answer does not match")
    return WebSocket(tunnel, ConnectionType.CLIENT), chosen


def _accept_key(key: str) -> str:
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def _declined(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(status, message.encode() + b"\n", "text/plain; charset=utf-8", headers or {})
