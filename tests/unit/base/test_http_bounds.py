"""What a server holds is bounded: connections, request bodies, replies that nobody reads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from dromon.base.http.budget import FREE, Budget
from dromon.base.http.messages import Handler, Request, Response
from dromon.base.http.parser import Limits, Refusal, RequestParser
from dromon.base.http.sending import SLICE, WRITE_BUFFER
from dromon.base.http.server import HttpServer

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"x" * (32 * 1024 * 1024)


@contextlib.asynccontextmanager
async def serving(
    handler: Handler, *, limits: Limits | None = None, max_connections: int = 0
) -> AsyncIterator[HttpServer]:
    server = HttpServer(handler, limits=limits, max_connections=max_connections)
    await server.start()
    try:
        yield server
    finally:
        await server.close(0.1)


async def connect(server: HttpServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    writer.write(GET)
    return await reader.readuntil(b"\r\n\r\n")


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def empty(_request: Request) -> Response:
    return Response()


async def test_the_longest_idle_connection_makes_room() -> None:
    async with serving(empty, max_connections=2) as server:
        first, second = await connect(server), await connect(server)
        await ask(*first)
        await ask(*second)
        await ask(*first)
        third = await connect(server)
        assert (await ask(*third)).startswith(b"HTTP/1.1 200")
        assert (await ask(*first)).startswith(b"HTTP/1.1 200")
        with contextlib.suppress(ConnectionError):
            assert await second[0].read() == b""
        for _, writer in (first, second, third):
            writer.close()


async def test_busy_connections_make_no_room() -> None:
    release = asyncio.Event()

    async def wait(_request: Request) -> Response:
        await release.wait()
        return Response()

    async with serving(wait, max_connections=1) as server:
        reader, writer = await connect(server)
        writer.write(GET)
        await until(lambda: any(not c.idle for c in server._connections))
        late = await connect(server)
        with contextlib.suppress(ConnectionError):
            assert await late[0].read() == b""
        assert server.refused == 1
        release.set()
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        late[1].close()
        writer.close()


async def test_a_reply_that_nobody_reads_waits_as_it_is() -> None:
    """The transport gets slices, not the whole; `sent` is told when the peer has taken all, or is gone."""
    told: list[str] = []

    async def handler(request: Request) -> Response:
        response = Response(200, LARGE)
        response.sent = lambda: told.append(request.path)
        return response

    async with serving(handler) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
        writer.write(GET.replace(b"/ ", b"/read "))
        await reader.readuntil(b"\r\n\r\n")
        (connection,) = server._connections
        await until(lambda: connection._flow.paused)
        assert connection._transport.get_write_buffer_size() <= SLICE + WRITE_BUFFER
        assert told == []
        assert await reader.readexactly(len(LARGE)) == LARGE
        await until(lambda: told == ["/read"])
        writer.write(GET.replace(b"/ ", b"/left "))
        await until(lambda: connection._flow.paused)
        writer.transport.abort()
        await until(lambda: told == ["/read", "/left"])


def post(size: int) -> bytes:
    return b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size


def test_bodies_share_a_bound_that_small_ones_are_free_of() -> None:
    budget = Budget(100_000)
    parsers = [RequestParser(Limits(), budget=budget) for _ in range(4)]
    parsers[0].feed(post(90_000) + b"x" * 40_000)
    parsers[1].feed(post(60_000) + b"x" * 60_000)
    assert budget.used == 100_000
    parsers[2].feed(post(FREE) + b"x" * FREE)
    assert isinstance(parsers[2].items[0], Request)
    parsers[3].feed(post(FREE + 1) + b"x" * (FREE + 1))
    assert isinstance(refusal := parsers[3].items[0], Refusal)
    assert refusal.status == 429
    parsers[0].release()
    assert budget.used == 60_000
    parsers[1].items.clear()
    parsers[1].done(60_000)
    parsers[3].release()
    assert budget.used == 0


def test_a_body_in_pieces_is_counted_once() -> None:
    budget = Budget(100_000)
    parser = RequestParser(Limits(), budget=budget)
    parser.feed(post(50_000))
    for _ in range(50):
        parser.feed(b"x" * 1000)
    assert budget.used == 50_000
    request = parser.items.popleft()
    assert isinstance(request, Request)
    parser.release()
    assert budget.used == 50_000  # whoever handles it gives it back
    parser.done(len(request.body))
    assert budget.used == 0


async def test_the_bound_on_bodies_over_the_wire() -> None:
    async with serving(empty, limits=Limits(max_bodies=100_000)) as server:
        reader, writer = await connect(server)
        writer.write(post(200_000) + b"x" * 150_000)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 429")
        writer.close()
        await until(lambda: server.connections == 0)
        assert server.body_bytes == 0
        reader, writer = await connect(server)
        writer.write(post(90_000) + b"x" * 90_000)
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert server.body_bytes == 0
        writer.close()
