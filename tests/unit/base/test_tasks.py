"""Back-off, supervised tasks, the log's form, and how a process ends."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import subprocess
import sys

import pytest

from dromon.base import log
from dromon.base.backoff import Backoff
from dromon.base.tasks import TaskSet
from dromon.testing.clock import FakeClock, settle


def test_backoff_grows_to_its_bound_and_resets() -> None:
    backoff = Backoff(1, 5, jitter=0)
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next() == 1


def test_backoff_jitter_adds_a_share() -> None:
    backoff = Backoff(1, 8, jitter=0.5, random=lambda: 1.0)
    assert [backoff.next() for _ in range(2)] == [1.5, 3.0]


@pytest.mark.parametrize("values", [(0, 1, 2, 0), (2, 1, 2, 0), (1, 2, 0.5, 0), (1, 2, 2, -1)])
def test_backoff_refuses_nonsense(values: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError):
        Backoff(*values)


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.CRITICAL)
    return caplog


@pytest.mark.usefixtures("quiet")
async def test_a_crashed_task_is_restarted_with_back_off() -> None:
    clock = FakeClock()
    runs: list[float] = []

    async def crash() -> None:
        runs.append(clock.monotonic())
        raise RuntimeError("boom")

    async with TaskSet(clock, lambda: Backoff(1, 4, jitter=0)) as tasks:
        tasks.start("crash", crash, restart=True)
        await settle()
        for _ in range(20):
            await clock.advance(0.5)
    assert runs == [0, 1, 3, 7]


@pytest.mark.usefixtures("quiet")
async def test_back_off_begins_anew_after_a_steady_run() -> None:
    clock = FakeClock()
    runs: list[float] = []

    async def crash() -> None:
        runs.append(clock.monotonic())
        if len(runs) == 3:
            await clock.sleep(100)
        raise RuntimeError("boom")

    async with TaskSet(clock, lambda: Backoff(1, 4, jitter=0)) as tasks:
        tasks.start("crash", crash, restart=True)
        await settle()
        await clock.advance(3)
        await clock.advance(100)
        await clock.advance(1)
    assert runs == [0, 1, 3, 104]


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("restart", [True, False])
async def test_a_crash_inside_a_task_group_is_a_crash(restart: bool) -> None:
    clock = FakeClock()
    runs: list[float] = []

    async def child() -> None:
        await clock.sleep(1)
        raise RuntimeError("boom")

    async def crash() -> None:
        runs.append(clock.monotonic())
        async with asyncio.TaskGroup() as group:
            group.create_task(child())
            group.create_task(clock.sleep(1000))

    async with TaskSet(clock, lambda: Backoff(1, 4, jitter=0)) as tasks:
        tasks.start("crash", crash, restart=restart)
        await settle()
        for _ in range(5):
            await clock.advance(1)
        if restart:
            assert runs == [0, 2, 5]
        else:
            with pytest.raises(ExceptionGroup):
                await asyncio.wait_for(tasks.wait(), 1)


@pytest.mark.usefixtures("quiet")
async def test_wait_raises_the_error_of_a_task_without_restart() -> None:
    async def crash() -> None:
        raise RuntimeError("boom")

    async with TaskSet() as tasks:
        tasks.start("crash", crash)
        with pytest.raises(RuntimeError, match="boom"):
            await asyncio.wait_for(tasks.wait(), 1)


@pytest.mark.usefixtures("quiet")
async def test_a_task_that_fails_while_it_is_cancelled_stays_dead() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("on the way out")

    tasks = TaskSet(FakeClock())
    tasks.start("stubborn", stubborn, restart=True)
    await settle()
    await asyncio.wait_for(tasks.close(), 1)


async def test_an_ordinary_end_is_no_crash() -> None:
    ran = asyncio.Event()

    async def end() -> None:
        ran.set()

    async with TaskSet() as tasks:
        task = tasks.start("end", end, restart=True)
        await asyncio.wait_for(task, 1)
    assert ran.is_set()


def test_log_lines_are_keys_and_values() -> None:
    stream = io.StringIO()
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        log.setup("test", "info", stream)
        logging.getLogger("dromon.x").info("two words", extra={"pod": "a/b", "why": 'say "no"\nnow'})
        logging.getLogger("dromon.x").debug("hidden")
        try:
            raise ValueError("boom")
        except ValueError:
            logging.getLogger("dromon.x").exception("failed")
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    first, second, *trace = stream.getvalue().splitlines()
    assert first.endswith(r'level=info component=test logger=x msg="two words" pod=a/b why="say \"no\"\nnow"')
    assert "msg=failed" in second
    assert trace[0].startswith("Traceback")
    assert trace[-1] == "ValueError: boom"


def test_unknown_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="debug, info"):
        log.setup("test", "loud")


PROGRAM = """
import asyncio, sys
from dromon.base import log
from dromon.base.run import run
log.setup("t")
async def main():
    try:
        if sys.argv[1] == "fail":
            raise RuntimeError("boom")
        print("up", flush=True)
        await asyncio.Event().wait()
    finally:
        await asyncio.sleep(0)
        print("stopped in order", flush=True)
run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_stop_main_in_order(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    os.kill(process.pid, number)
    out, _ = process.communicate(timeout=10)
    assert out == "stopped in order\n"
    assert process.returncode == 0


def test_an_error_is_logged_and_ends_with_code_1() -> None:
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, "fail"], capture_output=True, text=True, timeout=10
    )
    assert result.returncode == 1
    assert "RuntimeError: boom" in result.stderr
