"""Leader election over a model of the API: processes that pause, lose answers and disagree about time.

Whatever happens, the fences of two of them are never open at once; and when the trouble is over, one leads.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api import errors
from dromon.api.types.coordination import Lease
from dromon.client.leader import Elector, Fence
from dromon.client.lease import Timing
from dromon.client.rest import ConnectionFailed, Guard, NotAllowed
from dromon.testing.clock import FakeClock, settle

T = TypeVar("T")
NAME = ("kube-system", "kube-scheduler")
TIMING = Timing()


class World:
    """The API with one Lease, and the true time."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.lease: Lease | None = None
        self.revision = 0
        self.watchers: list[Process] = []
        self.fences: list[Fence] = []

    def get(self) -> Lease | None:
        return self.lease

    def put(self, lease: Lease) -> Lease:
        asked = lease.metadata.resource_version
        found = self.lease.metadata.resource_version if self.lease is not None else ""
        if asked and not found:
            raise errors.not_found("leases", "coordination.k8s.io", NAME[1])
        if asked != found:
            raise errors.conflict("leases", "coordination.k8s.io", NAME[1], "the object has been modified")
        self.revision += 1
        meta = msgspec.structs.replace(lease.metadata, uid="u", resource_version=str(self.revision))
        self.lease = msgspec.structs.replace(lease, metadata=meta)
        for watcher in self.watchers:
            watcher.news.put_nowait(self.lease)
        return self.lease

    @property
    def holder(self) -> str:
        return (self.lease.spec.holder_identity or "") if self.lease is not None else ""


class CheckedFence(Fence):
    """Fails the test when two are open."""

    def __init__(self, world: World, monotonic: Callable[[], float], what: str) -> None:
        super().__init__(monotonic, what)
        self._world = world
        world.fences.append(self)

    def extend(self, until: float) -> None:
        super().extend(until)
        open_ones = [fence for fence in self._world.fences if fence.left]
        assert len(open_ones) <= 1, "two may act at once"


class CheckedElector(Elector):
    world: World

    def fence(self) -> Fence:
        return CheckedFence(self.world, self._monotonic, self._what)


class Process:
    """One contender: its clock, its way to the API, and its work.

    Args:
        skew: of its wall clock, seconds.
        rate: of its monotonic clock.
    """

    name = NAME

    def __init__(self, world: World, identity: str, skew: float = 0.0, rate: float = 1.0) -> None:
        self.world = world
        self.identity = identity
        self.skew = skew
        self.rate = rate
        self.going = asyncio.Event()
        self.going.set()
        self.network = "fine"
        self.news: asyncio.Queue[Lease | None] = asyncio.Queue()
        self.terms = 0
        self.acts = 0
        self.said: list[str] = []
        self.fence: Guard | None = None
        self.task: asyncio.Task[None] | None = None

    # Clock

    def now(self) -> float:
        return self.world.clock.now() + self.skew

    def monotonic(self) -> float:
        return self.world.clock.monotonic() * self.rate + 1000 * len(self.identity)

    async def sleep(self, seconds: float) -> None:
        await self.world.clock.sleep(seconds / self.rate)
        await self.going.wait()

    # LeaseLock

    async def get(self) -> Lease | None:
        return await self._call(self.world.get)

    async def put(self, lease: Lease) -> Lease:
        return await self._call(lambda: self.world.put(lease))

    async def _call(self, act: Callable[[], T]) -> T:
        how = self.network
        if how == "slow":
            await self.sleep(3.0)
        if how == "refused":
            raise ConnectionFailed("connection refused")
        if how == "dropped":
            await asyncio.Event().wait()
        answer = act()
        if how == "unanswered":
            await asyncio.Event().wait()
        if how == "slow":
            await self.sleep(3.0)
        await self.going.wait()
        return answer

    async def watch(self, changed: Callable[[Lease | None], None]) -> None:
        self.world.watchers.append(self)
        try:
            while True:
                lease = await self.news.get()
                await self.going.wait()
                changed(lease)
        finally:
            self.world.watchers.remove(self)

    # Work

    async def work(self, fence: Guard) -> None:
        self.terms += 1
        self.fence = fence
        while True:
            with contextlib.suppress(NotAllowed):
                fence()
                self.acts += 1
            await self.sleep(1.0)

    def start(self) -> Process:
        elector = CheckedElector(
            self,
            self.identity,
            TIMING,
            clock=self,
            announce=lambda what, lease: self.said.append(what),
            random=lambda: 0.5,
        )
        elector.world = self.world
        self.task = asyncio.get_running_loop().create_task(elector.run(self.work))
        return self

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            self.going.set()
            await settle(60)
            assert self.task.done()
            await asyncio.gather(self.task, return_exceptions=True)
            if not self.task.cancelled():
                self.task.result()

    @property
    def may_act(self) -> bool:
        try:
            assert self.fence is not None
            self.fence()
        except (NotAllowed, AssertionError):
            return False
        return True


