"""Waiting: until the cache shows a revision, and until it shows all that was answered before a read began.

Neighbours: cache tells how far it is and asks for barriers; its readers wait here.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from dromon.base.clock import Clock
from dromon.store.interface import Unavailable

T = TypeVar("T")


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """Await `work` for so long at most. Raises TimeoutError, and ends the work then."""
    task = asyncio.ensure_future(work)
    timer = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise TimeoutError
        return task.result()
    finally:
        timer.cancel()
        task.cancel()


class Progress:
    """Who waits for which revision.

    Args:
        now: the revision that is shown.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._waiters: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self.fault: str | None = None

    def __len__(self) -> int:
        return len(self._waiters)

    async def reach(self, revision: int) -> None:
        """Return once `revision` is shown. Raises Unavailable while nothing is taken up."""
        if self._now() >= revision:
            return
        if self.fault is not None:
            raise Unavailable(self.fault)
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (revision, next(self._order), waiter)
        heapq.heappush(self._waiters, entry)
        try:
            await waiter
        except asyncio.CancelledError:
            # Else those who wait for revisions far in the future, which clients can ask for, would pile up.
            if entry in self._waiters:
                self._waiters.remove(entry)
                heapq.heapify(self._waiters)
            raise

    def announce(self) -> None:
        """Something was taken up."""
        now = self._now()
        while self._waiters and self._waiters[0][0] <= now:
            waiter = heapq.heappop(self._waiters)[2]
            if not waiter.done():
                waiter.set_result(None)

    def stop(self, why: str) -> None:
        """Nothing is taken up any more: who waits, waits in vain."""
        self.fault = self.fault or why
        while self._waiters:
            waiter = heapq.heappop(self._waiters)[2]
            if not waiter.done():
                waiter.set_exception(Unavailable(why))

    def resume(self) -> None:
        """Changes are taken up again."""
        self.fault = None


class Barriers:
    """Asks the store how far it is, once for all readers that came before the question was put.

    A reader never gets the answer to a question that was under way when it came: that may be older than the
    writes which it must see. Waiting for that one's end counts: a reader waits for `patience` in all.

    Args:
        ask: Store.barrier.
        patience: seconds.
    """

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, int]], clock: Clock, patience: float) -> None:
        self._ask = ask
        self._clock = clock
        self._patience = patience
        self._next: asyncio.Future[int] | None = None
        self._until = 0.0  # the clock's time at which the first of those who wait has no patience left
        self._asking: asyncio.Task[None] | None = None
        self.asked = 0

    async def revision(self) -> int:
        """A revision that includes every write answered before this call.

        Raises:
            TimeoutError: nothing came in time.
            Unavailable: as Store.barrier.
        """
        if self._next is None:
            self._until = self._clock.monotonic() + self._patience
            self._next = asyncio.get_running_loop().create_future()
            if self._asking is None:
                self._asking = asyncio.create_task(self._work(), name="cache-barriers")
        return await asyncio.shield(self._next)

    async def close(self) -> None:
        """Ask no more; who waits gets Unavailable."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    async def _work(self) -> None:
        try:
            while self._next is not None:
                group, self._next = self._next, None
                self.asked += 1
                try:
                    left = self._until - self._clock.monotonic()
                    revision = await within(self._clock, max(left, 0.0), self._ask())
                except asyncio.CancelledError:
                    _refuse(group, Unavailable("the store is closed"))
                    raise
                except Exception as error:  # each of those who wait is told
                    _refuse(group, error)
                else:
                    group.set_result(revision)
        finally:
            self._asking = None
            if self._next is not None:
                _refuse(self._next, Unavailable("the store is closed"))
                self._next = None


def _refuse(group: asyncio.Future[int], error: Exception) -> None:
    group.set_exception(error)
    group.exception()  # everybody may have left meanwhile, which is no fault
