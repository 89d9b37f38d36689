"""Processes as Linux shows them: who is alive, since when, and how to end them.

A pid alone says nothing after a restart, so a process is known by its pid and its start time together
(proc(5), /proc/PID/stat, field 22).

Neighbours: cli.supervisor, cli.up, cli.down and cli.status ask and signal by it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

_PR_SET_PDEATHSIG = 1


def start_time(pid: int) -> int:
    """When the process started, in clock ticks since boot; 0 when there is none, or only a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    # The second field, the name, may hold anything, ")" included: count from its end.
    fields = stat[stat.rindex(")") + 2 :].split()
    return 0 if fields[0] in ("Z", "X") else int(fields[19])


def alive(pid: int, started: int) -> bool:
    """Whether the very process still runs."""
    return pid > 0 and started > 0 and start_time(pid) == started


def uptime(started: int) -> float:
    """Seconds since a process that started at `started` (clock ticks) began."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started / os.sysconf("SC_CLK_TCK")


def die_with_parent(parent: int) -> None:
    """Have the kernel send us SIGTERM when our parent ends, even if it was killed.

    Args:
        parent: its pid, to notice that it ended before we could ask.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def send(pid: int, started: int, number: signal.Signals) -> bool:
    """Signal the process if it is still that one; whether it was."""
    if not alive(pid, started):
        return False
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_gone(processes: Iterable[tuple[int, int]], timeout: float) -> list[tuple[int, int]]:
    """Wait until the processes (pid, start time) have ended; those that still run after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    left = [p for p in processes if alive(*p)]
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [p for p in left if alive(*p)]
    return left


def end(processes: Iterable[tuple[int, int]], grace: float) -> None:
    """SIGTERM, and SIGKILL for whoever still runs after `grace` seconds.

    Raises:
        PermissionError: a process belongs to somebody else.
    """
    running = [p for p in processes if send(*p, signal.SIGTERM)]
    for process in running:
        send(*process, signal.SIGCONT)  # a stopped process hears nothing until it goes on
    for process in wait_gone(running, grace):
        send(*process, signal.SIGKILL)
    wait_gone(running, 5.0)
