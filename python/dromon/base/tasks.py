"""Named, supervised tasks: a crash is logged, and the task begins again or takes its owner down with it.

Neighbours: components keep their loops in a TaskSet; base.backoff gives the delays, base.clock the time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any

from dromon.base.backoff import Backoff
from dromon.base.clock import Clock, SystemClock

log = logging.getLogger(__name__)

STEADY = 60.0
"""A task that ran so long, in seconds, before it crashed begins its back-off anew."""


class TaskSet:
    """The tasks of one owner; use it as an async context manager, or call `close`.

    Args:
        clock: for the restarts' delays.
        backoff: makes the back-off of each restarted task.
    """

    def __init__(
        self, clock: Clock | None = None, backoff: Callable[[], Backoff] = lambda: Backoff(0.2, 30.0)
    ) -> None:
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._backoff = backoff
        self._tasks: set[asyncio.Task[None]] = set()
        self._failed: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None

    def start(
        self, name: str, factory: Callable[[], Coroutine[Any, Any, Any]], *, restart: bool = False
    ) -> asyncio.Task[None]:
        """Run `factory()` as a task.

        Args:
            name: for the log.
            factory: makes the coroutine; called again for each restart.
            restart: begin again with back-off after a crash (never after an ordinary return); else a
                crash is logged and given to `wait`.
        """
        run = self._supervise(name, factory) if restart else self._run(name, factory)
        task = asyncio.get_running_loop().create_task(run, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _run(self, name: str, factory: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        try:
            await self._apart(name, factory)
        except Exception as error:
            if _cancelled():
                log.debug("task failed while it was cancelled", exc_info=True, extra={"task": name})
                return
            log.exception("task crashed", extra={"task": name})
            if self._failure is None:
                self._failure = error
            if self._failed is not None and not self._failed.done():
                self._failed.set_result(None)

    async def _supervise(self, name: str, factory: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        backoff = self._backoff()
        while True:
            began = self._clock.monotonic()
            try:
                await self._apart(name, factory)
                return
            except Exception:
                if _cancelled():
                    # Whoever is cancelled may fail on the way out; that must not bring it back to life.
                    log.debug("task failed while it was cancelled", exc_info=True, extra={"task": name})
                    return
                if self._clock.monotonic() - began >= STEADY:
                    backoff.reset()
                delay = backoff.next()
                log.exception("task crashed", extra={"task": name, "restart_in": f"{delay:.1f}s"})
            await self._clock.sleep(delay)

    @staticmethod
    async def _apart(name: str, factory: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        """Run `factory()` as a task of its own: cancelling this one cancels it.

        A TaskGroup whose child fails leaves its task marked as cancelled (CPython before 3.13). The mark must
        not stay on the supervisor, which tells by it whether a failure is a crash or the way out.
        """
        await asyncio.get_running_loop().create_task(factory(), name=name)

    async def wait(self) -> None:
        """Run until cancelled, or until a task without restart crashes: then raise its error."""
        if self._failure is None:
            self._failed = asyncio.get_running_loop().create_future()
            await self._failed
        assert self._failure is not None
        raise self._failure

    async def close(self) -> None:
        """Cancel every task, newest first, and wait until all have ended."""
        tasks = list(self._tasks)
        for task in reversed(tasks):
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

    async def __aenter__(self) -> TaskSet:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _cancelled() -> bool:
    """Whether somebody asked the current task to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
