"""The cached store over every backend: reads follow writes, lists page, watches resume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dromon.api.errors import ApiError
from dromon.api.resource import Resource, SelectableField
from dromon.api.types.pod import Pod
from dromon.store.cache import Bounds, CachedStore, Watcher
from dromon.store.interface import (
    Batch,
    Compacted,
    CompareFailed,
    Delete,
    Page,
    Put,
    StoreError,
    Unavailable,
)
from dromon.store.local import LocalStore
from dromon.store.memory import MemoryStore
from dromon.store.sqlite import SqliteStore
from dromon.testing.clock import FakeClock, settle

from .conftest import BACKENDS, Make, elapse

PODS: Resource[Pod] = Resource("", "v1", "Pod", "pods", Pod, None, fields=(SelectableField("spec.nodeName"),))
FUTURE = 10**12  # a revision that no store of these tests reaches
NODES: Resource[Any] = Resource("", "v1", "Node", "nodes", Pod, None, namespaced=False)


def backend(kind: str, path: Path, clock: FakeClock) -> LocalStore:
    return MemoryStore(clock) if kind == "memory" else SqliteStore(str(path / "db"), clock)


@pytest.fixture(params=BACKENDS)
async def cached(
    request: pytest.FixtureRequest, make_store: Make, clock: FakeClock
) -> AsyncIterator[CachedStore]:
    bounds = Bounds(queue_events=50)
    store = CachedStore(make_store(request.param), [PODS, NODES], {}, clock, bounds)
    await store.start()
    yield store
    await store.close()


def pod(name: str, *, namespace: str = "m", node: str = "", app: str = "") -> Put:
    body: dict[str, Any] = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": namespace},
    }
    if app:
        body["metadata"]["labels"] = {"app": app}
    if node:
        body["spec"] = {"nodeName": node}
    return Put(PODS.key(namespace, name), json.dumps(body, separators=(",", ":")).encode())


def names(items: list[bytes]) -> list[str]:
    return [json.loads(i)["metadata"]["name"] for i in items]


async def frames(watcher: Watcher) -> list[dict[str, Any]]:
    async with asyncio.timeout(10):
        return [json.loads(line) for line in (await watcher.frames()).splitlines()]


def told(events: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return [
        (e["type"], e["object"]["metadata"].get("name", ""), int(e["object"]["metadata"]["resourceVersion"]))
        for e in events
    ]


async def test_a_write_is_read_back(cached: CachedStore) -> None:
    revision = await cached.commit([pod("a")])
    assert cached.revision >= revision
    found = cached.get(PODS, "m", "a")
    assert found is not None
    assert json.loads(found)["metadata"]["resourceVersion"] == str(revision)
    assert cached.get(PODS, "n", "a") is None
    assert cached.count(PODS) == 1
    await cached.commit([Delete(PODS.key("m", "a"), expect=revision)])
    assert cached.get(PODS, "m", "a") is None


async def test_a_write_that_fails_says_what_is_there(cached: CachedStore) -> None:
    first = pod("a")
    revision = await cached.commit([first])
    with pytest.raises(CompareFailed) as failure:
        await cached.commit([Put(first.key, b"{}", expect=0)])
    latest = await cached.latest(first.key)
    assert failure.value.current == latest
    assert latest is not None
    assert latest.mod_revision == revision


async def test_cluster_scoped_kinds(cached: CachedStore) -> None:
    body = b'{"kind":"Node","apiVersion":"v1","metadata":{"name":"n1"}}'
    await cached.commit([Put(NODES.key("", "n1"), body)])
    assert cached.get(NODES, "", "n1") is not None
    assert json.loads((await cached.list(NODES)).body)["kind"] == "NodeList"
    assert len((await cached.objects(NODES, fields="metadata.name=n1")).items) == 1


async def test_lists_select(cached: CachedStore) -> None:
    await asyncio.gather(
        *(
            cached.commit([pod(f"p{i}", namespace="mn"[i % 2], node=f"n{i % 3}", app="ab"[i < 6])])
            for i in range(12)
        )
    )
    assert names((await cached.objects(PODS, "m", labels="app=b")).items) == ["p0", "p2", "p4"]
    assert names((await cached.objects(PODS, fields="spec.nodeName=n1")).items) == ["p10", "p4", "p1", "p7"]
    assert names((await cached.objects(PODS, "n", labels="app!=b", fields="spec.nodeName=n1")).items) == [
        "p7"
    ]
    assert (await cached.list(PODS, "none")).body.endswith(b'"items":[]}\n')


async def test_pages_are_of_one_revision(cached: CachedStore) -> None:
    for i in range(7):
        await cached.commit([pod(f"p{i}")])
    first = await cached.list(PODS, limit=3)
    assert first.remaining == 4
    assert json.loads(first.body)["metadata"] == {
        "resourceVersion": str(first.revision),
        "continue": first.continue_,
        "remainingItemCount": 4,
    }
    await cached.commit([Delete(PODS.key("m", "p4")), pod("p5", app="new"), pod("p31")])
    second = await cached.objects(PODS, limit=3, continue_=first.continue_)
    assert (names(second.items), second.revision, second.remaining) == (["p3", "p4", "p5"], first.revision, 1)
    last = await cached.objects(PODS, limit=3, continue_=second.continue_)
    assert (names(last.items), last.continue_, last.remaining) == (["p6"], "", None)
    exact = await cached.objects(PODS, revision=first.revision, exact=True)
    assert names(exact.items) == [f"p{i}" for i in range(7)]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ({"labels": "a in b"}, 400, "unable to parse requirement: found 'b' expected: '('"),
        ({"fields": "spec.x=1"}, 400, "field label not supported: spec.x"),
        ({"continue_": "%%%"}, 400, "continue key is not valid: "),
        ({"continue_": "eyJ2IjoieCIsInJ2IjoxLCJzdGFydCI6ImEifQ"}, 400, "server does not recognize"),
        ({"revision": FUTURE}, 504, f"Too large resource version: {FUTURE}, current: "),
        ({"revision": FUTURE, "exact": True}, 504, f"Too large resource version: {FUTURE}, current: "),
    ],
)
async def test_lists_that_are_refused(
    cached: CachedStore, clock: FakeClock, arguments: dict[str, Any], code: int, message: str
) -> None:
    listing = asyncio.create_task(cached.list(PODS, **arguments))
    await settle()
    await clock.advance(3.0)
    with pytest.raises(ApiError) as refusal:
        await listing
    assert refusal.value.code == code
    assert message in refusal.value.message


async def test_a_list_waits_for_a_revision_that_comes(cached: CachedStore) -> None:
    await cached.commit([pod("a")])
    listing = asyncio.create_task(cached.objects(PODS, revision=cached.revision + 1))
    await settle()
    assert not listing.done()
    await cached.commit([pod("b")])
    assert names((await listing).items) == ["a", "b"]


async def test_watch_from_a_list(cached: CachedStore) -> None:
    await cached.commit([pod("a")])
    listed = await cached.list(PODS)
    watcher = cached.watch(PODS, after=listed.revision)
    added = await cached.commit([pod("b")])
    gone = await cached.commit([Delete(PODS.key("m", "a"))])
    assert told(await frames(watcher)) == [("ADDED", "b", added), ("DELETED", "a", gone)]
    watcher.close()


async def test_watch_begins_with_what_is_there(cached: CachedStore) -> None:
    first = await cached.commit([pod("a", node="n1"), pod("b")])
    watcher = cached.watch(PODS, after=None, fields="spec.nodeName=n1")
    assert told(await frames(watcher)) == [("ADDED", "a", first)]
    second = await cached.commit([pod("b", node="n1")])
    third = await cached.commit([pod("a", node="n2")])
    assert told(await frames(watcher)) == [("ADDED", "b", second), ("DELETED", "a", third)]
    watcher.close()


async def test_a_waiting_reader_is_woken(cached: CachedStore) -> None:
    watcher = cached.watch(PODS, after=cached.revision)
    reading = asyncio.create_task(frames(watcher))
    await asyncio.sleep(0)
    revision = await cached.commit([pod("a")])
    assert told(await reading) == [("ADDED", "a", revision)]
    watcher.close()


async def test_events_one_by_one(cached: CachedStore) -> None:
    watcher = cached.watch(PODS, after=cached.revision)
    revision = await cached.commit([pod("a")])
    (event,) = await watcher.events()
    assert (event.type, event.object, event.revision) == ("ADDED", cached.get(PODS, "m", "a"), revision)
    watcher.close()


async def test_initial_events_end_with_a_bookmark(cached: CachedStore) -> None:
    for i in range(3):
        revision = await cached.commit([pod(f"p{i}")])
    watcher = cached.watch(PODS, after=revision, bookmarks=True, send_initial=True)
    events = await frames(watcher)
    assert [e["type"] for e in events] == ["ADDED"] * 3 + ["BOOKMARK"]
    end = events[-1]["object"]
    assert int(end["metadata"].pop("resourceVersion")) >= revision
    assert end == {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}},
    }
    later = await cached.commit([pod("q")])
    assert told(await frames(watcher)) == [("ADDED", "q", later)]
    watcher.close()


async def test_bookmarks_tell_how_far_a_quiet_watch_is(cached: CachedStore, clock: FakeClock) -> None:
    watcher = cached.watch(PODS, after=cached.revision, fields="spec.nodeName=none", bookmarks=True)
    reading = asyncio.create_task(frames(watcher))
    revision = await cached.commit([pod("a")])
    await elapse(clock, 30.0)
    assert not reading.done()
    await elapse(clock, 40.0)
    ((kind, _, seen),) = told(await reading)
    assert kind == "BOOKMARK"
    assert revision <= seen <= cached.revision
    watcher.close()


async def test_a_reader_that_falls_behind_is_told_to_list_again(cached: CachedStore) -> None:
    watcher = cached.watch(PODS, after=cached.revision)
    for i in range(51):
        await cached.commit([pod("a", app=str(i))])
    with pytest.raises(ApiError) as refusal:
        await watcher.frames()
    assert (refusal.value.code, refusal.value.reason) == (410, "Expired")
    watcher.close()


async def test_a_watch_from_the_future_waits_and_then_gives_up(cached: CachedStore, clock: FakeClock) -> None:
    step = -await cached.commit([pod("c")]) + await cached.commit([pod("c", app="c")])
    future = cached.revision + step
    soon = cached.watch(PODS, after=future)
    reading = asyncio.create_task(frames(soon))
    await asyncio.sleep(0)
    revisions = [await cached.commit([pod("a", app=str(i))]) for i in range(4)]
    assert told(await reading)[0][2] == min(r for r in revisions if r > future)
    never = cached.watch(PODS, after=FUTURE)
    reading = asyncio.create_task(frames(never))
    await asyncio.sleep(0)
    await elapse(clock, 4.0)
    with pytest.raises(ApiError, match=f"Too large resource version: {FUTURE}") as refusal:
        await reading
    assert refusal.value.code == 504
    soon.close()
    never.close()


async def test_watch_refuses_selectors_at_once(cached: CachedStore) -> None:
    with pytest.raises(ApiError) as refusal:
        cached.watch(PODS, after=None, labels="a b")
    assert refusal.value.code == 400


async def test_closing_ends_watches(cached: CachedStore) -> None:
    watchers = [cached.watch(PODS, after=cached.revision), cached.watch(PODS, after=FUTURE)]
    reading = [asyncio.create_task(w.frames()) for w in watchers[:1]]
    await asyncio.sleep(0)
    await cached.close()
    assert await asyncio.gather(*reading) == [b""]
    assert await watchers[1].frames() == b""
    assert await cached.watch(PODS, after=None).events() == []
    with pytest.raises(Unavailable):
        await cached.commit([pod("a")])


class Lossy(MemoryStore):
    """Loses history whenever `lose` is called; its lists fail while `broken`."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._lost = False
        self.broken = False

    def lose(self) -> None:
        self._lost = True
        self._announce()

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Batch]:
        while True:
            if self._lost:
                self._lost = False
                raise Compacted(after)
            found, seen = self._history.since(after), after
            for transaction in found:
                seen = transaction.revision
                yield Batch(transaction.revision, tuple(r.change() for r in transaction.records))
            after = seen
            if not found:
                await asyncio.shield(self._next())

    async def list(self, prefix: str, *, revision: int = 0, after: str = "", limit: int = 0) -> Page:
        if self.broken:
            raise StoreError("broken")
        return await super().list(prefix, revision=revision, after=after, limit=limit)


