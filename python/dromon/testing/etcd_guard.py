"""Ends one process when another one ends, however that ends; a program of its own, and how to start it.

PR_SET_PDEATHSIG would go by the thread that started the child, and the end of a pipe is not seen while some
other child holds it, too: a pidfd (pidfd_open(2)) tells of the process alone.

Neighbours: testing.etcd puts one beside every member.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

_READY = b"ready\n"


def over(pid: int, directory: Path | None) -> subprocess.Popen[bytes]:
    """Have a process killed when this one ends; returns once that is sure.

    Args:
        pid: of a child of this process.
        directory: removed then; with the one above, once that is empty.

    Raises:
        RuntimeError: it can't be watched.
    """
    names = [str(os.getpid()), str(pid), *([str(directory)] if directory else [])]
    guard = subprocess.Popen(
        # -I -S: this file alone, at once, whatever the environment says.
        [sys.executable, "-I", "-S", __file__, *names],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert guard.stdout is not None
    with guard.stdout as said:
        if said.readline() != _READY:
            guard.wait()
            raise RuntimeError("a child process can't be watched")
    return guard


def _guard(parent: int, child: int, directory: str | None) -> None:
    watched = {os.pidfd_open(parent): True, os.pidfd_open(child): False}
    poll = select.poll()
    for descriptor in watched:
        poll.register(descriptor, select.POLLIN)
    if os.getppid() == parent:  # else it ended before, and who has its number now is somebody else
        os.write(sys.stdout.fileno(), _READY)
        if not any(watched[descriptor] for descriptor, _ in poll.poll()):
            return
    for descriptor, is_parent in watched.items():
        if not is_parent:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
            select.select([descriptor], [], [])
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)
        with contextlib.suppress(OSError):  # other members' guards are not done yet
            Path(directory).parent.rmdir()


if __name__ == "__main__":
    _guard(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None)
