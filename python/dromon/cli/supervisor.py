"""The parent of all components: forks them, restarts what crashes, stops them in order.

It is plain synchronous code, without event loop and threads, because it forks: event loops start in the
children. What a child needs is imported here before the fork, so imports are paid once and their memory is
shared; the API server is forked first, while the others' imports are still to come.

Neighbours: cli.up forks and talks to it over a pipe, cli.child is what it forks, cli.topology the plan.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import select
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dromon.base.backoff import Backoff
from dromon.cli import child, process
from dromon.cli.datadir import DataDir, Lock, write_json
from dromon.cli.topology import Component, stages

log = logging.getLogger(__name__)

STEADY = 10.0
"""A component that ran so long, in seconds, before it ended begins its back-off anew."""

HEAD_START = 5.0
"""Seconds that the others wait for the API server to be ready, before they start all the same."""

GRACE = 10.0
"""Seconds that components of one stage have to stop."""


@dataclass
class _Child:
    part: Component
    pid: int = 0
    started: int = 0
    since: float = 0.0
    restarts: int = 0
    ready: bool = False
    ready_pipe: int = -1
    restart_at: float | None = None
    backoff: Backoff = field(default_factory=lambda: Backoff(0.1, 30.0))


class Supervisor:
    """See the module.

    Args:
        parts: what to run, in the order of starting.
        directory: where logs and state go.
        lock: held by this process; children give their copy back.
        report: takes lines for people (the front prints them).
    """

    def __init__(
        self, parts: Sequence[Component], directory: DataDir, lock: Lock, report: Callable[[str], None]
    ) -> None:
        self._parts = list(parts)
        self._directory = directory
        self._lock = lock
        self._report = report
        self._children = {part.name: _Child(part) for part in parts}
        self._stopping = False
        self._wake_read, self._wake_write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def run(self, orders: int) -> None:
        """Start everything, keep it running until SIGTERM, stop everything.

        Args:
            orders: file descriptor of a pipe that says "go" once certificates and the like are there.
        """
        gc.disable()
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal's Ctrl-C: the front decides
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        self._preload(self._parts[0])
        if not os.read(orders, 1):
            return  # the front gave up
        first, *others = [self._children[part.name] for part in self._parts]
        self._start(first)
        for entry in others:
            self._preload(entry.part)
        # Whoever starts before the API answers meets a closed door, backs off, and is late.
        deadline = time.monotonic() + HEAD_START
        while not first.ready and not self._stopping and time.monotonic() < deadline:
            self._turn(min(self._until_next_restart() or 0.1, 0.1))
        for entry in others:
            if not self._stopping:
                self._start(entry)
        while not self._stopping:
            self._turn(self._until_next_restart())
        self._stop()

    def _preload(self, part: Component) -> None:
        """Import what the component runs; what can't be imported fails, and says why, in its own process."""
        try:
            part.type.main_function()
        except Exception:
            log.exception("import failed", extra={"part": part.name})

    def _on_signal(self, number: int, frame: object) -> None:
        if number == signal.SIGTERM:
            self._stopping = True

    def _turn(self, timeout: float | None) -> None:
        """Wait for something to happen, and deal with it."""
        pipes = {c.ready_pipe: c for c in self._children.values() if c.ready_pipe >= 0}
        readable, _, _ = select.select([self._wake_read, *pipes], [], [], timeout)
        if self._wake_read in readable:
            os.read(self._wake_read, 4096)
        for descriptor in readable:
            if descriptor in pipes:
                self._take_ready(pipes[descriptor])
        self._reap()
        now = time.monotonic()
        for entry in self._children.values():
            if entry.restart_at is not None and entry.restart_at <= now and not self._stopping:
                entry.restarts += 1
                self._start(entry)

    def _until_next_restart(self) -> float | None:
        due = [c.restart_at for c in self._children.values() if c.restart_at is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _start(self, entry: _Child) -> None:
        entry.restart_at = None
        entry.ready = False
        read, write = os.pipe2(os.O_CLOEXEC)
        gc.freeze()
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:  # no process or memory is free: that passes
            os.close(read)
            os.close(write)
            log.error("could not start", extra={"part": entry.part.name, "why": str(error)})
            entry.restart_at = time.monotonic() + entry.backoff.next()
            return
        if pid == 0:
            # Nothing of the supervisor may outlive the fork in the child: its lock, its signals, its pipes.
            self._lock.release()
            signal.set_wakeup_fd(-1)
            for descriptor in (read, self._wake_read, self._wake_write, *self._pipes()):
                os.close(descriptor)
            child.main(entry.part, self._directory, parent, write)
        os.close(write)
        entry.pid, entry.ready_pipe = pid, read
        entry.started = process.start_time(pid)
        entry.since = time.monotonic()
        log.info("started", extra={"part": entry.part.name, "pid": pid, "restarts": entry.restarts})
        self._save()

    def _pipes(self) -> list[int]:
        return [c.ready_pipe for c in self._children.values() if c.ready_pipe >= 0]

    def _take_ready(self, entry: _Child) -> None:
        ready = os.read(entry.ready_pipe, 1)
        os.close(entry.ready_pipe)
        entry.ready_pipe = -1
        if ready:
            entry.ready = True
            log.info("ready", extra={"part": entry.part.name})
            self._save()

    def _reap(self) -> None:
        for entry in self._children.values():
            if not entry.pid:
                continue
            pid, status = os.waitpid(entry.pid, os.WNOHANG)
            if pid:
                self._ended(entry, status)

    def _ended(self, entry: _Child, status: int) -> None:
        entry.pid = entry.started = 0
        entry.ready = False
        if entry.ready_pipe >= 0:
            os.close(entry.ready_pipe)
            entry.ready_pipe = -1
        how = _how(status)
        if self._stopping:
            log.info("stopped", extra={"part": entry.part.name, "how": how})
        else:
            if time.monotonic() - entry.since >= STEADY:
                entry.backoff.reset()
            delay = entry.backoff.next()
            entry.restart_at = time.monotonic() + delay
            log.warning("crashed", extra={"part": entry.part.name, "how": how, "restart_in": f"{delay:.1f}s"})
            self._report(
                f"{entry.part.name} {how}; it starts again in {delay:.1f} s "
                f"(why: {self._directory.log(entry.part.name)})"
            )
        self._save()

    def _stop(self) -> None:
        for stage in stages(self._parts):
            entries = [self._children[part.name] for part in stage]
            for entry in entries:
                if entry.pid:
                    os.kill(entry.pid, signal.SIGTERM)
            deadline = time.monotonic() + GRACE
            while any(entry.pid for entry in entries) and time.monotonic() < deadline:
                self._turn(min(0.2, max(0.0, deadline - time.monotonic())))
            for entry in entries:
                if entry.pid:
                    log.warning("killed, it did not stop", extra={"part": entry.part.name})
                    os.kill(entry.pid, signal.SIGKILL)
                    _, status = os.waitpid(entry.pid, 0)
                    self._ended(entry, status)
        log.info("all components are stopped")

    def _save(self) -> None:
        """Write down which processes run, for `status`, `down`, and an `up` after our death."""
        own = os.getpid()
        parts = [
            {
                "name": entry.part.name,
                "pid": entry.pid,
                "started": entry.started,
                "restarts": entry.restarts,
                "ready": entry.ready,
            }
            for entry in self._children.values()
        ]
        state = {"pid": own, "started": process.start_time(own), "components": parts}
        try:
            write_json(self._directory.state, state)
        except OSError as error:  # a full disk is no reason to take the cluster down
            log.error("could not write the state down", extra={"why": str(error)})


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"was killed by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with exit code {os.waitstatus_to_exitcode(status)}"


class Reporter:
    """Lines to the front over a pipe, as JSON; silent once the front is gone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, line: str) -> None:
        if self._descriptor < 0:
            return
        try:
            os.write(self._descriptor, json.dumps(line).encode() + b"\n")
        except OSError:
            os.close(self._descriptor)
            self._descriptor = -1