async def test_a_watch_that_expired_does_not_take_another_s_place_along(clock: FakeClock) -> None:
    inner = Lossy(clock)
    store = CachedStore(inner, [PODS], {}, clock)
    await store.start()
    before = store.watch(PODS, after=None)
    inner.lose()
    await settle()
    with pytest.raises(ApiError) as refusal:
        await before.frames()
    assert refusal.value.code == 410
    after = store.watch(PODS, after=None)
    reading = asyncio.create_task(frames(after))
    await settle()
    before.close()
    revision = await store.commit([pod("a")])
    assert told(await asyncio.wait_for(reading, 1)) == [("ADDED", "a", revision)]
    after.close()
    await store.close()


async def test_a_cache_that_can_t_be_read_anew_says_so(clock: FakeClock) -> None:
    inner = Lossy(clock)
    store = CachedStore(inner, [PODS], {}, clock)
    await store.start()
    inner.broken = True
    inner.lose()
    await settle()
    assert store.check() == "the cache does not follow the store: broken"
    with pytest.raises(Unavailable):
        await asyncio.wait_for(store.commit([pod("a")]), 1)
    inner.broken = False
    await elapse(clock, 2.0)
    assert store.check() is None
    assert store.get(PODS, "m", "a") is not None
    await store.close()


