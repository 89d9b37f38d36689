"""Which pod is next: active, in back-off, or parked until the cluster changes in its favour. No I/O.

A pod is in exactly one state:

    add ──► ACTIVE ──pop──► IN_FLIGHT ──done──► (gone)
              ▲ ▲               │ │
      move,   │ └─── BACKOFF ◄──┘ └──► PARKED      (no node would do)
      flush   └──────────┴───── move, flush ──┘

Order is priority (higher first), then the time at which the pod became active, then arrival. Back-off is 1 s,
doubled by each attempt, up to 10 s; a pod parked for 5 minutes is tried again whatever happens. The figures
are kube-scheduler's.

Neighbours: loop is the only user; its clock is injected.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import Enum

from dromon.api.types.pod import Pod
from dromon.base.clock import Clock

INITIAL_BACKOFF = 1.0
MAX_BACKOFF = 10.0
MAX_PARKED = 300.0
"""Seconds."""


class State(Enum):
    """Where a pod is."""

    ACTIVE = "active"
    BACKOFF = "backoff"
    PARKED = "parked"
    GATED = "gated"
    IN_FLIGHT = "in flight"
    GONE = "gone"


@dataclass(slots=True, eq=False)
class QueuedPod:
    """A pod that has no node yet.

    Attributes:
        uid: of the pod.
        pod: as last seen; never changed in place.
        group: equal for pods that the same change of the cluster helps: its compiled class.
        priority: spec.priority.
        attempts: how often it was popped.
        since: monotonic seconds of its last attempt's end, or of its arrival.
        state: where it is; set by the queue alone.
        ticket: tells its newest heap entry from stale ones.
        reported: the (reason, message, nominated) last written to its status, () for none.
        written: as `reported`, once the server has taken it; its watch may lag behind.
        nominated: the node where room is being made for it, "" for none.
        recorded: monotonic seconds of the last Event about it.
    """

    uid: str
    pod: Pod
    group: Hashable
    priority: int
    since: float
    state: State = State.ACTIVE
    attempts: int = 0
    ticket: int = 0
    reported: tuple[str, ...] = ()
    written: tuple[str, ...] = ()
    nominated: str = ""
    recorded: float = float("-inf")


class SchedulingQueue:
    """See the module's docstring.

    Args:
        clock: `monotonic` is used, nothing sleeps.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pods: dict[str, QueuedPod] = {}
        self._active: list[tuple[int, float, int, QueuedPod]] = []
        self._backoff: list[tuple[float, int, QueuedPod]] = []
        self._parked: dict[Hashable, dict[str, QueuedPod]] = {}
        self._flush: list[tuple[float, int, QueuedPod]] = []
        self._tickets = itertools.count(1)

    def get(self, uid: str) -> QueuedPod | None:
        """The pod, in whatever state, or None when it is not in the queue."""
        return self._pods.get(uid)

    def count(self, state: State) -> int:
        """How many pods are in this state (walks the queue: for tests and reports)."""
        return sum(1 for queued in self._pods.values() if queued.state is state)

    def add(self, uid: str, pod: Pod, group: Hashable, priority: int, *, gated: bool = False) -> QueuedPod:
        """Take up a new pod; a gated one waits for its gates, all others are active at once.

        A uid that is known is put in the place of what was known.
        """
        self.remove(uid)
        queued = QueuedPod(uid, pod, group, priority, self._clock.monotonic())
        self._pods[uid] = queued
        if gated:
            queued.state = State.GATED
        else:
            self._activate(queued)
        return queued

    def update(self, queued: QueuedPod, pod: Pod, group: Hashable, priority: int, *, gated: bool) -> None:
        """A pod's own change that matters to scheduling: it is worth another attempt.

        One under way keeps its state; one that backs off keeps its time.
        """
        state, moves = queued.state, priority != queued.priority
        if state is State.PARKED:
            self._unpark(queued)
        queued.pod, queued.group, queued.priority = pod, group, priority
        if gated:
            if state is not State.IN_FLIGHT:
                queued.state = State.GATED
        elif state is State.PARKED:
            self._retry(queued)
        elif state is State.GATED or (state is State.ACTIVE and moves):
            self._activate(queued)

    def remove(self, uid: str) -> None:
        """The pod was deleted, or has a node (no effect when unknown)."""
        queued = self._pods.pop(uid, None)
        if queued is not None:
            if queued.state is State.PARKED:
                self._unpark(queued)
            queued.state = State.GONE

    def pop(self, limit: int) -> list[QueuedPod]:
        """Up to `limit` active pods in order; they are IN_FLIGHT until parked, backed off or removed."""
        popped: list[QueuedPod] = []
        while self._active and len(popped) < limit:
            _, _, ticket, queued = heapq.heappop(self._active)
            if queued.ticket == ticket and queued.state is State.ACTIVE:
                queued.state = State.IN_FLIGHT
                queued.attempts += 1
                popped.append(queued)
        return popped

    def park(self, queued: QueuedPod) -> None:
        """No node would do: wait for `move`, `update`, or five minutes (no effect unless IN_FLIGHT)."""
        if queued.state is State.IN_FLIGHT:
            queued.state = State.PARKED
            queued.since = self._clock.monotonic()
            queued.ticket = next(self._tickets)
            self._parked.setdefault(queued.group, {})[queued.uid] = queued
            heapq.heappush(self._flush, (queued.since + MAX_PARKED, queued.ticket, queued))

    def back_off(self, queued: QueuedPod) -> None:
        """The attempt failed otherwise: try again after the back-off (no effect unless IN_FLIGHT)."""
        if queued.state is State.IN_FLIGHT:
            queued.since = self._clock.monotonic()
            self._retry(queued)

    def move(self, helps: Callable[[Hashable], bool]) -> int:
        """The cluster changed: parked pods of the groups that it helps are tried again after their back-off.

        Args:
            helps: called once per group that has parked pods.

        Returns:
            How many pods were moved.
        """
        moved = 0
        for group in [g for g in self._parked if helps(g)]:
            for queued in self._parked.pop(group).values():
                self._retry(queued)
                moved += 1
        return moved

    def has_parked(self) -> bool:
        """Whether any pod is parked."""
        return bool(self._parked)

    def wake(self, queued: QueuedPod) -> bool:
        """Try a parked pod again after its back-off; returns whether it was parked."""
        if queued.state is not State.PARKED:
            return False
        self._unpark(queued)
        self._retry(queued)
        return True

    def flush(self) -> None:
        """Activate pods whose back-off is over, and retry those parked for too long."""
        now = self._clock.monotonic()
        while self._flush and self._flush[0][0] <= now:
            _, ticket, queued = heapq.heappop(self._flush)
            if queued.ticket == ticket and queued.state is State.PARKED:
                self._unpark(queued)
                self._retry(queued)
        while self._backoff and self._backoff[0][0] <= now:
            _, ticket, queued = heapq.heappop(self._backoff)
            if queued.ticket == ticket and queued.state is State.BACKOFF:
                self._activate(queued)

    def next_flush(self) -> float | None:
        """Seconds until `flush` may have something to do; None when nothing waits for time."""
        heads = [heap[0][0] for heap in (self._backoff, self._flush) if heap]
        return max(min(heads) - self._clock.monotonic(), 0.0) if heads else None

    def _activate(self, queued: QueuedPod) -> None:
        queued.state = State.ACTIVE
        queued.ticket = next(self._tickets)
        now = self._clock.monotonic()
        heapq.heappush(self._active, (-queued.priority, now, queued.ticket, queued))

    def _retry(self, queued: QueuedPod) -> None:
        """Active, or in back-off if its last attempt was too recent."""
        ready = queued.since + backoff(queued.attempts)
        if ready <= self._clock.monotonic():
            self._activate(queued)
            return
        queued.state = State.BACKOFF
        queued.ticket = next(self._tickets)
        heapq.heappush(self._backoff, (ready, queued.ticket, queued))

    def _unpark(self, queued: QueuedPod) -> None:
        group = self._parked[queued.group]
        del group[queued.uid]
        if not group:
            del self._parked[queued.group]


def backoff(attempts: int) -> float:
    """Seconds to wait after so many attempts: 0, 1, 2, 4, 8, 10, 10, ..."""
    return min(INITIAL_BACKOFF * 2 ** (min(attempts, 16) - 1), MAX_BACKOFF) if attempts > 0 else 0.0
