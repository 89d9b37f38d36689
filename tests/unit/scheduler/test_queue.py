"""The queue: order, back-off, parking; time moves only when the test says so."""

from __future__ import annotations

import pytest

from dromon.api.types.pod import Pod
from dromon.scheduler.queue import MAX_PARKED, QueuedPod, SchedulingQueue, State, backoff
from dromon.testing.clock import FakeClock

POD = Pod()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def queue(clock: FakeClock) -> SchedulingQueue:
    return SchedulingQueue(clock)


def names(popped: list[QueuedPod]) -> list[str]:
    return [queued.uid for queued in popped]


async def test_priority_then_time_then_arrival(queue, clock):
    queue.add("late", POD, "g", 0)
    queue.add("later", POD, "g", 0)
    await clock.advance(1)
    queue.add("latest", POD, "g", 0)
    queue.add("urgent", POD, "g", 5)
    queue.add("idle", POD, "g", -1)
    assert names(queue.pop(10)) == ["urgent", "late", "later", "latest", "idle"]


def test_pop_takes_no_more_than_asked(queue):
    for i in range(3):
        queue.add(str(i), POD, "g", 0)
    assert names(queue.pop(2)) == ["0", "1"]
    assert names(queue.pop(2)) == ["2"]
    assert queue.pop(2) == []


def test_removed_pods_are_never_popped(queue):
    queue.add("a", POD, "g", 0)
    queue.remove("a")
    queue.remove("unknown")
    assert queue.pop(1) == []
    assert queue.get("a") is None


def test_a_new_pod_under_a_known_uid_takes_its_place(queue):
    first = queue.add("a", POD, "g", 0)
    second = queue.add("a", POD, "g", 0)
    assert queue.pop(5) == [second]
    assert first.state is State.GONE


def test_backoff_doubles_up_to_ten_seconds():
    assert [backoff(n) for n in range(7)] == [0, 1, 2, 4, 8, 10, 10]
    assert backoff(10**6) == 10


async def test_failed_attempts_wait_longer_each_time(queue, clock):
    queue.add("a", POD, "g", 0)
    for expected in (1, 2, 4, 8, 10, 10):
        (queued,) = queue.pop(1)
        queue.back_off(queued)
        assert queue.next_flush() == pytest.approx(expected)
        await clock.advance(expected - 0.5)
        queue.flush()
        assert queue.pop(1) == []
        await clock.advance(0.5)
        queue.flush()
    assert names(queue.pop(1)) == ["a"]


async def test_parked_pods_wait_for_a_change_that_helps_their_group(queue, clock):
    queue.add("a", POD, "small", 0)
    queue.add("b", POD, "small", 0)
    queue.add("c", POD, "large", 0)
    for queued in queue.pop(3):
        queue.park(queued)
    await clock.advance(100)
    queue.flush()
    assert queue.pop(3) == []
    asked = []
    assert queue.move(lambda group: asked.append(group) or group == "small") == 2
    assert sorted(asked) == ["large", "small"]
    assert names(queue.pop(3)) == ["a", "b"]
    assert queue.count(State.PARKED) == 1


async def test_a_change_right_after_the_attempt_waits_out_the_backoff(queue, clock):
    queue.add("a", POD, "g", 0)
    queue.park(queue.pop(1)[0])
    await clock.advance(0.4)
    assert queue.move(lambda _: True) == 1
    assert queue.pop(1) == []
    assert queue.next_flush() == pytest.approx(0.6)
    await clock.advance(0.6)
    queue.flush()
    assert names(queue.pop(1)) == ["a"]


async def test_long_parked_pods_are_tried_again(queue, clock):
    queue.add("a", POD, "g", 0)
    queue.park(queue.pop(1)[0])
    assert queue.next_flush() == MAX_PARKED
    await clock.advance(MAX_PARKED)
    queue.flush()
    (queued,) = queue.pop(1)
    assert queued.attempts == 2
    queue.park(queued)
    await clock.advance(MAX_PARKED - 1)
    queue.flush()
    assert queue.pop(1) == []


def test_gated_pods_wait_for_their_gates(queue):
    queued = queue.add("a", POD, "g", 0, gated=True)
    assert queue.pop(1) == []
    assert queue.move(lambda _: True) == 0
    queue.update(queued, POD, "g", 0, gated=False)
    assert queue.pop(1) == [queued]


async def test_an_update_makes_a_parked_pod_worth_an_attempt(queue, clock):
    queued = queue.add("a", POD, "old", 0)
    queue.park(queue.pop(1)[0])
    await clock.advance(5)
    queue.update(queued, POD, "new", 0, gated=False)
    assert queue.pop(1) == [queued]
    queue.park(queued)
    assert queue.move(lambda group: group == "old") == 0
    await clock.advance(5)
    assert queue.move(lambda group: group == "new") == 1


def test_a_raised_priority_overtakes(queue):
    queue.add("a", POD, "g", 1)
    queued = queue.add("b", POD, "g", 0)
    queue.update(queued, POD, "g", 2, gated=False)
    assert names(queue.pop(5)) == ["b", "a"]


def test_an_update_keeps_a_pod_in_flight_and_an_active_one_in_its_place(queue):
    first = queue.add("a", POD, "g", 0)
    queue.add("b", POD, "g", 0)
    queue.update(first, POD, "h", 0, gated=False)
    assert names(queue.pop(1)) == ["a"]
    queue.update(first, POD, "h", 0, gated=False)
    assert first.state is State.IN_FLIGHT
    assert names(queue.pop(5)) == ["b"]


def test_a_pod_that_left_in_flight_stays_away(queue):
    queued = queue.add("a", POD, "g", 0)
    queue.pop(1)
    queue.remove("a")
    queue.park(queued)
    queue.back_off(queued)
    assert queued.state is State.GONE
    assert queue.next_flush() is None
    assert queue.move(lambda _: True) == 0


def test_nothing_waits_for_time_in_an_empty_queue(queue):
    assert queue.next_flush() is None
    queue.flush()
