"""The supervisor with fake components, in a process of its own, as it forks."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dromon.cli import process
from dromon.cli.datadir import DataDir, Lock, read_json

FAKES = """
import asyncio, dataclasses, os, sys, time
@dataclasses.dataclass
class Config:
    name: str
    mode: str = "run"
    trace: str = ""
async def run(config, *, ready=None):
    if config.mode == "crash":
        sys.exit(7)
    if ready is not None:
        ready()
    try:
        if config.mode == "stubborn":
            while True:
                with __import__("contextlib").suppress(asyncio.CancelledError):
                    await asyncio.sleep(60)
        await asyncio.Event().wait()
    finally:
        with open(config.trace, "a") as f:
            f.write(config.name + "\\n")
"""

PROGRAM = """
import json, os, sys
from dromon.base import log
from dromon.cli import supervisor
from dromon.cli.component import ComponentType
from dromon.cli.datadir import DataDir, Lock
from dromon.cli.topology import Component
directory = DataDir(sys.argv[1])
directory.make()
supervisor.GRACE = 0.5
parts = []
for name, mode, stage in json.loads(sys.argv[2]):
    values = {"name": name, "mode": mode, "trace": sys.argv[1] + "/trace"}
    parts.append(Component(name, ComponentType(name, "fakes:Config", "fakes:run"), values, stage))
lock = Lock(directory.lock)
assert lock.acquire()
read, write = os.pipe()
os.write(write, b"g")
log.setup("supervisor")
supervisor.Supervisor(parts, directory, lock, lambda line: print(line, flush=True)).run(read)
"""

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def directory(tmp_path: Path) -> DataDir:
    (tmp_path / "fakes.py").write_text(FAKES)
    return DataDir(tmp_path / "data")


@pytest.fixture
def start(tmp_path: Path, directory: DataDir) -> Iterator[Start]:
    """Run a supervisor of (name, mode, stage) parts; whatever is left at the end is killed."""
    started: list[subprocess.Popen[str]] = []

    def run(*parts: tuple[str, str, int]) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(directory.path), json.dumps(parts)],
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        started.append(child)
        return child

    yield run
    for child in started:
        child.kill()
        child.communicate()
    for part in read_json(directory.state).get("components", []):
        process.send(part["pid"], part["started"], signal.SIGKILL)


def parts_of(directory: DataDir) -> dict[str, dict[str, int]]:
    return {part["name"]: part for part in read_json(directory.state).get("components", [])}


def until(condition: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for a condition of other processes."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def all_ready(directory: DataDir, count: int) -> bool:
    parts = parts_of(directory)
    return len(parts) == count and all(part["ready"] for part in parts.values())


def test_starts_all_and_stops_them_stage_by_stage(start: Start, directory: DataDir) -> None:
    child = start(("api", "run", 0), ("loops", "run", 1), ("agent", "run", 2))
    until(lambda: all_ready(directory, 3))
    assert Lock(directory.lock).held()
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert (directory.path / "trace").read_text().split() == ["agent", "loops", "api"]
    assert not Lock(directory.lock).held()


def test_a_killed_component_comes_back_and_the_report_says_so(start: Start, directory: DataDir) -> None:
    child = start(("api", "run", 0), ("agent", "run", 1))
    until(lambda: all_ready(directory, 2))
    before = parts_of(directory)["agent"]["pid"]
    os.kill(before, signal.SIGKILL)
    until(lambda: parts_of(directory)["agent"]["restarts"] == 1 and all_ready(directory, 2))
    assert parts_of(directory)["agent"]["pid"] != before
    child.send_signal(signal.SIGTERM)
    out, _ = child.communicate(timeout=10)
    assert out.startswith("agent was killed by SIGKILL; it starts again in 0.1 s")


def test_a_state_that_cannot_be_written_down_ends_nothing(start: Start, directory: DataDir) -> None:
    child = start(("api", "run", 0), ("agent", "run", 1))
    until(lambda: all_ready(directory, 2))
    before = parts_of(directory)
    shutil.rmtree(directory.run)
    os.kill(before["agent"]["pid"], signal.SIGKILL)
    assert child.stdout is not None
    assert "agent was killed" in child.stdout.readline()
    directory.run.mkdir()
    until(lambda: all_ready(directory, 2))
    assert parts_of(directory)["api"]["pid"] == before["api"]["pid"]


def test_a_crashing_component_is_restarted_with_growing_delays(start: Start, directory: DataDir) -> None:
    child = start(("api", "run", 0), ("bad", "crash", 1))
    assert child.stdout is not None
    delays = [float(child.stdout.readline().split(" starts again in ")[1].split()[0]) for _ in range(3)]
    assert delays[0] < delays[1] < delays[2]
    assert parts_of(directory)["api"]["restarts"] == 0


def test_whoever_does_not_stop_is_killed(start: Start, directory: DataDir) -> None:
    child = start(("api", "run", 0), ("stubborn", "stubborn", 1))
    until(lambda: all_ready(directory, 2))
    child.send_signal(signal.SIGTERM)
    assert child.wait(10) == 0
    assert (directory.path / "trace").read_text().split() == ["api"]


def test_components_end_with_a_killed_supervisor_and_free_the_lock(start: Start, directory: DataDir) -> None:
    child = start(("api", "run", 0), ("agent", "run", 1))
    until(lambda: all_ready(directory, 2))
    running = [(part["pid"], part["started"]) for part in parts_of(directory).values()]
    child.kill()
    child.wait(5)
    assert not Lock(directory.lock).held(), "no child may hold the supervisor's lock"
    assert process.wait_gone(running, 5) == []
