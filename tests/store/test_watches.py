"""Watches: every change once, in order, never a revision split, and a clear end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from dromon.store.history import Limits
from dromon.store.interface import Batch, Change, Compacted, Delete, KeyValue, Put, Store
from dromon.testing.clock import FakeClock

from .conftest import Opener, elapse


async def take(batches: AsyncIterator[Batch], count: int) -> list[Batch]:
    """So many batches that have changes."""
    found: list[Batch] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            batch = await anext(batches)
            if batch.changes:
                found.append(batch)
    return found


async def test_changes_with_previous_values(store: Store) -> None:
    start = store.revision
    first = await store.commit([Put("/p/a", b"1")])
    second = await store.commit([Put("/p/a", b"2")])
    third = await store.commit([Delete("/p/a")])
    async with aclosing(store.watch("/p/", start)) as watch:
        assert await take(watch, 3) == [
            Batch(first, (Change("/p/a", b"1", None, first),)),
            Batch(second, (Change("/p/a", b"2", b"1", first),)),
            Batch(third, (Change("/p/a", None, b"2", first),)),
        ]


async def test_only_what_touches_the_prefix(store: Store) -> None:
    start = store.revision
    await store.commit([Put("/p/a", b"1"), Put("/q/a", b"1")])
    await store.commit([Put("/q/b", b"1")])
    await store.commit([Put("/p/b", b"1")])
    async with aclosing(store.watch("/p/", start)) as watch:
        batches = await take(watch, 2)
    assert [[c.key for c in b.changes] for b in batches] == [["/p/a"], ["/p/b"]]


async def test_a_transaction_is_shown_whole_and_before_the_next(store: Store) -> None:
    start = store.revision
    first = await store.commit([Put(f"/p/{i}", b"1") for i in range(5)])
    await store.commit([Put(f"/p/{i}", b"2") for i in range(5)])
    found: list[tuple[str, bytes | None, int]] = []
    async with aclosing(store.watch("/p/", start)) as watch:
        while len(found) < 10:
            (batch,) = await take(watch, 1)
            found += [(c.key, c.value, batch.revision) for c in batch.changes]
    assert sorted(key for key, _, _ in found[:5]) == [f"/p/{i}" for i in range(5)]
    assert {value for _, value, _ in found[:5]} == {b"1"}
    assert ("/p/0", b"1", first) in found
    for key, value, revision in found[5:]:
        assert await store.get(key) == KeyValue(key, value or b"", _revision(found, key), revision)


def _revision(found: list[tuple[str, bytes | None, int]], key: str) -> int:
    return next(revision for name, _, revision in found if name == key)


async def test_a_watch_resumes_after_any_object(store: Store) -> None:
    """Writers that share a transaction have revisions of their own: nothing is missed or comes twice."""
    start = store.revision
    await asyncio.gather(*(store.commit([Put(f"/p/{i}", b"1")]) for i in range(40)))
    async with aclosing(store.watch("/p/", start)) as watch:
        everything = await take(watch, 40)
    assert len({b.revision for b in everything}) == 40
    for seen in range(0, 39, 3):
        async with aclosing(store.watch("/p/", everything[seen].revision)) as watch:
            assert await take(watch, 39 - seen) == everything[seen + 1 :]


async def test_a_list_is_what_a_watch_has_shown_up_to_there(store: Store) -> None:
    start = store.revision
    await asyncio.gather(*(store.commit([Put(f"/p/{i % 10}", b"%d" % i)]) for i in range(40)))
    await asyncio.gather(*(store.commit([Delete(f"/p/{i}")]) for i in range(0, 10, 2)))
    async with aclosing(store.watch("/p/", start)) as watch:
        batches = await take(watch, 45)
    state: dict[str, bytes] = {}
    for batch in batches:
        for change in batch.changes:
            if change.value is None:
                del state[change.key]
            else:
                state[change.key] = change.value
        page = await store.list("/p/", revision=batch.revision)
        assert {kv.key: kv.value for kv in page.items} == state
        part = await store.list("/p/", revision=batch.revision, limit=2)
        assert part.items == page.items[:2]
        assert part.more == (len(page.items) > 2)


async def test_a_waiting_watch_gets_what_comes(store: Store) -> None:
    async with aclosing(store.watch("/p/", store.revision)) as watch:
        waiting = asyncio.create_task(take(watch, 1))
        await asyncio.sleep(0)
        revision = await store.commit([Put("/p/a", b"1")])
        assert [b.revision for b in await waiting] == [revision]


async def test_a_watch_from_a_future_revision_waits_for_it(store: Store) -> None:
    first = await store.commit([Put("/p/a", b"0")])
    step = await store.commit([Put("/p/a", b"1")]) - first
    future = first + 3 * step
    async with aclosing(store.watch("/p/", future)) as watch:
        waiting = asyncio.create_task(take(watch, 1))
        revisions = [await store.commit([Put("/p/a", b"%d" % i)]) for i in range(5)]
        assert [b.revision for b in await waiting] == [min(r for r in revisions if r > future)]


async def test_what_was_answered_is_there_for_watches(store: Store) -> None:
    async with aclosing(store.watch("/p/", store.revision)) as watch:
        for _ in range(5):
            revision = await store.commit([Put("/p/a", b"1")])
            assert (await take(watch, 1))[0].revision == revision


async def test_concurrent_writes_arrive_in_order_and_once(store: Store) -> None:
    start = store.revision
    async with aclosing(store.watch("/", start)) as watch:
        following = asyncio.create_task(take(watch, 300))
        await asyncio.gather(*(store.commit([Put(f"/p/{i % 11}", b"%d" % i)]) for i in range(300)))
        found = await following
    assert [b.revision for b in found] == sorted({b.revision for b in found})
    for key in range(11):
        written = [c.value for b in found for c in b.changes if c.key == f"/p/{key}"]
        assert written == [b"%d" % i for i in range(300) if i % 11 == key]


async def test_a_watch_from_before_the_history_is_refused(store: Store) -> None:
    revisions = [await store.commit([Put("/p/a", b"%d" % i)]) for i in range(5)]
    await store.compact(revisions[2])
    async with aclosing(store.watch("/p/", revisions[1] - 1)) as watch:
        with pytest.raises(Compacted) as refusal:
            await anext(watch)
    assert revisions[1] <= refusal.value.oldest <= revisions[2]
    async with aclosing(store.watch("/p/", revisions[2])) as watch:
        assert [b.revision for b in await take(watch, 2)] == revisions[3:]


async def test_a_deletion_at_the_cut_is_not_missed(store: Store) -> None:
    """A watch that begins where history was cut shows what was deleted then, or says that it can't."""
    await store.commit([Put("/p/a", b"1")])
    before = store.revision
    deleted = await store.commit([Delete("/p/a")])
    cut = store.revision
    await store.commit([Put("/p/b", b"1")])
    await store.compact(cut)
    with contextlib.suppress(Compacted):
        async with aclosing(store.watch("/p/", before)) as watch:
            assert [b.revision for b in await take(watch, 1)] == [deleted]


async def test_a_consumer_that_falls_behind_is_told(open_local: Opener, clock: FakeClock) -> None:
    store = await open_local(Limits(changes=10))
    async with aclosing(store.watch("/p/", store.revision)) as watch:
        await store.commit([Put("/p/a", b"0")])
        await take(watch, 1)
        for _ in range(3):
            for i in range(20):
                await store.commit([Put("/p/a", b"%d" % i)])
            await elapse(clock, 1.0)
        with pytest.raises(Compacted):
            await take(watch, 60)


async def test_closing_the_store_ends_watches(store: Store) -> None:
    watch = store.watch("/p/", store.revision)
    waiting = asyncio.create_task(anext(watch, None))
    await asyncio.sleep(0)
    await store.close()
    async with asyncio.timeout(5):
        assert await waiting is None


async def test_one_watch_that_is_cancelled_leaves_the_others(store: Store) -> None:
    gone, stays = (store.watch("/p/", store.revision) for _ in range(2))
    first, second = (asyncio.create_task(anext(w)) for w in (gone, stays))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    revision = await store.commit([Put("/p/a", b"1")])
    assert (await second).revision >= revision
    await stays.aclose()
