"""The apiserver as a component: start, say ready, serve until cancelled, stop in order.

Neighbours: the CLI calls run in a process of its own.
"""

from __future__ import annotations

import asyncio
import gc
import resource
import signal
from collections.abc import Callable

from dromon.apiserver.config import ApiServerConfig
from dromon.apiserver.server import ApiServer
from dromon.base.clock import Clock, SystemClock

_OTHER_FILES = 1_000  # beside clients' connections: the store's, kubelets', logs


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
    _allow_files(config.max_connections)
    server = ApiServer(config, clock=clock or SystemClock())
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGHUP, server.operations.reopen)
    try:
        await server.start()
        _calm_collector()
        if ready is not None:
            ready()
        await asyncio.Event().wait()
    finally:
        loop.remove_signal_handler(signal.SIGHUP)
        await server.close()


def _allow_files(connections: int) -> None:
    """Let this process open files for so many connections, as far as the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _calm_collector() -> None:
    """Let the cyclic garbage collector look less often, and never at what the imports and the start made.

    Requests make many short-lived objects and hardly any cycles: looking every 700 allocations, Python's
    default, costs a sixth of the time of a create.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