async def test_a_cache_that_begins_anew_serves_what_it_has_meanwhile(clock: FakeClock) -> None:
    inner = Lossy(clock)
    store = CachedStore(inner, [PODS, NODES], {}, clock)
    await store.start()
    await store.commit([pod("a"), pod("b"), pod("c", app="x")])
    inner.broken = True
    inner.lose()
    await settle()
    behind = inner.commit([Delete(PODS.key("m", "a")), pod("b", app="x"), pod("d")])
    revision = await behind
    assert names((await store.objects(PODS)).items) == ["a", "b", "c"]
    inner.broken = False
    await elapse(clock, 2.0)
    assert (names((await store.objects(PODS)).items), store.revision) == (["b", "c", "d"], revision)
    assert names((await store.objects(PODS, labels="app=x")).items) == ["b", "c"]
    assert store.count(PODS) == 3
    watcher = store.watch(PODS, after=revision)
    later = await store.commit([pod("e")])
    assert told(await frames(watcher)) == [("ADDED", "e", later)]
    watcher.close()
    await store.close()


async def test_waiting_for_the_future_leaves_nothing_behind(cached: CachedStore, clock: FakeClock) -> None:
    for revision in (FUTURE, 2 * FUTURE):
        watcher = cached.watch(PODS, after=revision)
        reading = asyncio.create_task(watcher.frames())
        await asyncio.sleep(0)
        await elapse(clock, 4.0)
        with pytest.raises(ApiError):
            await asyncio.wait_for(reading, 10)
        watcher.close()
    await settle()
    assert not cached._progress
