"""Many deadlines, one sleeping task: waiting costs nothing per pod.

A hollow process keeps thousands of pods; each would otherwise hold a task that sleeps. A key has one
deadline, and setting it again replaces the earlier one.

Neighbours: worker sets re-plan times, probes their periods, runtime.hollow its containers' lives.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
from collections.abc import Callable, Hashable

from dromon.base.clock import Clock

log = logging.getLogger(__name__)


class Timers:
    """Calls back at deadlines on the clock's monotonic time. `run` must be running."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Hashable]] = []
        self._entries: dict[Hashable, tuple[int, Callable[[], None]]] = {}
        self._order = itertools.count()
        self._earlier = asyncio.Event()

    def at(self, key: Hashable, delay: float, callback: Callable[[], None]) -> None:
        """Call `callback` in `delay` seconds, instead of what `key` had before."""
        when = self._clock.monotonic() + max(delay, 0.0)
        order = next(self._order)
        self._entries[key] = (order, callback)
        if not self._heap or when < self._heap[0][0]:
            self._earlier.set()
        heapq.heappush(self._heap, (when, order, key))
        if len(self._heap) > 64 + 4 * len(self._entries):
            self._compact()

    def cancel(self, key: Hashable) -> None:
        """Forget the key's deadline, if it has one."""
        self._entries.pop(key, None)

    async def run(self) -> None:
        """Serve the deadlines until cancelled."""
        while True:
            self._earlier.clear()
            self._fire_due()
            if not self._heap:
                await self._earlier.wait()
                continue
            nap = asyncio.ensure_future(self._clock.sleep(self._heap[0][0] - self._clock.monotonic()))
            early = asyncio.ensure_future(self._earlier.wait())
            try:
                await asyncio.wait({nap, early}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (nap, early):
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task

    def _fire_due(self) -> None:
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            _, order, key = heapq.heappop(self._heap)
            entry = self._entries.get(key)
            if entry is None or entry[0] != order:
                continue
            del self._entries[key]
            try:
                entry[1]()
            except Exception:
                log.exception("timer callback failed", extra={"key": str(key)})

    def _compact(self) -> None:
        live = {order for order, _ in self._entries.values()}
        self._heap = [item for item in self._heap if item[1] in live]
        heapq.heapify(self._heap)
