"""The apiserver as a component: start, say ready, serve until cancelled, stop in order.

Neighbours: the CLI calls run in a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from dromon.apiserver.config import ApiServerConfig
from dromon.apiserver.server import ApiServer
from dromon.base.clock import Clock, SystemClock


async def run(
    config: ApiServerConfig, *, clock: Clock | None = None, ready: Callable[[], None] | None = None
) -> None:
    """Serve until cancelled.

    Args:
        config: addresses, files, ranges.
        clock: None: the machine's.
        ready: called once requests are answered.

    Raises:
        StoreError, OSError, ValueError: it could not start, with what to do.
    """
    server = ApiServer(config, clock=clock or SystemClock())
    try:
        await server.start()
        _calm_collector()
        if ready is not None:
            ready()
        await asyncio.Event().wait()
    finally:
        await server.close()


def _calm_collector() -> None:
    """Let the cyclic garbage collector look less often, and never at what the imports and the start made.

    Requests make many short-lived objects and hardly any cycles: looking every 700 allocations, Python's
    default, costs a sixth of the time of a create.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
