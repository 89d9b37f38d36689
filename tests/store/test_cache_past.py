"""What the cache does not remember is served from the store: older lists, and watches that resume."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from dromon.api.errors import ApiError
from dromon.store.cache import Bounds, CachedStore, Watcher
from dromon.store.interface import Delete
from dromon.testing.clock import FakeClock

from .conftest import BACKENDS, Make
from .test_cache import NODES, PODS, backend, frames, names, pod, told

SMALL = Bounds(ring_events=3)
"""A cache that remembers hardly anything."""

Restart = Callable[[], "asyncio.Future[CachedStore]"]


@pytest.fixture(params=BACKENDS)
async def forgetful(
    request: pytest.FixtureRequest, make_store: Make, clock: FakeClock
) -> AsyncIterator[CachedStore]:
    store = CachedStore(make_store(request.param), [PODS, NODES], {}, clock, SMALL)
    await store.start()
    yield store
    await store.close()


async def change(store: CachedStore, times: int) -> list[int]:
    """Changes that push everything before them out of the ring."""
    return [await store.commit([pod("other", app=str(i))]) for i in range(times)]


async def drain(watcher: Watcher, count: int) -> list[tuple[str, str, int]]:
    found: list[tuple[str, str, int]] = []
    while len(found) < count:
        found += told(await frames(watcher))
    return found


async def test_a_list_at_a_revision_that_the_ring_has_lost(forgetful: CachedStore) -> None:
    store = forgetful
    await store.commit([pod("a", app="x"), pod("b"), pod("a", namespace="n", app="x")])
    then = await store.commit([pod("c", app="x")])
    await store.commit([Delete(PODS.key("m", "a")), pod("b", app="x")])
    await change(store, 5)
    exact = await store.objects(PODS, revision=then, exact=True)
    assert (names(exact.items), exact.revision) == (["a", "b", "c", "a"], then)
    assert names((await store.objects(PODS, "m", revision=then, exact=True)).items) == ["a", "b", "c"]
    found = await store.objects(PODS, labels="app=x", revision=then, exact=True)
    assert names(found.items) == ["a", "c", "a"]
    found = await store.objects(PODS, "m", fields="metadata.name!=a", revision=then, exact=True)
    assert names(found.items) == ["b", "c"]
    assert (await store.objects(NODES, revision=then, exact=True)).items == []


async def test_pages_go_on_when_the_ring_has_lost_their_revision(forgetful: CachedStore) -> None:
    store = forgetful
    for i in range(7):
        await store.commit([pod(f"p{i}")])
    first = await store.objects(PODS, limit=3)
    await store.commit([Delete(PODS.key("m", "p3")), Delete(PODS.key("m", "p6")), pod("p0a")])
    await change(store, 5)
    second = await store.objects(PODS, limit=3, continue_=first.continue_)
    assert (names(second.items), second.revision, second.remaining) == (["p3", "p4", "p5"], first.revision, 1)
    last = await store.list(PODS, limit=3, continue_=second.continue_)
    assert (last.continue_, last.remaining, last.revision) == ("", None, first.revision)
    assert b'"p6"' in last.body


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
async def test_pages_by_selectors(forgetful: CachedStore, limit: int) -> None:
    store = forgetful
    for i in range(20):
        await store.commit([pod(f"p{i:02}", app="x" if i % 3 == 0 else "y")])
    first = await store.objects(PODS, labels="app=x", limit=limit)
    await asyncio.gather(*(store.commit([Delete(PODS.key("m", f"p{i:02}"))]) for i in range(20)))
    seen, page = names(first.items), first
    while page.continue_:
        page = await store.objects(PODS, labels="app=x", limit=limit, continue_=page.continue_)
        assert 0 < len(page.items) <= limit
        assert (page.revision, page.remaining) == (first.revision, None)
        seen += names(page.items)
    assert seen == [f"p{i:02}" for i in range(0, 20, 3)]


async def test_a_page_whose_revision_the_store_has_lost(forgetful: CachedStore) -> None:
    store = forgetful
    await store.commit([pod(f"p{i}") for i in range(4)])
    first = await store.list(PODS, limit=2)
    await change(store, 5)
    await store.backend.compact(store.revision)
    with pytest.raises(ApiError) as refusal:
        await store.list(PODS, limit=2, continue_=first.continue_)
    assert (refusal.value.code, refusal.value.reason) == (410, "Expired")
    assert refusal.value.message.startswith("The provided continue parameter is too old to display")
    with pytest.raises(ApiError) as too_old:
        await store.list(PODS, revision=first.revision, exact=True)
    assert too_old.value.message == "The resourceVersion for the provided list is too old."
    # The refusal has a token to go on with, at the newest revision.
    rest = await store.objects(PODS, limit=2, continue_=refusal.value.status.metadata.continue_)
    assert (names(rest.items), rest.revision) == (["p2", "p3"], store.revision)


async def test_pages_go_on_across_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    store = await opened(tmp_path, clock)
    for i in range(5):
        await store.commit([pod(f"p{i}")])
    first = await store.objects(PODS, limit=2)
    await store.commit([Delete(PODS.key("m", "p3"))])
    await store.close()
    store = await opened(tmp_path, clock)
    rest = await store.objects(PODS, continue_=first.continue_)
    assert (names(rest.items), rest.revision) == (["p2", "p3", "p4"], first.revision)
    await store.close()


async def opened(path: Path, clock: FakeClock, bounds: Bounds | None = None) -> CachedStore:
    store = CachedStore(backend("sqlite", path, clock), [PODS, NODES], {}, clock, bounds)
    await store.start()
    return store


async def test_a_watch_from_before_the_ring(forgetful: CachedStore) -> None:
    store = forgetful
    first = await store.commit([pod("a", node="n1")])
    moved = await store.commit([pod("a", node="n2")])
    second = await store.commit([pod("b", node="n1")])
    third = await store.commit([Delete(PODS.key("m", "a"))])
    others = await change(store, 6)
    everything = store.watch(PODS, after=first)
    one_node = store.watch(PODS, "m", after=first, fields="spec.nodeName=n1")
    nothing = store.watch(PODS, "elsewhere", after=first)
    reading = asyncio.create_task(frames(nothing))
    last = await store.commit([pod("c", node="n1")])
    assert await drain(everything, 10) == [
        ("MODIFIED", "a", moved),
        ("ADDED", "b", second),
        ("DELETED", "a", third),
        ("ADDED", "other", others[0]),
        *(("MODIFIED", "other", r) for r in others[1:]),
        ("ADDED", "c", last),
    ]
    assert await drain(one_node, 3) == [
        ("DELETED", "a", moved),
        ("ADDED", "b", second),
        ("ADDED", "c", last),
    ]
    elsewhere = await store.commit([pod("z", namespace="elsewhere")])
    assert told(await reading) == [("ADDED", "z", elsewhere)]
    for watcher in (everything, one_node, nothing):
        watcher.close()


async def test_a_long_past_comes_in_pieces(forgetful: CachedStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dromon.store.missed.PIECE", 500)
    monkeypatch.setattr("dromon.store.missed.BACKFILL", 10)
    store = forgetful
    start = store.revision
    revisions = await change(store, 60)
    watcher = store.watch(PODS, after=start)
    pieces: list[list[tuple[str, str, int]]] = []
    while sum(map(len, pieces)) < 60:
        pieces.append(told(await frames(watcher)))
        revisions += await change(store, 1)  # the ring moves on under the reader
    found = list(itertools.chain.from_iterable(pieces))
    while len(found) < len(revisions):
        found += told(await frames(watcher))
    assert [r for *_, r in found] == revisions
    assert max(map(len, pieces)) < 20
    watcher.close()


async def test_events_from_before_the_ring(forgetful: CachedStore) -> None:
    start = forgetful.revision
    revisions = await change(forgetful, 6)
    watcher = forgetful.watch(PODS, after=start)
    events = await watcher.events()
    while len(events) < 6:
        events += await watcher.events()
    assert [(e.type, e.revision) for e in events] == list(
        zip(["ADDED", *["MODIFIED"] * 5], revisions, strict=True)
    )
    watcher.close()


async def test_watchers_that_resume_together_read_the_log_once(tmp_path: Path, clock: FakeClock) -> None:
    store = await opened(tmp_path, clock)
    start = store.revision
    revisions = await change(store, 20)
    await store.close()
    store = await opened(tmp_path, clock)
    reads = 0
    history = store.backend.history

    def counted(prefix: str, after: int, upto: int) -> AsyncIterator[object]:
        nonlocal reads
        reads += 1
        return history(prefix, after, upto)

    store.backend.history = counted  # type: ignore[method-assign, assignment]
    watchers = [store.watch(PODS, after=start) for _ in range(50)]
    for found in await asyncio.gather(*map(frames, watchers)):
        assert [r for *_, r in told(found)] == revisions
    assert reads == 1
    for watcher in watchers:
        watcher.close()
    await store.close()


async def test_watches_resume_across_a_restart(tmp_path: Path, clock: FakeClock) -> None:
    store = CachedStore(backend("sqlite", tmp_path, clock), [PODS], {}, clock)
    await store.start()
    first = await store.commit([pod("a", node="n1")])
    second = await store.commit([pod("a", node="n2"), pod("b")])
    third = await store.commit([Delete(PODS.key("m", "a"))])
    await store.close()
    store = CachedStore(backend("sqlite", tmp_path, clock), [PODS], {}, clock)
    await store.start()
    assert store.revision == third
    watchers = [store.watch(PODS, after=first), store.watch(PODS, after=first, fields="spec.nodeName=n1")]
    await store.commit([pod("c")])
    all_of, one_node = await asyncio.gather(*map(frames, watchers))
    assert told(all_of) == [
        ("MODIFIED", "a", second),
        ("ADDED", "b", second),
        ("DELETED", "a", third),
        ("ADDED", "c", third + 1),
    ]
    assert told(one_node) == [("DELETED", "a", second)]
    earlier = store.watch(PODS, after=1)
    assert told(await frames(earlier))[0] == ("ADDED", "a", first)
    for watcher in (*watchers, earlier):
        watcher.close()
    await store.close()


async def test_a_watch_from_before_the_store_s_history(tmp_path: Path, clock: FakeClock) -> None:
    inner = backend("sqlite", tmp_path, clock)
    store = CachedStore(inner, [PODS], {}, clock)
    await store.start()
    for i in range(5):
        await store.commit([pod("a", app=str(i))])
    await inner.compact(4)
    await store.close()
    store = CachedStore(backend("sqlite", tmp_path, clock), [PODS], {}, clock)
    await store.start()
    watcher = store.watch(PODS, after=2)
    with pytest.raises(ApiError, match=r"^too old resource version: 2 \(4\)$") as refusal:
        await watcher.frames()
    assert (refusal.value.code, refusal.value.reason) == (410, "Expired")
    watcher.close()
    await store.close()
