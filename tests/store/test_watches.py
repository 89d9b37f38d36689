"""Watches: every change once, in order, never a revision split, and a clear end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from dromon.store.history import Limits
from dromon.store.interface import Batch, Change, Compacted, Delete, Put
from dromon.store.local import LocalStore
from dromon.testing.clock import FakeClock

from .conftest import Opener, elapse


async def take(batches: AsyncIterator[Batch], count: int) -> list[Batch]:
    async with asyncio.timeout(10):
        return [await anext(batches) for _ in range(count)]


async def test_changes_with_previous_values(store: LocalStore) -> None:
    start = store.revision
    await store.commit([Put("/p/a", b"1")])
    await store.commit([Put("/p/a", b"2")])
    await store.commit([Delete("/p/a")])
    async with aclosing(store.watch("/p/", start)) as watch:
        assert await take(watch, 3) == [
            Batch(start + 1, (Change("/p/a", b"1", None, start + 1),)),
            Batch(start + 2, (Change("/p/a", b"2", b"1", start + 1),)),
            Batch(start + 3, (Change("/p/a", None, b"2", start + 1),)),
        ]


async def test_only_what_touches_the_prefix(store: LocalStore) -> None:
    start = store.revision
    await store.commit([Put("/p/a", b"1"), Put("/q/a", b"1")])
    await store.commit([Put("/q/b", b"1")])
    await store.commit([Put("/p/b", b"1")])
    async with aclosing(store.watch("/p/", start)) as watch:
        batches = await take(watch, 2)
    assert [[c.key for c in b.changes] for b in batches] == [["/p/a"], ["/p/b"]]


async def test_a_transaction_is_one_batch(store: LocalStore) -> None:
    start = store.revision
    await store.commit([Put(f"/p/{i}", b"1") for i in range(5)])
    async with aclosing(store.watch("/p/", start)) as watch:
        (batch,) = await take(watch, 1)
    assert [c.key for c in batch.changes] == [f"/p/{i}" for i in range(5)]


async def test_a_waiting_watch_gets_what_comes(store: LocalStore) -> None:
    async with aclosing(store.watch("/p/", store.revision)) as watch:
        waiting = asyncio.create_task(take(watch, 1))
        await asyncio.sleep(0)
        revision = await store.commit([Put("/p/a", b"1")])
        assert [b.revision for b in await waiting] == [revision]


async def test_a_watch_from_a_future_revision_waits_for_it(store: LocalStore) -> None:
    async with aclosing(store.watch("/p/", store.revision + 2)) as watch:
        for i in range(3):
            last = await store.commit([Put("/p/a", b"%d" % i)])
        assert [b.revision for b in await take(watch, 1)] == [last]


async def test_what_was_answered_is_there_for_watches(store: LocalStore) -> None:
    async with aclosing(store.watch("/p/", store.revision)) as watch:
        for _ in range(5):
            revision = await store.commit([Put("/p/a", b"1")])
            assert (await take(watch, 1))[0].revision == revision


async def test_concurrent_writes_arrive_in_order_and_once(store: LocalStore) -> None:
    start = store.revision
    async with aclosing(store.watch("/", start)) as watch:
        following = asyncio.create_task(take(watch, 300))
        await asyncio.gather(*(store.commit([Put(f"/p/{i % 11}", b"%d" % i)]) for i in range(300)))
        assert [b.revision for b in await following] == list(range(start + 1, start + 301))


async def test_a_watch_from_before_the_history_is_refused(store: LocalStore) -> None:
    for i in range(5):
        await store.commit([Put("/p/a", b"%d" % i)])
    await store.compact(4)
    async with aclosing(store.watch("/p/", 3)) as watch:
        with pytest.raises(Compacted) as refusal:
            await anext(watch)
    assert refusal.value.oldest == 4
    async with aclosing(store.watch("/p/", 4)) as watch:
        assert [b.revision for b in await take(watch, 2)] == [5, 6]


async def test_a_consumer_that_falls_behind_is_told(open_backend: Opener, clock: FakeClock) -> None:
    store = await open_backend(Limits(changes=10))
    async with aclosing(store.watch("/p/", store.revision)) as watch:
        await store.commit([Put("/p/a", b"0")])
        await take(watch, 1)
        for _ in range(3):
            for i in range(20):
                await store.commit([Put("/p/a", b"%d" % i)])
            await elapse(clock, 1.0)
        with pytest.raises(Compacted):
            await take(watch, 60)


async def test_closing_the_store_ends_watches(store: LocalStore) -> None:
    watch = store.watch("/p/", store.revision)
    waiting = asyncio.create_task(anext(watch, None))
    await asyncio.sleep(0)
    await store.close()
    async with asyncio.timeout(5):
        assert await waiting is None


async def test_one_watch_that_is_cancelled_leaves_the_others(store: LocalStore) -> None:
    gone, stays = (store.watch("/p/", store.revision) for _ in range(2))
    first, second = (asyncio.create_task(anext(w)) for w in (gone, stays))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    revision = await store.commit([Put("/p/a", b"1")])
    assert (await second).revision == revision
    await stays.aclose()
