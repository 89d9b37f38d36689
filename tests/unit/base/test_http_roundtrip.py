"""Server and client against each other over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from dromon.base.http.client import HttpClient
from dromon.base.http.flow import ConnectionClosed, Tunnel
from dromon.base.http.messages import Reply, Request, Response, Stream, StreamResponse, UpgradeResponse
from dromon.base.http.server import HttpServer, Limits

Serve = Callable[..., Awaitable[tuple[HttpServer, HttpClient]]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Start a server for a handler, with a client; both are closed at the end."""
    stack = contextlib.AsyncExitStack()

    async def start(handler: object, limits: Limits | None = None) -> tuple[HttpServer, HttpClient]:
        server = HttpServer(handler, limits=limits)  # type: ignore[arg-type]
        await server.start()
        client = HttpClient("127.0.0.1", server.port)
        stack.push_async_callback(server.close, 0.2)
        stack.push_async_callback(client.close)
        return server, client

    async with stack:
        yield start


async def echo(request: Request) -> Reply:
    text = f"{request.method} {request.path} {sorted(request.params.items())} {len(request.body)}"
    return Response(200, text.encode(), "text/plain", {"X-Probe": request.headers.get("X-Probe")})


async def test_plain_requests_share_one_connection(serve: Serve) -> None:
    server, client = await serve(echo)
    for _ in range(3):
        answer = await client.request("GET", "/a%20b?x=1&x=%C3%A4+2&y", {"x-probe": "p"})
        assert answer.status == 200
        assert answer.body.decode() == "GET /a b [('x', ['1', 'ä 2']), ('y', [''])] 0"
        assert answer.headers.get("x-probe") == "p"
    assert server.connections == 1


async def test_large_bodies_pass_both_ways(serve: Serve) -> None:
    async def mirror(request: Request) -> Reply:
        return Response(200, request.body)

    _, client = await serve(mirror)
    body = bytes(range(256)) * 8192
    assert (await client.request("POST", "/", body=body)).body == body


async def test_head_sends_length_but_no_body(serve: Serve) -> None:
    server, client = await serve(echo)
    for _ in range(2):
        answer = await client.request("HEAD", "/a")
        assert (answer.status, answer.body) == (200, b"")
        assert int(answer.headers.get("content-length")) > 0
    assert server.connections == 1


async def test_no_content_keeps_the_connection(serve: Serve) -> None:
    async def nothing(request: Request) -> Reply:
        return Response(204)

    server, client = await serve(nothing)
    assert [(await client.request("DELETE", "/")).status for _ in range(2)] == [204, 204]
    assert server.connections == 1


async def test_a_failing_handler_gives_500_and_the_connection_lives(serve: Serve) -> None:
    async def fail(request: Request) -> Reply:
        raise RuntimeError("secret")

    server, client = await serve(fail)
    answer = await client.request("GET", "/")
    assert answer.status == 500
    assert b"secret" not in answer.body
    assert (await client.request("GET", "/")).status == 500
    assert server.connections == 1


async def test_a_header_that_would_split_the_reply_is_refused(serve: Serve) -> None:
    async def evil(request: Request) -> Reply:
        return Response(200, headers={"X": "a\r\nSet-Cookie: b"})

    _, client = await serve(evil)
    with pytest.raises(ConnectionClosed):
        await client.request("POST", "/")
    with pytest.raises(ValueError, match="header"):
        await client.request("GET", "/", {"X": "a\nb"})


async def test_stream_arrives_as_it_is_written(serve: Serve) -> None:
    gate = asyncio.Event()

    async def produce(stream: Stream) -> None:
        stream.write(b"one")
        await gate.wait()
        stream.write(b"two")
        await stream.drain()

    async def handler(request: Request) -> Reply:
        return StreamResponse(produce, content_type="application/x")

    server, client = await serve(handler)
    async with await client.stream("GET", "/") as stream:
        assert stream.headers.get("Content-Type") == "application/x"
        assert await anext(stream) == b"one"
        gate.set()
        assert await stream.read() == b"two"
    await client.request("HEAD", "/")
    assert server.connections == 1, "a stream that was read to its end gives its connection back"


async def test_back_pressure_reaches_the_producer(serve: Serve) -> None:
    written = 0
    done = asyncio.Event()

    async def produce(stream: Stream) -> None:
        nonlocal written
        for _ in range(400):
            stream.write(b"x" * 65536)
            written += 1
            await stream.drain()
        done.set()

    async def handler(request: Request) -> Reply:
        return StreamResponse(produce)

    _, client = await serve(handler)
    stream = await client.stream("GET", "/")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(done.wait(), 0.1)
    assert written < 400
    assert len(await stream.read()) == 400 * 65536


async def test_a_peer_that_leaves_cancels_the_producer(serve: Serve) -> None:
    ended = asyncio.Event()

    async def produce(stream: Stream) -> None:
        stream.write(b"one")
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def handler(request: Request) -> Reply:
        return StreamResponse(produce)

    _, client = await serve(handler)
    stream = await client.stream("GET", "/")
    assert await anext(stream) == b"one"
    await stream.aclose()
    await asyncio.wait_for(ended.wait(), 2)


