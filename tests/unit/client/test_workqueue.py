"""The work queue: coalescing, one worker a key, delays by the clock, back-off per key."""

from __future__ import annotations

import asyncio

import pytest

from dromon.client.workqueue import ShutDown, WorkQueue, exponential
from dromon.testing.clock import FakeClock, settle


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(clock: FakeClock) -> WorkQueue[str]:
    return WorkQueue(clock)


async def test_keys_come_in_order_and_coalesce(queue: WorkQueue[str]) -> None:
    for key in ("a", "b", "a", "c", "b"):
        queue.add(key)
    assert [await queue.get() for _ in range(3)] == ["a", "b", "c"]
    assert len(queue) == 0


async def test_a_key_added_while_processed_comes_again_only_after_done(queue: WorkQueue[str]) -> None:
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert len(queue) == 0, "a second worker must not get it"
    queue.done("a")
    assert await queue.get() == "a"
    queue.done("a")
    assert len(queue) == 0


async def test_waiting_workers_are_woken_one_a_key(queue: WorkQueue[str]) -> None:
    workers = [asyncio.create_task(queue.get()) for _ in range(2)]
    await settle()
    queue.add("a")
    queue.add("b")
    assert sorted(await asyncio.gather(*workers)) == ["a", "b"]


async def test_a_cancelled_worker_passes_its_wake_up_on(queue: WorkQueue[str]) -> None:
    first = asyncio.create_task(queue.get())
    second = asyncio.create_task(queue.get())
    await settle()
    queue.add("a")  # wakes the first ...
    first.cancel()  # ... which dies before it takes the key
    assert await asyncio.wait_for(second, 1) == "a"


async def test_delays_follow_the_clock_and_the_shortest_counts(
    clock: FakeClock, queue: WorkQueue[str]
) -> None:
    queue.add_after("late", 10)
    queue.add_after("soon", 1)
    queue.add_after("late", 5)
    queue.add_after("late", 20)
    await settle()
    await clock.advance(0.9)
    assert len(queue) == 0
    await clock.advance(0.2)
    assert await queue.get() == "soon"
    await clock.advance(4)
    assert await queue.get() == "late"
    queue.done("late")
    await clock.advance(100)
    assert len(queue) == 0, "the replaced delays are forgotten"
    queue.shut_down()


async def test_back_off_doubles_per_key_until_forgotten(clock: FakeClock, queue: WorkQueue[str]) -> None:
    for expected in (0.005, 0.01, 0.02):
        queue.add_rate_limited("a")
        await settle()
        await clock.advance(expected * 0.9)
        assert len(queue) == 0
        await clock.advance(expected * 0.2)
        assert await queue.get() == "a"
        queue.done("a")
    assert queue.failures("a") == 3
    queue.forget("a")
    assert queue.failures("a") == 0
    queue.shut_down()


def test_back_off_is_bounded() -> None:
    delay = exponential()
    assert delay(0) == 0.005
    assert delay(1) == 0.01
    assert delay(17) == pytest.approx(655.36)
    assert delay(18) == 1000.0
    assert delay(10_000) == 1000.0


async def test_shut_down_hands_out_what_waits_then_ends_workers(queue: WorkQueue[str]) -> None:
    queue.add("a")
    queue.shut_down()
    queue.add("b")
    assert await queue.get() == "a"
    with pytest.raises(ShutDown):
        await queue.get()


async def test_shut_down_wakes_waiting_workers(queue: WorkQueue[str]) -> None:
    worker = asyncio.create_task(queue.get())
    await settle()
    queue.shut_down()
    with pytest.raises(ShutDown):
        await worker
