"""Several processes on one store: a read sees every write that was answered before it began."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast

import pytest

from dromon._core import Cache
from dromon.api.errors import ApiError
from dromon.base.clock import SystemClock
from dromon.store.cache import CachedStore
from dromon.store.interface import Batch, Unavailable
from dromon.store.memory import MemoryStore
from dromon.store.missed import Log
from dromon.store.open import open_store
from dromon.store.progress import Barriers
from dromon.testing.clock import FakeClock, settle

from .test_cache import NODES, PODS, names, pod


class Lagging(MemoryStore):
    """As if others wrote to it: what is committed beside the cache comes only when `release` is called.

    Attributes:
        held: whether changes are held back.
        barriers: calls of `barrier` that wait for an answer.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.held = False
        self.barriers: list[asyncio.Future[int]] = []
        self.answers = True

    @property
    def shared(self) -> bool:
        return True

    async def barrier(self) -> int:
        if self.answers:
            return self.revision
        waiter: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.barriers.append(waiter)
        return await waiter

    async def watch(self, prefix: str, after: int) -> AsyncIterator[Batch]:
        async for batch in super().watch(prefix, after):
            while self.held:
                await asyncio.sleep(0)
            yield batch


@pytest.fixture
async def lagging(clock: FakeClock) -> AsyncIterator[tuple[Lagging, CachedStore]]:
    inner = Lagging(clock)
    store = CachedStore(inner, [PODS], {}, clock)
    await store.start()
    yield inner, store
    inner.held = False
    await store.close()


async def test_a_read_waits_for_what_was_written_elsewhere(lagging: tuple[Lagging, CachedStore]) -> None:
    inner, store = lagging
    inner.held = True
    revision = await inner.commit([pod("a")])
    reading = asyncio.create_task(store.catch_up())
    await settle()
    assert (reading.done(), store.get(PODS, "m", "a")) == (False, None)
    inner.held = False
    await asyncio.wait_for(reading, 5)
    assert store.get(PODS, "m", "a") is not None
    assert store.revision == revision


async def test_a_cache_that_does_not_catch_up(lagging: tuple[Lagging, CachedStore], clock: FakeClock) -> None:
    inner, store = lagging
    inner.held = True
    await inner.commit([pod("a")])
    reading = asyncio.create_task(store.catch_up())
    await settle()
    await clock.advance(3.0)
    with pytest.raises(ApiError, match="Too large resource version") as refusal:
        await asyncio.wait_for(reading, 5)
    assert (refusal.value.code, refusal.value.headers["Retry-After"]) == (504, "1")
    # What the cache has can be read all the while.
    assert names((await store.objects(PODS)).items) == []


@pytest.mark.parametrize("how", ["silent", "refused"])
async def test_a_store_that_does_not_say(
    lagging: tuple[Lagging, CachedStore], clock: FakeClock, how: str
) -> None:
    inner, store = lagging
    inner.answers = False
    reading = asyncio.create_task(store.catch_up())
    await settle()
    if how == "refused":
        inner.barriers[0].set_exception(Unavailable("no quorum"))
    else:
        await clock.advance(5.0)
    with pytest.raises(ApiError) as refusal:
        await asyncio.wait_for(reading, 5)
    assert (refusal.value.code, refusal.value.reason) == (503, "ServiceUnavailable")
    assert refusal.value.headers["Retry-After"] == "1"


async def test_a_reader_never_takes_an_answer_that_was_asked_for_before_it_came() -> None:
    asked: list[asyncio.Future[int]] = []

    async def ask() -> int:
        asked.append(asyncio.get_running_loop().create_future())
        return await asked[-1]

    barriers = Barriers(ask, FakeClock(), 5.0)
    first = asyncio.create_task(barriers.revision())
    await settle()
    later = [asyncio.create_task(barriers.revision()) for _ in range(100)]
    await settle()
    assert len(asked) == 1
    asked[0].set_result(7)
    await settle()
    assert (await first, [t.done() for t in later], len(asked)) == (7, [False] * 100, 2)
    later[0].cancel()  # one that leaves takes nobody along
    asked[1].set_result(9)
    assert await asyncio.gather(*later[1:]) == [9] * 99
    assert (barriers.asked, len(asked)) == (2, 2)


async def test_a_reader_s_patience_counts_from_when_it_came(clock: FakeClock) -> None:
    """It first waits for the end of a question that was under way: both together are bounded."""
    asked: list[asyncio.Future[int]] = []

    async def ask() -> int:
        asked.append(asyncio.get_running_loop().create_future())
        return await asked[-1]

    barriers = Barriers(ask, clock, 5.0)
    first = asyncio.create_task(barriers.revision())
    await settle()
    await clock.advance(1.0)
    second = asyncio.create_task(barriers.revision())
    await settle()
    await clock.advance(3.0)
    asked[0].set_exception(Unavailable("no quorum"))
    await settle()
    assert (first.done(), second.done(), len(asked)) == (True, False, 2)
    await clock.advance(1.9)
    assert not second.done()
    await clock.advance(0.1)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second, 5)
    with pytest.raises(Unavailable):
        await first
    await barriers.close()


