"""Filling an empty store from a snapshot, on every backend."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any, cast

import pytest

from dromon.api.errors import ApiError
from dromon.api.kinds import PODS
from dromon.store.cache import CachedStore
from dromon.store.interface import Compacted, Delete, Put, Restored, Store, StoreError
from dromon.testing.clock import FakeClock

from .conftest import Opener, expired

ITEMS = [
    Restored("/p/b", b"2", 30, 40),
    Restored("/p/a", b"1", 20, 20),
    Restored("/e/a", b"3", 50, 50, ttl=2.0),
]
NEWEST = 1_000


async def next_batch(store: Store, after: int) -> object:
    async with aclosing(store.watch("", after)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            return batch
    return None


class Started:
    """A store that is started already, for whoever starts what it is given."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def start(self) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


async def test_times_to_live_are_told(store: Store, clock: FakeClock) -> None:
    await store.commit([Put("/e/a", b"1", ttl=10), Put("/e/b", b"1", ttl=20), Put("/e/c", b"1")])
    await store.commit([Put("/e/b", b"2", ttl=60)])
    await clock.advance(4.0)
    left = await store.expiries()
    assert sorted(left) == ["/e/a", "/e/b"]
    assert 0 <= left["/e/a"] <= 12  # a store may let keys live a tenth longer, and a second or two
    assert 12 < left["/e/b"] <= 68
    await store.commit([Put("/e/a", b"2"), Delete("/e/b")])
    assert await store.expiries() == {}


async def test_all_is_as_it_was(store: Store) -> None:
    await store.restore(ITEMS, NEWEST)
    page = await store.list("")
    assert [(kv.key, kv.value) for kv in page.items] == [("/e/a", b"3"), ("/p/a", b"1"), ("/p/b", b"2")]
    assert store.revision > NEWEST
    assert page.revision == store.revision
    given = {i.key: i.mod_revision for i in ITEMS}
    assert all(kv.mod_revision == given[kv.key] or kv.mod_revision > NEWEST for kv in page.items)
    assert all(kv.create_revision <= kv.mod_revision <= store.revision for kv in page.items)
    assert await store.get("/p/a") == page.items[1]
    assert await store.newest("/p/a") == page.items[1]


async def test_writes_go_on_beyond_the_revision(store: Store) -> None:
    await store.restore(ITEMS, NEWEST)
    base = store.revision
    stands = await store.get("/p/a")
    assert stands is not None
    revision = await store.commit([Put("/p/a", b"9", expect=stands.mod_revision)])
    assert revision > base
    await store.commit([Delete("/p/b"), Put("/p/c", b"1", expect=0)])
    assert [kv.key for kv in (await store.list("/p/")).items] == ["/p/a", "/p/c"]
    changed = await store.get("/p/a")
    assert changed is not None
    assert changed.create_revision == stands.create_revision


async def test_whoever_remembers_the_time_before_lists_again(store: Store) -> None:
    await store.restore(ITEMS, NEWEST)
    for old in (1, 40, NEWEST - 1, NEWEST):
        with pytest.raises(Compacted):
            await store.list("", revision=old)
        with pytest.raises(Compacted):
            await next_batch(store, old)


async def test_a_watch_that_was_open_is_told_to_list_again(store: Store) -> None:
    waiting = asyncio.ensure_future(next_batch(store, store.revision))
    await asyncio.sleep(0)
    await store.restore(ITEMS, NEWEST)
    with pytest.raises(Compacted):
        await waiting


async def test_times_to_live_go_on(store: Store, clock: FakeClock) -> None:
    await store.restore(ITEMS, NEWEST)
    left = await store.expiries()
    assert list(left) == ["/e/a"]
    assert 0 < left["/e/a"] <= 4
    await expired(store, clock, "/e/a", 2)
    assert await store.get("/e/a") is None
    assert await store.get("/p/a") is not None


async def test_a_store_that_was_emptied_goes_on_beyond_its_own_revision(store: Store) -> None:
    await store.commit([Put("/p/z", b"1")])
    await store.commit([Delete("/p/z")])
    before = store.revision
    await store.restore([Restored("/p/a", b"1", 1, 1)], 1)
    assert store.revision > before
    with pytest.raises(Compacted):
        await next_batch(store, before)


async def test_only_an_empty_store_is_filled(store: Store) -> None:
    await store.commit([Put("/p/z", b"1")])
    before = await store.list("")
    with pytest.raises(StoreError, match="empty"):
        await store.restore(ITEMS, NEWEST)
    assert await store.list("") == before
    await store.commit([Put("/p/z", b"2")])


@pytest.mark.parametrize(
    "items",
    [
        [Restored("/p/a", b"1", 1, 1), Restored("/p/a", b"2", 1, 1)],
        [Restored("", b"1", 1, 1)],
        [Restored("/p/a", b"1", 2, 1)],
        [Restored("/p/a", b"1", 0, 1)],
        [Restored("/p/a", b"1", 1, NEWEST + 1)],
        [Restored("/p/a", b"1", 1, 1, ttl=-1.0)],
    ],
)
async def test_what_no_store_can_hold_is_refused(store: Store, items: list[Restored]) -> None:
    before = store.revision
    with pytest.raises(StoreError):
        await store.restore(items, NEWEST)
    assert (await store.list("")).items == []
    assert store.revision == before


async def test_an_empty_snapshot_still_sets_the_revision(store: Store) -> None:
    await store.restore([], NEWEST)
    assert store.revision > NEWEST
    revision = await store.commit([Put("/p/a", b"1", expect=0)])
    assert revision > NEWEST


async def test_many_keys(store: Store) -> None:
    items = [Restored(f"/p/{i:05}", b"%d" % i, i + 1, i + 1) for i in range(3_000)]
    await store.restore(items, 3_000)
    page = await store.list("/p/")
    assert [(kv.key, kv.value) for kv in page.items] == [(i.key, i.value) for i in items]


async def test_a_cache_follows(open_backend: Opener, clock: FakeClock) -> None:
    store = await open_backend()
    pod = Restored(PODS.key("default", "a"), b'{"metadata":{"name":"a","namespace":"default"}}', 5, 5)
    cached = CachedStore(cast("Store", Started(store)), [PODS], {}, clock)
    await cached.start()
    try:
        watcher = cached.watch(PODS, after=cached.revision)
        await store.restore([pod], NEWEST)
        with pytest.raises(ApiError) as refused:
            await watcher.events()
        assert refused.value.code == 410
        assert [b'"name":"a"' in item for item in (await cached.objects(PODS)).items] == [True]
        assert cached.revision > NEWEST
    finally:
        await cached.close()
