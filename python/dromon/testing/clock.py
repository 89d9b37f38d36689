"""A clock that moves when a test says so.

Neighbours: dromon.base.clock.Clock is what it implements.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools


class FakeClock:
    """Implements dromon.base.clock.Clock; `advance` moves time and wakes whoever slept past it.

    Args:
        start: the first value of `now`, in seconds since the epoch; `monotonic` starts at 0.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> float:
        return self._start + self._elapsed

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move time by `seconds`, waking sleepers in order, and let them run."""
        target = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= target:
            at, _, future = heapq.heappop(self._sleepers)
            self._elapsed = max(self._elapsed, at)
            if not future.done():
                future.set_result(None)
            await settle()
        self._elapsed = target
        await settle()


async def settle(rounds: int = 20) -> None:
    """Let tasks that are ready run (a bounded number of turns of the loop)."""
    for _ in range(rounds):
        await asyncio.sleep(0)
