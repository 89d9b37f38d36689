"""list and watch over HTTPS: selectors, pages, revisions, streams in every form and shape."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from dromon.api import kinds
from dromon.api.resource import Resource
from dromon.base.http.client import ClientStream
from dromon.store.cache import Watcher
from dromon.testing.apiserver import RunningApiServer, running_apiserver

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture
async def api() -> AsyncIterator[RunningApiServer]:
    async with running_apiserver() as api:
        yield api


async def make(api: RunningApiServer, name: str, **labels: str) -> dict[str, Any]:
    body = {"metadata": {"name": name, "labels": labels}}
    made: dict[str, Any] = (await api.request("POST", CONFIG_MAPS, body)).json
    return made


async def names(api: RunningApiServer, query: str = "", path: str = CONFIG_MAPS) -> list[str]:
    answer = await api.request("GET", f"{path}?{query}")
    assert answer.status == 200, answer.body
    return [i["metadata"]["name"] for i in answer.json["items"]]


class Watch:
    """A watch's events, one by one."""

    def __init__(self, stream: ClientStream, packed: bool) -> None:
        self._stream = stream
        self._packed = packed
        self._data = b""

    async def next(self) -> Any:
        """The next event; None at the end of the stream."""
        while (event := self._take()) is None:
            try:
                self._data += await asyncio.wait_for(self._stream.__anext__(), 10)
            except StopAsyncIteration:
                return None
        return event

    def _take(self) -> Any:
        if self._packed:
            size = int.from_bytes(self._data[:4], "big")
            if len(self._data) < 4 or len(self._data) < 4 + size:
                return None
            event, self._data = self._data[4 : 4 + size], self._data[4 + size :]
            return msgspec.msgpack.decode(event)
        line, newline, rest = self._data.partition(b"\n")
        if not newline:
            return None
        self._data = rest
        return json.loads(line)

    async def close(self) -> None:
        await self._stream.aclose()


async def watch(api: RunningApiServer, query: str, path: str = CONFIG_MAPS, accept: str = "") -> Watch:
    headers = {"Authorization": f"Bearer {api.token}", "Accept": accept or "application/json"}
    stream = await api.http.stream("GET", f"{path}?watch=true&{query}", headers)
    assert stream.status == 200
    return Watch(stream, "msgpack" in accept)


async def test_selectors(api: RunningApiServer) -> None:
    await make(api, "a", app="x", tier="1")
    await make(api, "b", app="y")
    await make(api, "c")
    assert await names(api) == ["a", "b", "c"]
    assert await names(api, "labelSelector=app%20in%20(x,y),!tier") == ["b"]
    assert await names(api, "labelSelector=!app") == ["c"]
    assert await names(api, "fieldSelector=metadata.name%3Db") == ["b"]
    assert await names(api, "fieldSelector=metadata.name!%3Db", "/api/v1/configmaps") == ["a", "c"]
    for query in ("labelSelector=a%20b", "fieldSelector=spec.x%3D1", "fieldSelector=rubbish"):
        answer = await api.request("GET", f"{CONFIG_MAPS}?{query}")
        assert (answer.status, answer.json["reason"]) == (400, "BadRequest")
    assert (
        "field label not supported: spec.x"
        in ((await api.request("GET", f"{CONFIG_MAPS}?fieldSelector=spec.x%3D1")).json["message"])
    )