async def test_a_failing_producer_cuts_the_body_short(serve: Serve) -> None:
    async def produce(stream: Stream) -> None:
        stream.write(b"part")
        await stream.drain()
        raise RuntimeError("broken")

    async def handler(request: Request) -> Reply:
        return StreamResponse(produce)

    _, client = await serve(handler)
    with pytest.raises(ConnectionClosed):
        await (await client.stream("GET", "/")).read()


async def test_streams_take_no_place_from_requests(serve: Serve) -> None:
    async def answer(request: Request) -> Reply:
        async def endless(stream: Stream) -> None:
            stream.write(b"x")
            await stream.closed()

        return StreamResponse(endless) if request.path == "/watch" else Response(200, b"ok")

    server, _ = await serve(answer)
    client = HttpClient("127.0.0.1", server.port, max_connections=1)
    streams = [await client.stream("GET", "/watch") for _ in range(5)]
    assert (await client.request("GET", "/", timeout=5)).body == b"ok"
    for stream in streams:
        await stream.aclose()
    await client.close()


async def test_a_connection_that_comes_after_close_is_not_used(serve: Serve) -> None:
    _, client = await serve(echo)
    asking = asyncio.create_task(client.stream("GET", "/"))
    await asyncio.sleep(0)
    await client.close()
    with pytest.raises(ConnectionClosed):
        await asking
    await client.close()
    assert not client._all


async def test_close_ends_streams_properly_and_finishes_requests(serve: Serve) -> None:
    gate = asyncio.Event()
    begun = asyncio.Event()

    async def produce(stream: Stream) -> None:
        stream.write(b"one")
        await asyncio.Event().wait()

    async def handler(request: Request) -> Reply:
        if request.path == "/watch":
            return StreamResponse(produce)
        begun.set()
        await gate.wait()
        return Response(200, b"slow")

    server, client = await serve(handler)
    stream = await client.stream("GET", "/watch")
    assert await anext(stream) == b"one"
    slow = asyncio.create_task(client.request("GET", "/slow"))
    await begun.wait()
    closing = asyncio.create_task(server.close(5))
    assert await stream.read() == b"", "the watch ends as a whole body does"
    with pytest.raises(OSError):
        await HttpClient("127.0.0.1", server.port).request("GET", "/")
    gate.set()
    answer = await slow
    assert (answer.body, answer.headers.get("connection")) == (b"slow", "close")
    await closing
    assert server.connections == 0


async def test_close_cuts_what_does_not_finish(serve: Serve) -> None:
    async def handler(request: Request) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    server, client = await serve(handler)
    request = asyncio.create_task(client.request("GET", "/"))
    while not server.connections:
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    await server.close(0.02)
    with pytest.raises(ConnectionError):
        await request


async def test_upgrade_gives_a_raw_tunnel(serve: Serve) -> None:
    async def mirror(tunnel: Tunnel) -> None:
        while data := await tunnel.read():
            tunnel.write(data.upper())
            await tunnel.drain()
        tunnel.write(b"bye")

    async def handler(request: Request) -> Reply:
        return UpgradeResponse(mirror, {"Upgrade": "test"})

    _, client = await serve(handler)
    response, tunnel = await client.upgrade("/", {"Upgrade": "test"})
    assert response.status == 101
    assert tunnel is not None
    tunnel.write(b"abc")
    assert await tunnel.read() == b"ABC"
    tunnel.write_eof()
    assert await tunnel.read() == b"bye"
    assert await tunnel.read() == b""


async def test_a_declined_upgrade_gives_the_answer(serve: Serve) -> None:
    _, client = await serve(echo)
    response, tunnel = await client.upgrade("/no", {"Upgrade": "test"})
    assert tunnel is None
    assert response.body.startswith(b"GET /no")


async def test_an_upgrade_that_nobody_asked_for_is_an_error(serve: Serve) -> None:
    async def handler(request: Request) -> Reply:
        return UpgradeResponse(lambda tunnel: asyncio.sleep(0))

    _, client = await serve(handler)
    assert (await client.request("GET", "/")).status == 400


async def test_requests_time_out_and_free_their_slot(serve: Serve) -> None:
    async def handler(request: Request) -> Reply:
        if request.path == "/slow":
            await asyncio.Event().wait()
        return Response(200)

    server, _ = await serve(handler)
    client = HttpClient("127.0.0.1", server.port, max_connections=1)
    with pytest.raises(TimeoutError):
        await client.stream("GET", "/slow", timeout=0.05)
    with pytest.raises(TimeoutError):
        await client.upgrade("/slow", {"Upgrade": "x"}, timeout=0.05)
    with pytest.raises(TimeoutError):
        await client.request("GET", "/slow", timeout=0.05)
    assert (await client.request("GET", "/")).status == 200
    await client.close()


async def test_a_stale_pooled_connection_is_replaced_for_get_only(serve: Serve) -> None:
    connections = 0

    async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request a connection, and closes at the next."""
        nonlocal connections
        connections += 1
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(one_answer, "127.0.0.1", 0)
    client = HttpClient("127.0.0.1", server.sockets[0].getsockname()[1])
    assert (await client.request("GET", "/")).status == 200
    assert (await client.request("GET", "/")).status == 200
    assert connections == 2
    with pytest.raises(ConnectionClosed):
        await client.request("POST", "/")
    assert connections == 2
    await client.close()
    server.close()


async def test_refused_connections_are_connection_errors() -> None:
    client = HttpClient("127.0.0.1", 1)
    with pytest.raises(ConnectionError):
        await client.request("GET", "/")
