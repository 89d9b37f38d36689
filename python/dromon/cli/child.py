"""What a component's process does between the supervisor's fork and its event loop.

Neighbours: cli.supervisor forks it; base.run runs the component's main.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import logging
import os
import signal
import sys
from typing import NoReturn

from dromon.base import log
from dromon.cli import process
from dromon.cli.component import run
from dromon.cli.datadir import DataDir
from dromon.cli.topology import Component

LARGEST_LOG = 16 * 1024 * 1024
"""A log of more bytes is set aside (one generation) when its component starts."""

_PR_SET_NAME = 15


def main(part: Component, directory: DataDir, parent: int, ready_pipe: int) -> NoReturn:
    """Become the component; never returns.

    Args:
        parent: pid of the supervisor, with which we end.
        ready_pipe: file descriptor that takes one byte when the component is ready.
    """
    code = 1
    try:
        os.setsid()  # a terminal's Ctrl-C must not reach us before the supervisor's orderly stop
        process.die_with_parent(parent)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        ctypes.CDLL(None).prctl(_PR_SET_NAME, f"dromon-{part.name}".encode()[:15], 0, 0, 0)
        redirect(directory, part.name)
        gc.enable()
        log.setup(part.name)
        code = _run(part, ready_pipe)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        logging.getLogger(__name__).exception("component failed")
    finally:
        logging.shutdown()
        os._exit(code)


def _run(part: Component, ready_pipe: int) -> int:
    def ready() -> None:
        with contextlib.suppress(OSError):
            os.write(ready_pipe, b"r")

    config = part.type.config_class()(**part.values)
    return run(part.type, config, ready)


def redirect(directory: DataDir, name: str) -> None:
    """Send standard output and error to the component's log, and read nothing."""
    path = directory.log(name)
    with contextlib.suppress(FileNotFoundError):
        if path.stat().st_size > LARGEST_LOG:
            path.rename(path.with_suffix(".log.1"))
    sys.stdout.flush()
    sys.stderr.flush()
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.close(nothing)