async def test_pages_show_one_revision(api: RunningApiServer) -> None:
    for name in "abcde":
        await make(api, name)
    first = (await api.request("GET", f"{CONFIG_MAPS}?limit=2")).json
    assert first["metadata"]["remainingItemCount"] == 3
    await make(api, "bb")
    await api.request("DELETE", f"{CONFIG_MAPS}/d")
    seen, token = [i["metadata"]["name"] for i in first["items"]], first["metadata"]["continue"]
    while token:
        page = (await api.request("GET", f"{CONFIG_MAPS}?limit=2&continue={token}")).json
        assert page["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        seen += [i["metadata"]["name"] for i in page["items"]]
        token = page["metadata"].get("continue", "")
    assert seen == ["a", "b", "c", "d", "e"]
    assert (await api.request("GET", f"{CONFIG_MAPS}?continue=rubbish")).status == 400


async def test_revisions(api: RunningApiServer) -> None:
    before = (await make(api, "a"))["metadata"]["resourceVersion"]
    await make(api, "b")
    assert await names(api, f"resourceVersion={before}&resourceVersionMatch=Exact") == ["a"]
    assert await names(api, f"resourceVersion={before}&resourceVersionMatch=NotOlderThan") == ["a", "b"]
    assert await names(api, "resourceVersion=0") == ["a", "b"]
    for query in ("resourceVersionMatch=Exact", "resourceVersion=1&resourceVersionMatch=Maybe"):
        assert (await api.request("GET", f"{CONFIG_MAPS}?{query}")).status == 422


async def test_watch_from_a_revision(api: RunningApiServer) -> None:
    since = (await make(api, "a", app="x"))["metadata"]["resourceVersion"]
    events = await watch(api, f"resourceVersion={since}&labelSelector=app%3Dx")
    await make(api, "b")
    await api.request("PATCH", f"{CONFIG_MAPS}/b", {"metadata": {"labels": {"app": "x"}}}, content_type=MERGE)
    await api.request("PATCH", f"{CONFIG_MAPS}/a", {"data": {"k": "v"}}, content_type=MERGE)
    await api.request("PATCH", f"{CONFIG_MAPS}/b", {"metadata": {"labels": None}}, content_type=MERGE)
    await api.request("DELETE", f"{CONFIG_MAPS}/a")
    seen = [await events.next() for _ in range(4)]
    assert [(e["type"], e["object"]["metadata"]["name"]) for e in seen] == [
        ("ADDED", "b"),
        ("MODIFIED", "a"),
        ("DELETED", "b"),
        ("DELETED", "a"),
    ]
    revisions = [int(e["object"]["metadata"]["resourceVersion"]) for e in seen]
    assert revisions == sorted(set(revisions))
    await events.close()


async def test_watch_from_now_and_of_one_object(api: RunningApiServer) -> None:
    await make(api, "a")
    await make(api, "b")
    events = await watch(api, "fieldSelector=metadata.name%3Db")
    assert (await events.next())["object"]["metadata"]["name"] == "b"
    await events.close()
    legacy = await watch(api, "", "/api/v1/watch/namespaces/default/configmaps/a")
    assert (await legacy.next())["object"]["metadata"]["name"] == "a"
    await legacy.close()


async def test_watch_list(api: RunningApiServer) -> None:
    await make(api, "a")
    query = "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    events = await watch(api, query)
    assert (await events.next())["type"] == "ADDED"
    end = await events.next()
    assert end["type"] == "BOOKMARK"
    assert end["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    await events.close()
    assert (await api.request("GET", f"{CONFIG_MAPS}?watch=1&sendInitialEvents=true")).status == 422


@pytest.mark.parametrize("revision", ["", "&resourceVersion=0"])
async def test_watch_from_now_without_initial_events(api: RunningApiServer, revision: str) -> None:
    await make(api, "a")
    query = f"sendInitialEvents=false&resourceVersionMatch=NotOlderThan{revision}"
    events = await watch(api, query)
    await make(api, "b")
    event = await events.next()
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "b")
    await events.close()


async def test_head_of_a_watch_leaves_none_behind(
    api: RunningApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Watcher] = []
    begin = api.server.store.watch

    def watch_(resource: Resource[Any], *arguments: Any, **options: Any) -> Watcher:
        watcher = begin(resource, *arguments, **options)
        if resource is kinds.CONFIG_MAPS:  # the server has watches of its own
            made.append(watcher)
        return watcher

    monkeypatch.setattr(api.server.store, "watch", watch_)
    assert (await api.request("HEAD", f"{CONFIG_MAPS}?watch=1")).status == 200
    assert [await asyncio.wait_for(w.frames(), 5) for w in made] == [b""]


async def test_watch_ends_in_time(api: RunningApiServer) -> None:
    events = await watch(api, "timeoutSeconds=1")
    assert await events.next() is None


async def test_watch_in_messagepack(api: RunningApiServer) -> None:
    events = await watch(api, "", accept="application/msgpack")
    await make(api, "a")
    event = await events.next()
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")
    await events.close()


async def test_watch_as_table(api: RunningApiServer) -> None:
    await make(api, "a")
    events = await watch(api, "", accept=TABLE)
    first = await events.next()
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "Table")
    assert first["object"]["rows"][0]["cells"][0] == "a"
    assert first["object"]["columnDefinitions"]
    await make(api, "b")
    assert (await events.next())["object"]["columnDefinitions"] == []
    await events.close()


async def test_a_watch_in_the_future_is_refused_in_the_stream(api: RunningApiServer) -> None:
    events = await watch(api, "resourceVersion=1000000")
    event = await events.next()
    assert (event["type"], event["object"]["code"]) == ("ERROR", 504)
    assert await events.next() is None


async def test_watches_end_when_the_server_stops() -> None:
    async with running_apiserver() as api:
        events = await watch(api, "")
        await api.server.close()
        assert await events.next() is None


async def test_a_store_outlives_its_server(tmp_path: Any) -> None:
    url = f"sqlite://{tmp_path}/db.sqlite"
    async with running_apiserver(store_url=url) as api:
        made = await make(api, "a")
    async with running_apiserver(store_url=url, seed=1) as api:
        assert (await api.request("GET", f"{CONFIG_MAPS}/a")).json == made
        events = await watch(api, f"resourceVersion={made['metadata']['resourceVersion']}")
        await make(api, "b")
        assert (await events.next())["object"]["metadata"]["name"] == "b"
        await events.close()
