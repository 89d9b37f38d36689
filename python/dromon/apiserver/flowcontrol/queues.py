"""Fair queues, pure: which of the waiting requests runs next.

Start-time fair queueing in two stages (Goyal, Vin, Cheng, 1996): the level with the least virtual time goes
first, in it the flow with the least. Virtual time advances by what a request costs (seconds of the event
loop, over the level's shares); the cost is expected when a request starts and corrected when it is done. A
level or flow that comes back from idling begins at the current virtual time: it can't save time up.

Neighbours: gate is the only user; levels has the shares.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from dromon.apiserver.flowcontrol.levels import LevelConfig

T = TypeVar("T")

FIRST_COST = 0.0005
"""Seconds that the first request of an unknown flow is expected to cost."""

_LEARN = 0.5  # weight of the newest cost in what is expected of the next


@dataclass(frozen=True, slots=True)
class Bounds:
    """What all levels together may use; each has its part by its shares.

    Attributes:
        seats: requests being carried out.
        answer_bytes: long answers that peers have not taken yet.
        queued: waiting requests of one level.
        queued_by_flow: waiting requests of one flow.
        body_bytes: bodies of the waiting requests of one level.
    """

    seats: int = 600
    answer_bytes: int = 256 * 1024 * 1024
    queued: int = 1024
    queued_by_flow: int = 256
    body_bytes: int = 32 * 1024 * 1024


class Flow(Generic[T]):
    """One user with one program in one level (its lists, or everything else).

    Attributes:
        executing: its requests that were taken from the queue and are not done.
        answer_bytes: its long answers on their way.
    """

    __slots__ = (
        "answer_bytes",
        "debt",
        "executing",
        "expected",
        "key",
        "level",
        "offer",
        "virtual",
        "waiting",
    )

    def __init__(self, level: Level[T], key: Hashable) -> None:
        self.level = level
        self.key = key
        self.waiting: deque[tuple[T, float, int]] = deque()
        self.virtual = level.progress
        self.debt = 0.0
        self.offer = -1  # the number of its entry in the level's heap that holds; others are stale
        self.expected = FIRST_COST
        self.executing = 0
        self.answer_bytes = 0


@dataclass(eq=False)
class Level(Generic[T]):
    """A level's queues and what it uses.

    Attributes:
        seats, answer_limit: its parts of the bounds.
        executing, queued, answer_bytes, body_bytes: in use now.
        virtual: its place among the levels.  progress: where in its flows' virtual time it is.
    """

    config: LevelConfig
    seats: int
    answer_limit: int
    executing: int = 0
    queued: int = 0
    answer_bytes: int = 0
    body_bytes: int = 0
    virtual: float = 0.0
    progress: float = 0.0
    flows: dict[Hashable, Flow[T]] = field(default_factory=dict)
    heap: list[tuple[float, int, Flow[T]]] = field(default_factory=list)


class FairQueues(Generic[T]):
    """The queues of all levels. Times are seconds of any one clock.

    Args:
        levels: their configuration.
        bounds: what may be used.
    """

    def __init__(self, levels: Sequence[LevelConfig], bounds: Bounds) -> None:
        self.bounds = bounds
        total = sum(level.shares for level in levels)
        self.levels: dict[LevelConfig, Level[T]] = {
            level: Level(
                level,
                max(1, bounds.seats * level.shares // total),
                max(1, bounds.answer_bytes * level.shares // total),
            )
            for level in levels
        }
        self.queued = 0
        self._virtual = 0.0
        self._order = itertools.count()

    def flow(self, level: Level[T], key: Hashable) -> Flow[T]:
        """The flow of that name, made when there is none."""
        found = level.flows.get(key)
        if found is None:
            found = level.flows[key] = Flow(level, key)
        return found

    def push(self, flow: Flow[T], item: T, deadline: float, size: int = 0) -> bool:
        """Let `item` wait until `deadline`, with `size` bytes of body; False when there is no room for it."""
        level, bounds = flow.level, self.bounds
        if (
            level.queued >= bounds.queued
            or len(flow.waiting) >= bounds.queued_by_flow
            or (size and level.body_bytes + size > bounds.body_bytes)
        ):
            return False
        if not level.queued:
            level.virtual = max(level.virtual, self._virtual)
        if not flow.waiting:
            flow.virtual = max(flow.virtual, level.progress)
            self._offer(flow)
        flow.waiting.append((item, deadline, size))
        level.body_bytes += size
        level.queued += 1
        self.queued += 1
        return True

    def pop(self) -> tuple[Flow[T], T, float] | None:
        """The next to run, with the cost that was charged for it; None while nobody may run.

        It counts as executing until `done`.
        """
        for level in sorted((lv for lv in self.levels.values() if lv.queued), key=lambda lv: lv.virtual):
            if level.executing >= level.seats:
                continue
            flow = self._first(level)
            if flow is not None:
                return self._start(level, flow)
        return None

    def done(self, flow: Flow[T], charged: float, cost: float) -> None:
        """A request that `pop` gave is carried out: it cost so many seconds in truth."""
        level = flow.level
        level.executing -= 1
        flow.executing -= 1
        level.virtual += (cost - charged) / level.config.shares
        flow.debt += cost - charged
        flow.expected += _LEARN * (cost - flow.expected)
        self.tidy(flow)

    def expired(self, now: float) -> Iterator[T]:
        """Take out and give the items whose deadline has passed."""
        for level in self.levels.values():
            for flow in list(level.flows.values()) if level.queued else ():
                while flow.waiting and flow.waiting[0][1] <= now:
                    yield self._take(flow)
                self.tidy(flow)

    def remove(self, flow: Flow[T], item: T) -> None:
        """Take an item out whose client has left; nothing happens when it is not there."""
        for index, (waiting, _, size) in enumerate(flow.waiting):
            if waiting is item:
                del flow.waiting[index]
                self._count_out(flow, size)
                self.tidy(flow)
                return

    def may_run(self, flow: Flow[T]) -> bool:
        """Whether one more of the flow's requests may be carried out now, the level's seats aside.

        No flow has more than half of its level's bytes and seats, so that one whose peer does not read, or
        whose requests wait for something, leaves room for the others.
        """
        level = flow.level
        if flow.executing >= max(1, level.seats // 2):
            return False
        if flow.answer_bytes:
            return level.answer_bytes < level.answer_limit and flow.answer_bytes < level.answer_limit // 2
        return level.answer_bytes < 2 * level.answer_limit

    def tidy(self, flow: Flow[T]) -> None:
        """Forget the flow if there is nothing to remember; all such flows when the level's work is done."""
        level = flow.level
        if not level.queued and not level.executing:
            level.flows = {key: f for key, f in level.flows.items() if f.answer_bytes or f.executing}
        elif _idle(flow) and level.flows.get(flow.key) is flow:
            del level.flows[flow.key]

    def _first(self, level: Level[T]) -> Flow[T] | None:
        """The flow whose turn it is, taken off the heap."""
        aside = []
        found = None
        while level.heap:
            _, number, flow = heapq.heappop(level.heap)
            if flow.offer != number or not flow.waiting:
                continue
            if flow.debt:
                flow.virtual = max(flow.virtual + flow.debt, 0.0)
                flow.debt = 0.0
                self._offer(flow)
            elif self.may_run(flow):
                found = flow
                break
            else:
                aside.append(flow)
        for flow in aside:
            self._offer(flow)
        return found

    def _start(self, level: Level[T], flow: Flow[T]) -> tuple[Flow[T], T, float]:
        charged = flow.expected
        self._virtual = max(self._virtual, level.virtual)
        level.progress = max(level.progress, flow.virtual)
        level.virtual += charged / level.config.shares
        flow.virtual += charged
        level.executing += 1
        flow.executing += 1
        item = self._take(flow)
        if flow.waiting:
            self._offer(flow)
        return flow, item, charged

    def _take(self, flow: Flow[T]) -> T:
        item, _, size = flow.waiting.popleft()
        self._count_out(flow, size)
        return item

    def _count_out(self, flow: Flow[T], size: int) -> None:
        flow.level.queued -= 1
        flow.level.body_bytes -= size
        self.queued -= 1

    def _offer(self, flow: Flow[T]) -> None:
        flow.offer = next(self._order)
        heapq.heappush(flow.level.heap, (flow.virtual, flow.offer, flow))


def _idle(flow: Flow[T]) -> bool:
    """Whether a new flow in its place would be treated alike."""
    if flow.waiting or flow.executing or flow.answer_bytes:
        return False
    return flow.virtual + flow.debt <= flow.level.progress
