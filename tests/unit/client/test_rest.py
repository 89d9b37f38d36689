"""The typed client against a scripted server: addressing, decoding, refusals, retries, watches."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from dromon.api import codec, errors
from dromon.api.errors import ApiError
from dromon.api.kinds import ENDPOINT_SLICES, NODES, PODS
from dromon.api.types.meta import ListMeta, ObjectMeta
from dromon.api.types.pod import Pod, PodList, PodSpec
from dromon.api.types.status import Status
from dromon.base.http.messages import Reply, Request, Response, Stream, StreamResponse
from dromon.base.http.server import HttpServer
from dromon.client import rest
from dromon.client.config import ClientConfig
from dromon.client.rest import Client, ConnectionFailed
from dromon.testing.clock import FakeClock

JSON = "application/json"


def pod(name: str = "a", version: str = "5") -> Pod:
    return Pod(
        metadata=ObjectMeta(name=name, namespace="d", resource_version=version), spec=PodSpec(containers=[])
    )


class Scene:
    """A server that answers from a queue of replies and remembers the requests."""

    def __init__(self) -> None:
        self.replies: list[Reply] = []
        self.requests: list[Request] = []
        self.clock = FakeClock()
        self.server = HttpServer(self._handle)

    async def _handle(self, request: Request) -> Reply:
        self.requests.append(request)
        return self.replies.pop(0)

    def json(self, obj: object, status: int = 200, **headers: str) -> None:
        self.replies.append(
            Response(
                status, codec.encode_json(obj), JSON, {k.replace("_", "-"): v for k, v in headers.items()}
            )
        )

    def client(self, **options: object) -> Client:
        config = ClientConfig(f"http://127.0.0.1:{self.server.port}/base/", token="t0ken")
        return Client(config, user_agent="test/1", clock=self.clock, **options)  # type: ignore[arg-type]

    @property
    def last(self) -> str:
        request = self.requests[-1]
        return f"{request.method} {request.target}"


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    scene = Scene()
    await scene.server.start()
    yield scene
    await scene.server.close(0.2)


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator[Client]:
    client = scene.client()
    yield client
    await client.close()


Call = Callable[[Client], Awaitable[object]]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda c: c.get(PODS, "a", "d"), "GET /base/api/v1/namespaces/d/pods/a"),
        (lambda c: c.get(NODES, "n/../x"), "GET /base/api/v1/nodes/n%2F..%2Fx"),
        (lambda c: c.create(PODS, pod()), "POST /base/api/v1/namespaces/d/pods"),
        (lambda c: c.create(PODS, pod(), namespace="e"), "POST /base/api/v1/namespaces/e/pods"),
        (
            lambda c: c.update(PODS, pod(), subresource="status"),
            "PUT /base/api/v1/namespaces/d/pods/a/status",
        ),
        (lambda c: c.patch(PODS, "a", "d", {}), "PATCH /base/api/v1/namespaces/d/pods/a"),
        (lambda c: c.delete(PODS, "a", "d"), "DELETE /base/api/v1/namespaces/d/pods/a"),
        (
            lambda c: c.get(ENDPOINT_SLICES, "a", "d"),
            "GET /base/apis/discovery.k8s.io/v1/namespaces/d/endpointslices/a",
        ),
        (
            lambda c: c.subresource("POST", PODS, "a", "d", "binding", pod(), Pod),
            "POST /base/api/v1/namespaces/d/pods/a/binding",
        ),
    ],
)
async def test_addresses(scene: Scene, client: Client, call: Call, expected: str) -> None:
    scene.json(pod())
    await call(client)
    assert scene.last == expected
    headers = scene.requests[-1].headers
    assert headers.get("authorization") == "Bearer t0ken"
    assert headers.get("user-agent") == "test/1"


async def test_list_decodes_items_and_pages(scene: Scene, client: Client) -> None:
    scene.json(PodList(metadata=ListMeta(resource_version="9", continue_="next"), items=[pod("a"), pod("b")]))
    page = await client.list(PODS, labels="app in (a,b)", fields="spec.nodeName=", limit=2)
    assert [p.metadata.name for p in page.items] == ["a", "b"]
    assert (page.resource_version, page.continue_) == ("9", "next")
    assert scene.last == (
        "GET /base/api/v1/pods?labelSelector=app+in+%28a%2Cb%29&fieldSelector=spec.nodeName%3D&limit=2"
    )


@pytest.mark.parametrize(
    ("kind", "media"),
    [
        ("strategic", "application/strategic-merge-patch+json"),
        ("merge", "application/merge-patch+json"),
        ("json", "application/json-patch+json"),
    ],
)
async def test_patches_say_what_they_are(scene: Scene, client: Client, kind: str, media: str) -> None:
    scene.json(pod())
    await client.patch(PODS, "a", "d", {"x": None}, kind=kind)
    assert scene.requests[-1].headers.get("content-type") == media
    assert scene.requests[-1].body == b'{"x":null}'


async def test_delete_carries_its_options(scene: Scene, client: Client) -> None:
    scene.json(Status())
    await client.delete(
        PODS, "a", "d", grace_period=0, propagation="Background", uid="u", resource_version="7"
    )
    body = msgspec.json.decode(scene.requests[-1].body)
    assert body == {
        "kind": "DeleteOptions",
        "apiVersion": "v1",
        "gracePeriodSeconds": 0,
        "propagationPolicy": "Background",
        "preconditions": {"uid": "u", "resourceVersion": "7"},
    }


async def test_refusals_are_api_errors(scene: Scene, client: Client) -> None:
    scene.json(errors.not_found("pods", "", "a").status, 404)
    with pytest.raises(ApiError) as error:
        await client.get(PODS, "a", "d")
    assert (error.value.code, error.value.reason, error.value.message) == (
        404,
        "NotFound",
        'pods "a" not found',
    )


async def test_answers_without_a_status_become_one(scene: Scene, client: Client) -> None:
    scene.replies.append(Response(502, b"<html>bad gateway", "text/html"))
    with pytest.raises(ApiError, match="502 Bad Gateway: <html>bad gateway"):
        await client.get(PODS, "a", "d")


async def test_retry_after_is_honoured_by_the_clock_and_bounded(scene: Scene, client: Client) -> None:
    busy = errors.too_many_requests("busy", 3).status
    for _ in range(2):
        scene.json(busy, 429, Retry_After="3")
    scene.json(pod())
    task = asyncio.create_task(client.get(PODS, "a", "d"))
    for expected in (1, 2, 3):
        while len(scene.requests) < expected:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.02)
        assert len(scene.requests) == expected
        await scene.clock.advance(3)
    assert (await task).metadata.name == "a"
    for _ in range(5):
        scene.json(busy, 503, Retry_After="0")
    with pytest.raises(ApiError, match="busy"):
        await client.get(PODS, "a", "d")
    assert scene.replies == []


async def test_a_429_without_retry_after_is_final(scene: Scene, client: Client) -> None:
    scene.json(errors.too_many_requests("busy").status, 429)
    with pytest.raises(ApiError, match="busy"):
        await client.get(PODS, "a", "d")


async def test_lost_connections_and_nonsense_are_connection_failures(scene: Scene, client: Client) -> None:
    nobody = Client(ClientConfig("http://127.0.0.1:1"))
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:1"):
        await nobody.get(PODS, "a", "d")
    with pytest.raises(ConnectionFailed):
        await nobody.watch(PODS)
    scene.replies.append(Response(200, b"not json", JSON))
    with pytest.raises(ConnectionFailed, match="not understood"):
        await client.get(PODS, "a", "d")


async def test_msgpack_is_asked_for_then_spoken(scene: Scene) -> None:
    client = scene.client(msgpack=True)
    scene.replies.append(Response(200, codec.encode_msgpack(pod()), codec.MSGPACK))
    assert (await client.get(PODS, "a", "d")) == pod()
    assert scene.requests[-1].headers.get("accept") == "application/msgpack, application/json;q=0.9"
    scene.json(pod())
    await client.update(PODS, pod())
    assert scene.requests[-1].headers.get("content-type") == codec.MSGPACK
    assert codec.decode_msgpack(Pod, scene.requests[-1].body) == pod()
    scene.json(pod())
    await client.update(PODS, pod())
    assert scene.requests[-1].headers.get("content-type") == codec.JSON, "the server fell back"
    await client.close()


def frame(type: str, obj: object, binary: bool = False) -> bytes:
    if not binary:
        return b'{"type":"%b","object":%b}\n' % (type.encode(), codec.encode_json(obj))
    data = msgspec.msgpack.encode({"type": type, "object": msgspec.Raw(codec.encode_msgpack(obj))})
    return struct.pack(">I", len(data)) + data


def streaming(scene: Scene, chunks: list[bytes], media: str = JSON) -> None:
    async def produce(stream: Stream) -> None:
        for chunk in chunks:
            stream.write(chunk)
            await stream.drain()
            await asyncio.sleep(0)

    scene.replies.append(StreamResponse(produce, content_type=media))


@pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
@pytest.mark.parametrize("size", [1, 50, 10_000])
async def test_watch_events_survive_any_split(scene: Scene, client: Client, size: int, binary: bool) -> None:
    wire = frame("ADDED", pod("ä"), binary) + frame("DELETED", pod("b", "6"), binary)
    wire += frame(
        "BOOKMARK", {"kind": "Pod", "apiVersion": "v1", "metadata": {"resourceVersion": "8"}}, binary
    )
    chunks = [wire[at : at + size] for at in range(0, len(wire), size)]
    streaming(scene, chunks, codec.MSGPACK if binary else JSON)
    seen = []
    async with await client.watch(PODS, "d", resource_version="4", timeout=9.5) as events:
        async for event in events:
            seen.append((event.type, event.object.metadata.name, event.object.metadata.resource_version))
    assert seen == [("ADDED", "ä", "5"), ("DELETED", "b", "6"), ("BOOKMARK", "", "8")]
    assert scene.last == (
        "GET /base/api/v1/namespaces/d/pods"
        "?watch=1&resourceVersion=4&allowWatchBookmarks=true&timeoutSeconds=10"
    )


async def test_an_error_event_raises_after_what_came_before(scene: Scene, client: Client) -> None:
    streaming(scene, [frame("ADDED", pod()) + frame("ERROR", errors.expired("too old").status)])
    seen = []
    stream = await client.watch(PODS)

    async def read() -> None:
        async for batch in stream.batches():
            seen.extend(event.type for event in batch)

    with pytest.raises(ApiError) as error:
        await read()
    assert seen == ["ADDED"]
    assert error.value.code == 410
    await stream.aclose()


async def test_nulls_of_other_servers_count_as_absent(scene: Scene, client: Client) -> None:
    loose = {
        "metadata": {"name": "a", "labels": None, "creationTimestamp": None},
        "spec": {"containers": None},
    }
    streaming(scene, [frame("ADDED", loose)])
    async with await client.watch(PODS) as events:
        assert [event.object.metadata.name async for event in events] == ["a"]


async def test_a_refused_watch_is_an_api_error(scene: Scene, client: Client) -> None:
    scene.json(errors.expired("too old").status, 410)
    with pytest.raises(ApiError) as error:
        await client.watch(PODS)
    assert error.value.code == 410


async def test_a_refused_watch_that_stalls_is_given_up(
    scene: Scene, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stall(stream: Stream) -> None:
        stream.write(b"{")
        await stream.closed()

    monkeypatch.setattr(rest, "REFUSAL_TIMEOUT", 0.01)
    scene.replies.append(StreamResponse(stall, 500, JSON))
    with pytest.raises(ConnectionFailed):
        await asyncio.wait_for(client.watch(PODS), 5)
