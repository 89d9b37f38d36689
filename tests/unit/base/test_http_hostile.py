"""The server against clients that are broken, slow or malicious, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from dromon.base.http.messages import Reply, Request, Response, Stream, StreamResponse
from dromon.base.http.server import HttpServer, Limits

QUICK = Limits(
    max_body=1000, max_headers=1000, header_timeout=0.1, body_timeout=0.1, idle_timeout=0.1, write_timeout=0.1
)
PATIENT = Limits(max_body=1000, max_headers=1000)
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


async def handler(request: Request) -> Reply:
    if request.path == "/slow":
        await asyncio.sleep(0.05)
    if request.path == "/endless":

        async def produce(stream: Stream) -> None:
            while True:
                stream.write(b"x" * 65536)
                await stream.drain()

        return StreamResponse(produce)
    return Response(200, request.path.encode() + b" " + request.body)


@pytest.fixture
async def server(request: pytest.FixtureRequest) -> AsyncIterator[HttpServer]:
    server = HttpServer(handler, limits=getattr(request, "param", PATIENT))
    await server.start()
    yield server
    await server.close(0.2)


async def talk(server: HttpServer, *pieces: bytes, eof: bool = False) -> bytes:
    """Send pieces, return everything that is answered until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    with contextlib.suppress(ConnectionError):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        if eof:
            writer.write_eof()
    data = await asyncio.wait_for(reader.read(), 3)
    writer.close()
    return data


async def works(server: HttpServer) -> bool:
    """Whether a well-behaved client is served."""
    answer = await talk(server, b"GET /ok HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    return answer.startswith(b"HTTP/1.1 200") and answer.endswith(b"/ok ")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x00\x01\x02\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 2000 + b"\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n" + b"y" * 1001, 413),
    ],
)
async def test_refusals_are_answered_and_end_the_connection(
    server: HttpServer, data: bytes, status: int
) -> None:
    answer = await talk(server, data, GET)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close" in answer
    assert answer.count(b"Content-Length") == 1, "what follows is not taken as a request"
    assert await works(server)


async def test_pipelined_requests_are_answered_in_order(server: HttpServer) -> None:
    names = [b"/slow", *(b"/%d" % n for n in range(50))]
    data = b"".join(b"GET %b HTTP/1.1\r\nHost: a\r\n\r\n" % name for name in names)
    answer = await talk(server, data, b"bad\r\n\r\n")
    bodies = [part.partition(b"\r\n\r\n")[2].strip() for part in answer.split(b"HTTP/1.1 200 OK")[1:]]
    bodies[-1] = bodies[-1].split(b"HTTP")[0].strip()
    assert bodies == names
    assert answer.count(b"HTTP/1.1 400") == 1


async def test_a_thousand_pipelined_requests_at_once(server: HttpServer) -> None:
    answer = await talk(server, GET * 1000 + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert answer.count(b"HTTP/1.1 200 OK") == 1001


async def test_half_closed_clients_get_their_answer(server: HttpServer) -> None:
    assert b"/slow" in await talk(server, b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n", eof=True)


async def test_continue_is_sent_when_the_client_waits_for_it(server: HttpServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 1) == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"abc"), 1)
    writer.close()


async def test_continue_is_not_sent_for_a_body_that_is_refused(server: HttpServer) -> None:
    data = b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3000\r\n\r\n"
    answer = await talk(server, data)
    assert answer.startswith(b"HTTP/1.1 413")


async def test_http_1_0_gets_no_chunks_and_is_closed(server: HttpServer) -> None:
    answer = await talk(server, b"GET /x HTTP/1.0\r\n\r\n")
    assert answer.endswith(b"/x ")
    assert b"chunked" not in answer


@pytest.mark.parametrize("server", [QUICK], indirect=True)
@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"", b""),
        (b"GET / HT", b"HTTP/1.1 408"),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc", b"HTTP/1.1 408"),
        (GET, b"HTTP/1.1 200"),
    ],
    ids=["silent", "in the head", "in the body", "idle"],
)
async def test_whoever_dawdles_is_cut_off(server: HttpServer, data: bytes, answer: bytes) -> None:
    assert (await talk(server, data))[: len(answer)] == answer
    assert server.connections <= 1


@pytest.mark.parametrize("server", [QUICK], indirect=True)
async def test_a_slow_loris_does_not_gain_time_by_dripping(server: HttpServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GET / HTTP/1.1\r\n")

    async def drip() -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"X: y\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)

    task = asyncio.create_task(drip())
    answer = await asyncio.wait_for(reader.read(), 2)
    task.cancel()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("server", [QUICK], indirect=True)
async def test_a_peer_that_does_not_read_is_cut_off(server: HttpServer) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1024)
    writer.write(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(100):
        await asyncio.sleep(0.02)
        if server.connections == 0:
            break
    assert server.connections == 0
    writer.transport.abort()


async def test_many_broken_clients_leave_the_server_serving(server: HttpServer) -> None:
    import random

    chance = random.Random(7)
    alphabet = [
        GET,
        b"\r\n",
        b"\x00",
        b"POST / HTTP/1.1\r\n",
        b"Host: a\r\n",
        b"Content-Length: 5\r\n",
        b"abc",
    ]

    async def abuse() -> None:
        data = b"".join(chance.choices(alphabet, k=6))
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(data)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.transport.abort()

    for _ in range(10):
        await asyncio.gather(*(abuse() for _ in range(30)))
    assert await works(server)
    for _ in range(100):
        if server.connections == 0:
            break
        await asyncio.sleep(0.01)
    assert server.connections == 0
