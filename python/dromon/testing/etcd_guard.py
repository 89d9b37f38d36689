"""Cleans up after a process, however that ends: kills a child of it, or removes a directory. Also a program.

PR_SET_PDEATHSIG would go by the thread that started the child, and the end of a pipe is not seen while some
other child holds it, too: a pidfd (pidfd_open(2)) tells of the process alone.

Neighbours: testing.etcd puts one beside every member, and one beside what a cluster has in memory.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

_READY = b"ready\n"
_AGAIN = 0.05  # seconds between tries to remove what somebody still writes to
_TRIES = 200


def kills(pid: int) -> subprocess.Popen[bytes]:
    """Have a child of this process killed when this process ends; returns once that is sure.

    The guard ends with the child.

    Raises:
        RuntimeError: it can't be watched.
    """
    return _start("kill", str(pid))


def removes(directory: Path) -> subprocess.Popen[bytes]:
    """Have a directory removed when this process ends. The guard lasts until then, or until it is killed.

    Raises:
        RuntimeError: this process can't be watched.
    """
    return _start("remove", str(directory))


def _start(what: str, name: str) -> subprocess.Popen[bytes]:
    guard = subprocess.Popen(
        # -I -S: this file alone, at once, whatever the environment says.
        [sys.executable, "-I", "-S", __file__, str(os.getpid()), what, name],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert guard.stdout is not None
    with guard.stdout as said:
        if said.readline() != _READY:
            guard.wait()
            raise RuntimeError("a process can't be watched")
    return guard


def _await(parent: int, *others: int) -> None:
    """Return when the parent, or a process of which a pidfd is given, ends."""
    ends = [os.pidfd_open(parent), *others]
    if os.getppid() != parent:
        return  # it ended before, and who has its number now is somebody else
    os.write(sys.stdout.fileno(), _READY)
    select.select(ends, [], [])


def _main(parent: int, what: str, name: str) -> None:
    if what == "kill":
        child = os.pidfd_open(int(name))
        _await(parent, child)
        signal.pidfd_send_signal(child, signal.SIGKILL)  # in vain where it was the child that ended
        return
    _await(parent)
    for _ in range(_TRIES):  # members are killed at the same time
        shutil.rmtree(name, ignore_errors=True)
        if not Path(name).exists():
            return
        time.sleep(_AGAIN)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