async def test_a_read_s_patience_is_for_the_store_and_the_cache_together(
    lagging: tuple[Lagging, CachedStore], clock: FakeClock
) -> None:
    inner, store = lagging
    inner.held = True
    inner.answers = False
    revision = await inner.commit([pod("a")])
    reading = asyncio.create_task(store.catch_up())
    await settle()
    await clock.advance(4.0)
    inner.barriers[0].set_result(revision)
    await settle()
    await clock.advance(0.9)
    assert not reading.done()
    await clock.advance(0.1)
    with pytest.raises(ApiError, match="Too large resource version") as refusal:
        await asyncio.wait_for(reading, 5)
    assert (refusal.value.code, refusal.value.headers["Retry-After"]) == (504, "1")


async def test_readers_of_the_log_don_t_wait_one_after_the_other_for_a_store_that_is_silent(
    clock: FakeClock,
) -> None:
    silent: asyncio.Future[Batch] = asyncio.get_running_loop().create_future()
    asked: list[int] = []

    class Silent(MemoryStore):
        async def history(self, prefix: str, after: int, upto: int) -> AsyncIterator[Batch]:
            asked.append(after)
            yield await silent

    log = Log(Silent(clock))
    cache = cast(Cache, SimpleNamespace(oldest=lambda number: 10))
    waiting = [asyncio.create_task(log.missed(cache, 0, "/", after)) for after in range(5)]
    await settle()
    silent.set_exception(Unavailable("no quorum"))
    for task in waiting:
        with pytest.raises(Unavailable):
            await task
    assert asked == [0]
    with pytest.raises(Unavailable):
        await log.missed(cache, 0, "/", 7)
    assert asked == [0, 7]  # who comes later asks again


async def test_those_who_wait_when_it_closes_are_told() -> None:
    never: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def ask() -> int:
        return await never

    barriers = Barriers(ask, FakeClock(), 5.0)
    waiting = [asyncio.create_task(barriers.revision())]
    await settle()
    waiting.append(asyncio.create_task(barriers.revision()))
    await settle()
    await barriers.close()
    for task in waiting:
        with pytest.raises(Unavailable):
            await task


async def test_a_store_of_one_process_is_never_asked(clock: FakeClock) -> None:
    store = CachedStore(MemoryStore(clock), [PODS], {}, clock)
    await store.start()
    with pytest.raises(StopIteration):
        store.catch_up().send(None)  # done without a single turn of the event loop
    assert store.barriers == 0
    await store.close()


@pytest.fixture
async def two(request: pytest.FixtureRequest) -> AsyncIterator[tuple[CachedStore, CachedStore]]:
    """Two caches over one real etcd."""
    url = request.getfixturevalue("etcd_url")()
    clock = SystemClock()
    stores = [CachedStore(open_store(url, clock), [PODS, NODES], {}, clock) for _ in range(2)]
    for store in stores:
        await store.start()
    yield stores[0], stores[1]
    for store in stores:
        await store.close()


async def test_two_on_one_etcd(two: tuple[CachedStore, CachedStore]) -> None:
    here, there = two
    for i in range(200):
        writer, reader = (here, there) if i % 2 else (there, here)
        revision = await writer.commit([pod(f"p{i}")])
        await reader.catch_up()
        assert reader.revision >= revision
        assert reader.get(PODS, "m", f"p{i}") is not None


async def test_many_readers_and_writers_on_one_etcd(two: tuple[CachedStore, CachedStore]) -> None:
    answered: set[str] = set()

    async def write(store: CachedStore, number: int) -> None:
        for i in range(20):
            name = f"w{number}-{i}"
            await store.commit([pod(name)])
            answered.add(name)

    async def read(store: CachedStore) -> None:
        while len(answered) < 160:
            before = set(answered)
            await store.catch_up()
            assert before <= set(names(list(store.everything(PODS))))
            await asyncio.sleep(0)

    writes = [write(two[i % 2], i) for i in range(8)]
    reads = [read(two[i % 2]) for i in range(8)]
    async with asyncio.timeout(60):
        await asyncio.gather(*writes, *reads)
    for store in two:
        listed = await store.objects(PODS)
        assert set(names(listed.items)) == answered


async def test_pages_from_one_server_go_on_at_the_other(two: tuple[CachedStore, CachedStore]) -> None:
    here, there = two
    for i in range(6):
        await here.commit([pod(f"p{i}")])
    first = await here.objects(PODS, limit=3)
    await there.commit([pod("p9")])
    second = await there.objects(PODS, limit=3, continue_=first.continue_)
    assert (names(second.items), second.revision) == (["p3", "p4", "p5"], first.revision)
