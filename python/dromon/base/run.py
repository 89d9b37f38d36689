"""How a process of ours begins and ends: uvloop, garbage collection, signals, ordered stop, exit code.

Neighbours: the CLI's component commands call `run` with a component's main.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
from collections.abc import Coroutine
from typing import Any

log = logging.getLogger(__name__)

COLLECT = (50_000, 20, 20)
"""Allocations and younger collections after which cyclic garbage is looked for.

Informers hold hundreds of thousands of objects, none of which is garbage; by Python's own thresholds, which
suit small programs, a third of a busy process's time went into looking at them again and again.
"""


def run(main: Coroutine[Any, Any, Any]) -> None:
    """Run `main` to its end on a new uvloop event loop.

    SIGTERM and SIGINT cancel `main`, which stops what it started, in its order; the call then returns
    normally. A second signal of the same kind ends the process at once.

    Raises:
        SystemExit: code 1, when `main` raised; the error is logged with its traceback.
    """
    import uvloop

    gc.freeze()  # modules and declarations stay for ever
    gc.set_threshold(*COLLECT)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_until_signal(main))
        except Exception:
            log.exception("stopped by an error")
            logging.shutdown()
            sys.exit(1)


async def _until_signal(main: Coroutine[Any, Any, Any]) -> None:
    loop = asyncio.get_running_loop()
    task = loop.create_task(main, name="main")
    stopped = False

    def stop(number: signal.Signals) -> None:
        nonlocal stopped
        stopped = True
        log.info("stopping", extra={"signal": number.name})
        loop.remove_signal_handler(number)
        task.cancel()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped:
            raise
