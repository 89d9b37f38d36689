"""The gate: nothing waits without need, turns, bounded waits, refusals with Retry-After at a bounded rate."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dromon.api.errors import ApiError
from dromon.apiserver.authn import User
from dromon.apiserver.flowcontrol import gate as gate_module
from dromon.apiserver.flowcontrol.gate import LONG, TURN, WAIT, Gate, Pass
from dromon.apiserver.flowcontrol.levels import GLOBAL_DEFAULT, LEVELS, NODE_HIGH, level_of
from dromon.apiserver.flowcontrol.pace import BURST, RATE
from dromon.apiserver.flowcontrol.queues import Bounds
from dromon.base.http.messages import Headers, Request, Response
from dromon.testing.clock import FakeClock, settle

ALICE, BOB = User("alice"), User("bob")
ACCOUNT = ("system:serviceaccounts",)
NODE = User("system:node:n1", ("system:nodes",))


class LoopTime:
    """What the gate reads as the time of the event loop."""

    now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def loop_time(monkeypatch: pytest.MonkeyPatch) -> LoopTime:
    fake = LoopTime()
    monkeypatch.setattr(gate_module, "time", fake)
    return fake


def request(body: bytes = b"") -> Request:
    return Request("GET", "/", Headers.of({"User-Agent": "test"}), body)


def enter(gate: Gate, user: User = ALICE, long: bool = True) -> Pass:
    return gate.enter(gate.level(user, "list", "pods", "", ""), user, request(), long=long)


async def through(gate: Gate, user: User = ALICE, long: bool = True) -> Pass:
    passing = enter(gate, user, long)
    if passing.waits:
        await gate.wait(passing)
    return passing


async def test_with_room_nothing_waits(loop_time: LoopTime) -> None:
    gate = Gate(FakeClock(), Bounds())
    for _ in range(1000):
        passing = enter(gate)
        assert not passing.waits
        gate.leave(passing, Response())
    assert not gate.queues.levels[GLOBAL_DEFAULT].flows
    assert gate.counters[GLOBAL_DEFAULT].dispatched == 1000


async def test_what_a_turn_has_no_time_for_waits_for_the_next(loop_time: LoopTime) -> None:
    gate = Gate(FakeClock(), Bounds())
    first = enter(gate)
    loop_time.now += 2 * TURN
    gate.leave(first, Response())
    second = enter(gate)
    assert second.waits
    await asyncio.wait_for(gate.wait(second), 5)
    gate.leave(second, Response())
    await settle()
    assert not enter(gate).waits


async def test_a_heartbeat_goes_before_a_flood(loop_time: LoopTime) -> None:
    """Each LIST of the flood takes four turns of the loop; the node waits for one of them, not for all."""
    gate = Gate(FakeClock(), Bounds())
    order: list[str] = []

    async def client(user: User, plural: str) -> None:
        passing = gate.enter(gate.level(user, "update", plural, "kube-node-lease", ""), user, request())
        if passing.waits:
            await gate.wait(passing)
        order.append(user.name)
        loop_time.now += 4 * TURN
        gate.leave(passing, Response())

    flood = [asyncio.create_task(client(ALICE, "pods")) for _ in range(100)]
    while len(order) < 20:
        await asyncio.sleep(0)
    node = asyncio.create_task(client(NODE, "leases"))
    await node
    assert len(order) < 25
    await asyncio.gather(*flood)
    assert len(order) == 101
    assert gate.counters[NODE_HIGH].dispatched == 1


async def test_a_full_queue_refuses_with_retry_after(loop_time: LoopTime) -> None:
    gate = Gate(FakeClock(), Bounds(seats=10, queued=1))
    level = gate.queues.levels[GLOBAL_DEFAULT]
    level.executing = level.seats
    waiting = asyncio.create_task(through(gate))
    await settle()
    with pytest.raises(ApiError) as refusal:
        await through(gate, BOB)
    assert refusal.value.code == 429
    assert refusal.value.reason == "TooManyRequests"
    assert refusal.value.headers == {"Retry-After": "1"}
    level.executing = 0
    gate._pump_soon()
    gate.leave(await waiting, Response())
    gate.close()


async def test_nobody_waits_for_ever(loop_time: LoopTime) -> None:
    clock = FakeClock()
    gate = Gate(clock, Bounds(seats=10))
    level = gate.queues.levels[GLOBAL_DEFAULT]
    level.executing = level.seats
    waiting = asyncio.create_task(through(gate))
    await settle()
    await clock.advance(WAIT - 0.1)
    assert not waiting.done()
    await clock.advance(1.0)
    with pytest.raises(ApiError, match="too many requests"):
        await waiting
    assert gate.counters[GLOBAL_DEFAULT].rejected == {"queue-full": 0, "time-out": 1}
    assert not level.flows


async def test_refusals_come_at_a_bounded_rate_and_hold_no_body(loop_time: LoopTime) -> None:
    clock = FakeClock()
    gate = Gate(clock, Bounds(seats=10, queued=0))
    gate.queues.levels[GLOBAL_DEFAULT].executing = 10
    requests = [request(b"x" * 1000) for _ in range(BURST + RATE)]

    async def refused(one: Request) -> int:
        passing = gate.enter(gate.queues.levels[GLOBAL_DEFAULT], ALICE, one)
        with pytest.raises(ApiError):
            await gate.wait(passing)
        return 429

    tasks = [asyncio.create_task(refused(one)) for one in requests]
    await settle()
    assert not any(one.body for one in requests)
    assert BURST <= sum(t.done() for t in tasks) <= BURST + 1
    await clock.advance(0.5)
    assert abs(sum(t.done() for t in tasks) - BURST - RATE / 2) <= 2
    await clock.advance(0.51)
    assert all(t.done() for t in tasks)
    assert gate.held == 0


async def test_a_client_that_leaves_leaves_nothing_behind(loop_time: LoopTime) -> None:
    gate = Gate(FakeClock(), Bounds(seats=10))
    level = gate.queues.levels[GLOBAL_DEFAULT]
    level.executing = level.seats
    waiting = asyncio.create_task(through(gate))
    await settle()
    assert level.queued == 1
    waiting.cancel()
    await settle()
    assert (level.queued, level.executing) == (0, level.seats)
    # ... nor if its turn came in the same moment.
    waiting = asyncio.create_task(through(gate))
    await settle()
    level.executing -= 1
    gate._pump()
    waiting.cancel()
    await settle()
    assert (level.queued, level.executing) == (0, level.seats - 1)
    gate.close()


async def test_answers_count_until_they_are_taken(loop_time: LoopTime) -> None:
    bounds = Bounds(answer_bytes=6 * LONG * sum(level.shares for level in LEVELS) // GLOBAL_DEFAULT.shares)
    gate = Gate(FakeClock(), bounds)
    level = gate.queues.levels[GLOBAL_DEFAULT]
    answers: list[Any] = []
    for _ in range(2):
        passing = await through(gate)
        response = Response(200, b"x" * 2 * LONG)
        gate.leave(passing, response)
        answers.append(response)
    assert level.answer_bytes == 4 * LONG
    deaf = asyncio.create_task(through(gate))
    for other in (through(gate, BOB), through(gate, ALICE, long=False)):
        gate.leave(await asyncio.wait_for(other, 5), Response())
    assert not deaf.done()
    for response in answers:
        response.sent()
    gate.leave(await asyncio.wait_for(deaf, 5), Response())
    assert level.answer_bytes == 0
    gate.close()


@pytest.mark.parametrize(
    ("name", "groups", "request_", "level"),
    [
        ("kubernetes-admin", ("system:masters",), ("list", "pods", "", ""), "masters"),
        ("system:node:n1", ("system:nodes",), ("update", "leases", "kube-node-lease", ""), "node-high"),
        ("system:node:n1", ("system:nodes",), ("patch", "nodes", "", "status"), "node-high"),
        ("system:node:n1", ("system:nodes",), ("list", "nodes", "", ""), "system"),
        ("system:node:n1", ("system:nodes",), ("patch", "pods", "a", "status"), "system"),
        ("system:kube-scheduler", (), ("update", "leases", "kube-system", ""), "leader-election"),
        ("system:kube-scheduler", (), ("create", "bindings", "a", ""), "workload-high"),
        ("system:serviceaccount:kube-system:dns", ACCOUNT, ("list", "services", "", ""), "workload-high"),
        ("system:serviceaccount:a:b", ACCOUNT, ("update", "leases", "a", ""), "workload-low"),
        ("alice", ("system:authenticated",), ("update", "leases", "kube-node-lease", ""), "global-default"),
    ],
)  # fmt: skip
def test_levels(name: str, groups: tuple[str, ...], request_: tuple[str, ...], level: str) -> None:
    gate = Gate(FakeClock(), Bounds())
    user = User(name, groups)
    assert gate.level(user, *request_).config.name == level
    assert level_of(user) in LEVELS
