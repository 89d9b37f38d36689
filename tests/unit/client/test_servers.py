"""Several servers: which request goes to the next one, and which must not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable

import pytest

from dromon.api import codec, errors
from dromon.api.errors import ApiError
from dromon.api.kinds import PODS
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.base.http.messages import Reply, Request, Response, Stream, StreamResponse
from dromon.base.http.server import HttpServer
from dromon.client.config import ClientConfig
from dromon.client.rest import Client, ConnectionFailed, NotAllowed
from dromon.testing.clock import FakeClock

JSON = "application/json"
POD = Pod(metadata=ObjectMeta(name="a", namespace="d", resource_version="7"), spec=PodSpec(containers=[]))


class Server:
    """Answers with POD; `break_off` ends connections in the middle of an answer, `status` is refused with."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.break_off = False
        self.status = 200
        self.http = HttpServer(self._handle)

    async def _handle(self, request: Request) -> Reply:
        self.requests.append(f"{request.method} {request.target}")
        if self.break_off:
            return StreamResponse(self._half)
        if self.status != 200:
            return Response(self.status, codec.encode_json(errors.unavailable("no").status), JSON)
        if "watch=1" in request.query:
            return StreamResponse(self._watch, content_type=JSON)
        return Response(200, codec.encode_json(POD), JSON)

    async def _half(self, stream: Stream) -> None:
        raise RuntimeError("broken off by the test")

    async def _watch(self, stream: Stream) -> None:
        stream.write(b'{"type":"ADDED","object":%b}\n' % codec.encode_json(POD))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http.port}"


@pytest.fixture
async def servers() -> AsyncIterator[tuple[Server, Server]]:
    made = (Server(), Server())
    for server in made:
        await server.http.start()
    yield made
    for server in made:
        await server.http.close(0.2)


Connect = Callable[..., Client]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    made: list[Client] = []

    def client(*urls: str, **options: object) -> Client:
        config = ClientConfig(urls[0], others=urls[1:])
        made.append(Client(config, clock=FakeClock(), **options))  # type: ignore[arg-type]
        return made[-1]

    yield client
    for each in made:
        await each.close()


def nobody() -> str:
    """The URL of a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


async def test_what_was_not_sent_goes_to_the_next_server(
    servers: tuple[Server, Server], connect: Connect
) -> None:
    client = connect(nobody(), servers[1].url)
    await client.create(PODS, POD)
    await client.get(PODS, "a", "d")
    async with await client.watch(PODS, resource_version="7") as events:
        assert [event.object.metadata.name async for event in events] == ["a"]
    assert [line.split()[0] for line in servers[1].requests] == ["POST", "GET", "GET"]
    assert "resourceVersion=7" in servers[1].requests[-1]


async def test_a_read_that_breaks_off_goes_to_the_next_server(
    servers: tuple[Server, Server], connect: Connect
) -> None:
    servers[0].break_off = True
    client = connect(servers[0].url, servers[1].url)
    assert (await client.get(PODS, "a", "d")).metadata.name == "a"
    assert len(servers[0].requests) == 1


async def test_a_write_that_may_have_arrived_is_not_sent_again(
    servers: tuple[Server, Server], connect: Connect
) -> None:
    servers[0].break_off = True
    client = connect(servers[0].url, servers[1].url)
    with pytest.raises(ConnectionFailed):
        await client.create(PODS, POD)
    assert (len(servers[0].requests), servers[1].requests) == (1, [])
    await client.create(PODS, POD)
    assert len(servers[1].requests) == 1, "but the next one goes elsewhere"


async def test_the_server_in_use_is_kept(servers: tuple[Server, Server], connect: Connect) -> None:
    client = connect(servers[0].url, servers[1].url)
    for _ in range(3):
        await client.get(PODS, "a", "d")
    assert (len(servers[0].requests), len(servers[1].requests)) == (3, 0)


async def test_503_moves_on_once_however_many_asked(servers: tuple[Server, Server], connect: Connect) -> None:
    servers[0].status = 503
    client = connect(servers[0].url, servers[1].url)
    refused = await asyncio.gather(*(client.get(PODS, "a", "d") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(error, ApiError) for error in refused)
    assert (await client.get(PODS, "a", "d")).metadata.name == "a"
    assert len(servers[1].requests) == 1


async def test_none_answers(connect: Connect) -> None:
    urls = [nobody(), nobody(), nobody()]
    client = connect(*urls)
    with pytest.raises(ConnectionFailed, match=urls[2]):
        await client.create(PODS, POD)
    with pytest.raises(ConnectionFailed):
        await client.watch(PODS)


async def test_the_guard_stops_writes_alone_and_on_every_server(
    servers: tuple[Server, Server], connect: Connect
) -> None:
    def refuse() -> None:
        raise NotAllowed("the lease is lost")

    client = connect(servers[0].url, servers[1].url, guard=refuse)
    for write in (
        client.create(PODS, POD),
        client.update(PODS, POD),
        client.patch(PODS, "a", "d", {}),
        client.delete(PODS, "a", "d"),
        client.subresource("POST", PODS, "a", "d", "binding", POD, Pod),
        client.raw("POST", "/api/v1/pods", body=b"{}"),
    ):
        with pytest.raises(NotAllowed, match="the lease is lost"):
            await write
    assert servers[0].requests == servers[1].requests == []
    assert (await client.get(PODS, "a", "d")).metadata.name == "a"