@pytest.fixture
async def world() -> World:
    return World()


@pytest.fixture
async def pair(world: World) -> AsyncIterator[tuple[Process, Process]]:
    first = Process(world, "a").start()
    await world.clock.advance(0)
    second = Process(world, "bb").start()
    await world.clock.advance(1)
    assert (world.holder, first.may_act, second.may_act) == ("a", True, False)
    yield first, second
    first.network = second.network = "fine"
    await first.stop()
    await second.stop()


Pair = tuple[Process, Process]


async def test_the_holder_renews_and_the_other_waits(world: World, pair: Pair) -> None:
    await world.clock.advance(120)
    assert (pair[0].terms, pair[1].terms) == (1, 0)
    assert pair[0].may_act
    assert pair[0].said == ["a became leader"]
    assert world.lease is not None
    assert world.lease.spec.lease_transitions == 0
    assert world.revision > 50


async def test_a_dead_holder_is_replaced_when_its_lease_has_run_out_and_not_before(
    world: World, pair: Pair
) -> None:
    assert pair[0].task is not None
    pair[0].going.clear()  # killed: it never goes on
    await world.clock.advance(10.4)
    assert world.holder == "a", "it renewed at most 2 s ago"
    await world.clock.advance(2.2)
    assert (world.holder, pair[1].may_act) == ("bb", True)
    assert world.lease is not None
    assert world.lease.spec.lease_transitions == 1


async def test_a_paused_leader_may_not_act_when_it_goes_on(world: World, pair: Pair) -> None:
    pair[0].going.clear()
    await world.clock.advance(30)
    acts = pair[0].acts
    assert not pair[0].may_act
    pair[0].going.set()
    await settle(1)
    assert not pair[0].may_act, "from the very first moment on"
    await world.clock.advance(30)
    assert pair[0].acts == acts
    assert pair[0].said == ["a became leader", "a stopped leading"]
    assert world.holder == "bb"


async def test_a_short_pause_costs_nothing(world: World, pair: Pair) -> None:
    pair[0].going.clear()
    await world.clock.advance(7)
    pair[0].going.set()
    await world.clock.advance(20)
    assert (world.holder, pair[0].terms, pair[0].may_act) == ("a", 1, True)


@pytest.mark.parametrize("network", ["refused", "dropped"])
async def test_who_cannot_renew_stops_by_the_deadline_and_stands_by(
    world: World, pair: Pair, network: str
) -> None:
    pair[0].network = network
    await world.clock.advance(10)
    assert not pair[0].may_act
    assert world.holder == "a", "others still respect it"
    await world.clock.advance(6)
    assert (world.holder, pair[1].may_act) == ("bb", True)
    pair[0].network = "fine"
    await pair[1].stop()
    await world.clock.advance(5)
    assert (world.holder, pair[0].terms, pair[0].may_act) == ("a", 2, True)


async def test_a_renewal_whose_answer_is_lost_is_made_again(world: World, pair: Pair) -> None:
    pair[0].network = "unanswered"
    await world.clock.advance(3)
    pair[0].network = "fine"
    await world.clock.advance(20)
    assert (pair[0].terms, pair[0].may_act) == (1, True)


async def test_giving_back_lets_the_next_one_start_at_once(world: World, pair: Pair) -> None:
    await pair[0].stop()
    await settle(60)
    assert (world.holder, pair[1].may_act) == ("bb", True)
    assert pair[1].said == ["bb became leader"]
    assert not pair[0].may_act


