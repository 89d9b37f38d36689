"""The queue between events and workers: coalescing, delays, per-key back-off.

Source: the semantics of client-go's util/workqueue. A key that is added while it waits is handled
once; one that is added while a worker has it is handled again after `done`, never by two workers at once.

Neighbours: informers' handlers add, control loops take; base.clock gives the time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from dromon.base.clock import Clock, SystemClock

K = TypeVar("K", bound=Hashable)


class ShutDown(Exception):
    """The queue is shut down and empty: the worker can end."""


def exponential(initial: float = 0.005, maximum: float = 1000.0) -> Callable[[int], float]:
    """Failures so far -> seconds: 5 ms, 10 ms, ... 1000 s, as client-go's default."""
    return lambda failures: min(initial * 2.0 ** min(failures, 60), maximum)


class WorkQueue(Generic[K]):
    """See the module.

    Args:
        clock: for delays.
        backoff: how many times the key has failed before -> seconds until it is tried again.
    """

    def __init__(self, clock: Clock | None = None, backoff: Callable[[int], float] | None = None) -> None:
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._backoff = backoff if backoff is not None else exponential()
        self._queue: deque[K] = deque()
        self._dirty: set[K] = set()
        self._processing: set[K] = set()
        self._failures: dict[K, int] = {}
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._delayed: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._order = itertools.count()
        self._timer: asyncio.Task[None] | None = None
        self._timer_due = 0.0
        self._shut = False

    def __len__(self) -> int:
        """Keys that wait for a worker now (delayed ones not counted)."""
        return len(self._queue)

    def add(self, key: K) -> None:
        """Have `key` handled as soon as a worker is free."""
        if self._shut or key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._queue.append(key)
            self._wake()

    def add_after(self, key: K, seconds: float) -> None:
        """Have `key` handled after `seconds`; of several delays of a key the shortest counts."""
        if self._shut:
            return
        if seconds <= 0:
            self.add(key)
            return
        due = self._clock.monotonic() + seconds
        known = self._due.get(key)
        if known is not None and known <= due:
            return
        self._due[key] = due
        heapq.heappush(self._delayed, (due, next(self._order), key))
        self._arm()

    def add_rate_limited(self, key: K) -> None:
        """Have `key` handled after its back-off, which grows with every call until `forget`."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, self._backoff(failures))

    def failures(self, key: K) -> int:
        """How often `add_rate_limited` was called since `forget`."""
        return self._failures.get(key, 0)

    def forget(self, key: K) -> None:
        """`key` succeeded: its back-off begins anew."""
        self._failures.pop(key, None)

    async def get(self) -> K:
        """The next key; call `done` with it afterwards, whatever happened.

        Raises:
            ShutDown: the queue is shut down and nothing waits.
        """
        while not self._queue:
            if self._shut:
                raise ShutDown
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._wake()  # pass on what this worker was woken for
                raise
            finally:
                if not waiter.done() or waiter.cancelled():
                    self._forget_waiter(waiter)
        key = self._queue.popleft()
        self._processing.add(key)
        self._dirty.discard(key)
        return key

    def done(self, key: K) -> None:
        """The worker is through with `key`; if it was added meanwhile, it waits again now."""
        self._processing.discard(key)
        if key in self._dirty:
            self._queue.append(key)
            self._wake()

    def shut_down(self) -> None:
        """Take no more keys; workers get what waits, then ShutDown."""
        self._shut = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiters:
            self._wake()

    def _wake(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _forget_waiter(self, waiter: asyncio.Future[None]) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    def _arm(self) -> None:
        """Make sure that a timer ends when the earliest delay does."""
        if not self._delayed:
            return
        due = self._delayed[0][0]
        if self._timer is not None and not self._timer.done():
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = asyncio.get_running_loop().create_task(self._ripen(), name="workqueue delays")

    async def _ripen(self) -> None:
        """Add keys whose delay is over, until none is left."""
        while self._delayed:
            now = self._clock.monotonic()
            while self._delayed and self._delayed[0][0] <= now:
                due, _, key = heapq.heappop(self._delayed)
                if self._due.get(key) == due:
                    del self._due[key]
                    self.add(key)
            if self._delayed:
                self._timer_due = self._delayed[0][0]
                await self._clock.sleep(self._timer_due - now)
