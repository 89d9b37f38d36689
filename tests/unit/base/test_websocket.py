"""WebSocket between our server and client, and frames that a hostile peer sends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, Ping, TextMessage

from dromon.base.http import websocket
from dromon.base.http.client import HttpClient
from dromon.base.http.messages import Reply, Request
from dromon.base.http.server import HttpServer
from dromon.base.http.websocket import UpgradeDeclined, WebSocket

Handler = Callable[[WebSocket, str], Awaitable[None]]


@pytest.fixture
async def serve() -> AsyncIterator[Callable[[Handler], Awaitable[HttpClient]]]:
    stack = contextlib.AsyncExitStack()

    async def start(handler: Handler) -> HttpClient:
        async def accept(request: Request) -> Reply:
            return websocket.accept(request, ["v5", "v4"], handler)

        server = HttpServer(accept)
        await server.start()
        client = HttpClient("127.0.0.1", server.port)
        stack.push_async_callback(server.close, 0.2)
        stack.push_async_callback(client.close)
        return client

    async with stack:
        yield start


async def echo(socket: WebSocket, protocol: str) -> None:
    while (message := await socket.receive()) is not None:
        await socket.send(message)


async def test_text_and_binary_round_trip(serve: Callable[[Handler], Awaitable[HttpClient]]) -> None:
    client = await serve(echo)
    socket, protocol = await websocket.connect(client, "/", ["v4", "v5"])
    assert protocol == "v4", "the client's first choice that the server speaks"
    for message in ("häh", b"\x00\xff", "", b"", b"x" * 300_000):
        await socket.send(message)
        assert await asyncio.wait_for(socket.receive(), 2) == message
    await socket.close()
    assert await socket.receive() is None


async def test_the_handlers_end_closes_the_socket(serve: Callable[[Handler], Awaitable[HttpClient]]) -> None:
    async def once(socket: WebSocket, protocol: str) -> None:
        await socket.send(f"protocol {protocol!r}")

    client = await serve(once)
    socket, protocol = await websocket.connect(client, "/", [])
    assert protocol == ""
    assert await socket.receive() == "protocol ''"
    assert await asyncio.wait_for(socket.receive(), 2) is None


async def test_the_server_sees_the_clients_close(serve: Callable[[Handler], Awaitable[HttpClient]]) -> None:
    seen: list[object] = []
    done = asyncio.Event()

    async def watch(socket: WebSocket, protocol: str) -> None:
        seen.append(await socket.receive())
        done.set()

    client = await serve(watch)
    socket, _ = await websocket.connect(client, "/", ["v5"])
    await socket.close()
    await asyncio.wait_for(done.wait(), 2)
    assert seen == [None]


async def test_an_unknown_protocol_is_declined(serve: Callable[[Handler], Awaitable[HttpClient]]) -> None:
    client = await serve(echo)
    with pytest.raises(UpgradeDeclined) as error:
        await websocket.connect(client, "/", ["v99"])
    assert error.value.status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Upgrade": "websocket", "Sec-WebSocket-Version": "12"}, 426),
        ({"Upgrade": "websocket", "Sec-WebSocket-Version": "13"}, 400),
        ({"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "abc"}, 400),
        ({"Upgrade": "SPDY/3.1"}, 400),
    ],
)
async def test_bad_handshakes(
    serve: Callable[[Handler], Awaitable[HttpClient]], headers: dict[str, str], status: int
) -> None:
    client = await serve(echo)
    response, tunnel = await client.upgrade("/", headers)
    assert tunnel is None
    assert response.status == status


KEY = {"Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}


async def test_fragments_are_joined_around_pings(serve: Callable[[Handler], Awaitable[HttpClient]]) -> None:
    client = await serve(echo)
    _, tunnel = await client.upgrade("/", KEY)
    assert tunnel is not None
    peer = Connection(ConnectionType.CLIENT)
    for event in (
        TextMessage(data="one ", message_finished=False),
        Ping(payload=b"p"),
        TextMessage(data="two"),
        BytesMessage(data=b"bin"),
    ):
        for byte in peer.send(event):
            tunnel.write(bytes([byte]))
    got: list[object] = []
    while len(got) < 3:
        peer.receive_data(await asyncio.wait_for(tunnel.read(), 2))
        got += [getattr(e, "payload", None) or getattr(e, "data", None) for e in peer.events()]
    assert [bytes(g) if isinstance(g, bytearray | bytes) else g for g in got] == [b"p", "one two", b"bin"]
    tunnel.close()


async def test_protocol_errors_close_the_socket(serve: Callable[[Handler], Awaitable[HttpClient]]) -> None:
    client = await serve(echo)
    _, tunnel = await client.upgrade("/", KEY)
    assert tunnel is not None
    tunnel.write(b"\xff\xff\xff\xff")
    answer = await asyncio.wait_for(tunnel.read(), 2)
    assert answer[:1] == b"\x88", "a close frame"
    assert await asyncio.wait_for(tunnel.read(), 2) == b""


async def test_endless_messages_are_cut(
    serve: Callable[[Handler], Awaitable[HttpClient]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket, "MAX_MESSAGE", 1000)
    client = await serve(echo)
    socket, _ = await websocket.connect(client, "/", ["v5"])
    await socket.send(b"x" * 2000)
    assert await asyncio.wait_for(socket.receive(), 2) is None