async def test_what_the_work_raises_ends_the_election_and_gives_back(world: World) -> None:
    process = Process(world, "a")

    async def fail(fence: Guard) -> None:
        raise ValueError("broken")

    elector = Elector(process, "a", TIMING, clock=process)
    with pytest.raises(ValueError, match="broken"):
        await elector.run(fail)
    assert world.holder == ""


async def test_the_work_may_write_until_it_has_stopped(world: World) -> None:
    process = Process(world, "a")
    allowed: list[bool] = []

    async def tidy(fence: Guard) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await process.sleep(30)
            fence()
            allowed.append(True)

    task = asyncio.get_running_loop().create_task(Elector(process, "a", TIMING, clock=process).run(tidy))
    await world.clock.advance(1)
    task.cancel()
    await settle(60)
    await world.clock.advance(31)
    await settle(60)
    assert task.cancelled()
    assert allowed == [True]
    assert world.holder == ""


async def test_a_deleted_lease_is_made_anew_by_its_holder(world: World, pair: Pair) -> None:
    world.lease = None
    for process in pair:
        process.news.put_nowait(None)
    await world.clock.advance(5)
    assert (world.holder, pair[0].terms, pair[1].terms) == ("a", 1, 0)


async def test_an_answer_that_is_read_late_counts_from_when_it_was_asked_for(
    world: World, pair: Pair
) -> None:
    pair[0].network = "slow"
    before = world.revision
    while world.revision == before:
        await world.clock.advance(0.1)
    pair[0].going.clear()  # the renewal is stored, its answer on the way
    await world.clock.advance(11.5)
    pair[0].going.set()
    pair[0].network = "dropped"
    for _ in range(30):
        await world.clock.advance(0.1)
        assert not (pair[0].may_act and pair[1].may_act)
    assert world.holder == "bb"


async def test_without_news_from_the_watch_the_lease_is_looked_at(world: World, pair: Pair) -> None:
    world.watchers.clear()
    world.watchers.extend(pair)
    for process in pair:
        process.news = asyncio.Queue()
    await world.clock.advance(10)
    pair[0].going.clear()
    await world.clock.advance(15 + 2 * 2 * (1 + 1.2))
    assert (world.holder, pair[1].may_act) == ("bb", True)


NETWORK = st.sampled_from(["fine", "fine", "slow", "refused", "dropped", "unanswered"])
STEP = st.tuples(
    st.sampled_from(["network", "pause", "go on", "restart", "nothing"]),
    st.integers(0, 2),
    NETWORK,
    st.sampled_from([0.1, 1.0, 2.5, 6.0, 11.0, 16.0]),
)
CLOCK = st.tuples(st.floats(-1e6, 1e6), st.floats(0.9, 1.1))


@settings(max_examples=120)
@given(clocks=st.lists(CLOCK, min_size=2, max_size=3), steps=st.lists(STEP, max_size=25))
def test_never_two_and_in_the_end_one(
    clocks: list[tuple[float, float]], steps: list[tuple[str, int, str, float]]
) -> None:
    asyncio.run(_play(clocks, steps))


async def _play(clocks: list[tuple[float, float]], steps: list[tuple[str, int, str, float]]) -> None:
    world = World()
    running = [
        Process(world, "abc"[at] * (at + 1), skew, rate).start() for at, (skew, rate) in enumerate(clocks)
    ]
    for number, (what, who, network, seconds) in enumerate(steps):
        at = who % len(running)
        if what == "network":
            running[at].network = network
        elif what == "pause":
            running[at].going.clear()
        elif what == "go on":
            running[at].going.set()
        elif what == "restart":
            await running[at].stop() if running[at].network == "fine" else _kill(running[at])
            running[at] = Process(world, f"{number}-{at}", *clocks[at]).start()
        await world.clock.advance(seconds)
        assert sum(process.may_act for process in running) <= 1
    for process in running:
        process.network = "fine"
        process.going.set()
    await world.clock.advance(60)
    assert [process.identity for process in running if process.may_act] == [world.holder]
    for process in running:
        await process.stop()


def _kill(process: Process) -> None:
    """End it as SIGKILL does: nothing of it runs any more, and its lease stays."""
    process.going.clear()
