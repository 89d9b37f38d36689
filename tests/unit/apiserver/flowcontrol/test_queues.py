"""Fair queues: bounds hold, nobody starves, time is shared by shares and evenly among flows."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.apiserver.flowcontrol.levels import LevelConfig
from dromon.apiserver.flowcontrol.queues import Bounds, FairQueues, Level

HIGH, LOW = LevelConfig("high", 30), LevelConfig("low", 10)
NEVER = float("inf")


def queues(**bounds: int) -> FairQueues[str]:
    return FairQueues([HIGH, LOW], Bounds(**bounds))


def push(q: FairQueues[str], level: LevelConfig, key: str, item: str = "", deadline: float = NEVER) -> bool:
    return q.push(q.flow(q.levels[level], key), item or key, deadline)


def run(q: FairQueues[str], cost: dict[str, float], rounds: int) -> dict[str, float]:
    """Carry out one request after the other; the time that each flow had. Flows never run dry."""
    spent: dict[str, float] = Counter()
    for _ in range(rounds):
        found = q.pop()
        assert found is not None
        flow, item, charged = found
        spent[item] += cost[item]
        assert q.push(flow, item, NEVER)
        q.done(flow, charged, cost[item])
    return spent


def test_levels_share_time_by_their_shares() -> None:
    q = queues()
    for _ in range(5):
        push(q, HIGH, "a")
        push(q, LOW, "b")
    spent = run(q, {"a": 0.002, "b": 0.010}, 4000)
    assert 2.7 < spent["a"] / spent["b"] < 3.3


def test_flows_share_time_evenly_whatever_one_request_costs() -> None:
    q = queues()
    cost = {"cheap": 0.0001, "dear": 0.02, "middling": 0.001}
    for key in cost:
        for _ in range(50):
            push(q, HIGH, key)
    spent = run(q, cost, 20_000)
    assert max(spent.values()) / min(spent.values()) < 1.1


def test_a_newcomer_does_not_wait_behind_a_long_queue() -> None:
    q = queues()
    for _ in range(200):
        push(q, LOW, "noisy")
    run(q, {"noisy": 0.05}, 100)
    push(q, LOW, "quiet")
    push(q, HIGH, "node")
    order = [q.pop() for _ in range(3)]
    assert {found[1] for found in order if found} >= {"quiet", "node"}


def test_idling_saves_no_time_up() -> None:
    q = queues()
    push(q, LOW, "early")
    found = q.pop()
    assert found is not None
    q.done(found[0], found[2], 0.001)
    for _ in range(10):
        push(q, LOW, "busy")
    run(q, {"busy": 0.1}, 1000)
    for _ in range(10):
        push(q, LOW, "early")
    spent = run(q, {"busy": 0.1, "early": 0.1}, 100)
    assert spent["early"] < 7


def test_a_flow_and_a_level_can_be_full() -> None:
    q = queues(queued=5, queued_by_flow=3)
    assert [push(q, LOW, "a") for _ in range(4)] == [True, True, True, False]
    assert [push(q, LOW, "b") for _ in range(3)] == [True, True, False]
    assert push(q, HIGH, "a")
    flow = q.flow(q.levels[HIGH], "c")
    assert not q.push(flow, "large", NEVER, q.bounds.body_bytes + 1)
    assert q.push(flow, "small", NEVER, q.bounds.body_bytes)
    assert not q.push(flow, "another", NEVER, 1)


def test_seats_are_bounded_and_half_of_them_at_most_are_one_flows() -> None:
    q = queues(seats=16)  # 12 and 4
    for _ in range(20):
        push(q, LOW, "a")
    running = [found for found in iter(q.pop, None) if found]
    assert len(running) == 2
    push(q, LOW, "b")
    push(q, LOW, "c")
    push(q, LOW, "d")
    running += [found for found in iter(q.pop, None) if found]
    assert Counter(found[1] for found in running) == {"a": 2, "b": 1, "c": 1}
    q.done(running[0][0], running[0][2], 0.001)
    assert (found := q.pop()) is not None
    assert found[1] in ("a", "d")


def test_who_does_not_read_is_served_no_more_and_others_are() -> None:
    q = queues(answer_bytes=4000)  # LOW: 1000
    push(q, LOW, "deaf")
    push(q, LOW, "other")
    deaf = q.flow(q.levels[LOW], "deaf")
    deaf.answer_bytes = deaf.level.answer_bytes = 1500
    assert (found := q.pop()) is not None
    assert found[1] == "other"
    assert q.pop() is None
    deaf.answer_bytes = deaf.level.answer_bytes = 200
    assert q.pop() is not None


def test_expired_and_removed_items_are_gone() -> None:
    q = queues()
    push(q, LOW, "a", "first", 5.0)
    push(q, LOW, "a", "second", 10.0)
    push(q, HIGH, "b", "third", 7.0)
    assert sorted(q.expired(7.0)) == ["first", "third"]
    q.remove(q.flow(q.levels[LOW], "a"), "second")
    assert q.queued == 0
    assert q.pop() is None
    assert not q.levels[LOW].flows
    assert not q.levels[HIGH].flows


class Model:
    """What must hold whatever happens."""

    def __init__(self) -> None:
        self.q: FairQueues[int] = FairQueues(
            [HIGH, LOW], Bounds(seats=8, answer_bytes=800, queued=10, queued_by_flow=4, body_bytes=100)
        )
        self.waiting: set[int] = set()
        self.running: list[tuple[object, float]] = []

    def check(self) -> None:
        q = self.q
        assert q.queued == len(self.waiting) == sum(level.queued for level in q.levels.values())
        assert sum(level.executing for level in q.levels.values()) == len(self.running)
        for level in q.levels.values():
            self.check_level(level)

    def check_level(self, level: Level[int]) -> None:
        flows = level.flows.values()
        assert level.queued == sum(len(f.waiting) for f in flows) <= 10
        assert level.executing == sum(f.executing for f in flows) <= level.seats
        assert level.body_bytes == sum(size for f in flows for _, _, size in f.waiting) <= 100
        assert all(len(f.waiting) <= 4 for f in flows)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["push", "push", "pop", "done", "expire", "remove"]),
        st.integers(0, 3),
        st.booleans(),
        st.integers(0, 40),
    ),
    max_size=120,
)


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_bounds_and_counts_hold_whatever_happens(steps: list[tuple[str, int, bool, int]]) -> None:
    m = Model()
    for number, (what, key, high, size) in enumerate(steps):
        level = m.q.levels[HIGH if high else LOW]
        if what == "push":
            if m.q.push(m.q.flow(level, key), number, number + size, size):
                m.waiting.add(number)
        elif what == "pop":
            if (found := m.q.pop()) is not None:
                m.waiting.remove(found[1])
                m.running.append((found[0], found[2]))
        elif what == "done" and m.running:
            flow, charged = m.running.pop(size % len(m.running))
            m.q.done(flow, charged, size / 1000)  # type: ignore[arg-type]
        elif what == "expire":
            m.waiting -= set(m.q.expired(number))
        elif what == "remove" and m.waiting:
            victim = min(m.waiting)
            for lv in m.q.levels.values():
                for flow in list(lv.flows.values()):
                    m.q.remove(flow, victim)
            m.waiting.remove(victim)
        m.check()
    # Nobody is forgotten: with seats free, everything that waits runs.
    while m.waiting:
        for flow, charged in m.running:
            m.q.done(flow, charged, 0.001)  # type: ignore[arg-type]
        m.running.clear()
        following = m.q.pop()
        assert following is not None
        m.waiting.remove(following[1])
        m.running.append((following[0], following[2]))
        m.check()
