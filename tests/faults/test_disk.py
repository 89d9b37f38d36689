"""A disk that fails under the real apiserver: it says so, serves reads, and goes on when that is mended."""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dromon.base.http.client import HttpClient
from dromon.testing.faults.clients import Run
from dromon.testing.faults.requests import COLLECTION, configmap, send
from dromon.testing.faults.server import ServerProcess

from .disk import BOTH, DATABASE, FOR_EVER, LOG, SYNC, TRUNCATE, WRITE, Disk
from .form import LONG
from .report import report

SHORT = {
    "sync of the log": (SYNC, LOG, errno.EIO),
    "file system turns read-only": (WRITE, BOTH, errno.EROFS),
}
MORE = {
    **SHORT,
    "sync of all": (SYNC, BOTH, errno.EIO),
    "write of the log": (WRITE, LOG, errno.EIO),
    "write of all, no room": (WRITE, BOTH, errno.ENOSPC),
    "quota": (WRITE, BOTH, errno.EDQUOT),
}
FAULTS = MORE if LONG else SHORT
SINGLE = [(SYNC, LOG), (WRITE, LOG), (WRITE, DATABASE), (TRUNCATE, BOTH)]


async def out_and_back(
    server: ServerProcess, run: Run, break_: Callable[[], object], mend: Callable[[], object]
) -> None:
    """Break the disk under writers, look at what is served meanwhile, mend it, and let them go on."""
    await run.progress()
    break_()
    await server.until_ready(False)
    http = HttpClient("127.0.0.1", server.port)
    status, found = await send(http, "GET", COLLECTION)
    assert status == 200
    assert found["metadata"]["resourceVersion"]
    status, _ = await send(http, "POST", COLLECTION, configmap("never", "never"))
    assert status in (503, 504)
    status, _ = await send(http, "GET", f"{COLLECTION}/never")
    assert status == 404
    await http.close()
    mend()
    await server.until_ready(True)
    await run.progress()


async def judged(name: str, server: ServerProcess, run: Run, scenario: object) -> None:
    """Finish, restart, and judge."""
    recording = await run.finish()
    report(name, recording, scenario=scenario)
    assert run.notes.expired == 0
    server.kill()
    await server.start()
    again = Run([HttpClient("127.0.0.1", server.port)], 1)
    listing = await again.list()
    await again.close()
    assert listing.items == recording.final.items


@pytest.mark.parametrize("name", FAULTS)
async def test_a_failing_disk(disk: Disk, tmp_path: Path, name: str, long: bool) -> None:
    op, files, error = FAULTS[name]
    server = ServerProcess(tmp_path, f"sqlite://{disk.target}", disk.environment)
    run = Run([HttpClient("127.0.0.1", server.port)], 5)
    try:
        await server.start()
        await run.begin()
        for _ in range(5 if long else 1):
            await out_and_back(
                server, run, lambda: disk.fail(op, files, times=FOR_EVER, error=error), disk.mend
            )
        assert disk.failures(op)
        assert "health check failed" in server.log()
        assert "store can't write: can't write the store" in server.log()
        assert "store can write again" in server.log()
        await judged("disk", server, run, name)
    finally:
        await run.close()
        server.kill()


@pytest.mark.parametrize(("op", "files"), SINGLE if LONG else SINGLE[:1])
async def test_single_failures(disk: Disk, tmp_path: Path, op: int, files: int, long: bool) -> None:
    """One call after the other fails, and the server is killed now and then."""
    server = ServerProcess(tmp_path, f"sqlite://{disk.target}", disk.environment)
    run = Run([HttpClient("127.0.0.1", server.port)], 6)
    try:
        await server.start()
        await run.begin()
        for cycle in range(20 if long else 3):
            disk.fail(op, files, after=cycle % 4, times=1)
            await run.progress(10)
            if cycle % 3 == 2:
                server.kill()
                disk.mend()  # a start that fails says so, and ends
                await server.start()
        await server.until_ready(True)
        await judged("single_failures", server, run, [op, files])
    finally:
        await run.close()
        server.kill()


@contextlib.contextmanager
def small_disk(at: Path, size: str) -> Iterator[Path]:
    """A tmpfs."""
    if os.geteuid() != 0:
        pytest.skip("needs root (mounts a tmpfs)")
    at.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "dromon-test", str(at)], check=True)
    try:
        yield at
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def fill(directory: Path) -> None:
    """Leave no room in a file system."""
    with open(directory / "filler", "wb", buffering=0) as filler:
        with contextlib.suppress(OSError):
            while filler.write(b"x" * 65_536):
                pass
        with contextlib.suppress(OSError):
            while filler.write(b"x"):
                pass


async def test_a_full_disk(tmp_path: Path, long: bool) -> None:
    with small_disk(tmp_path / "small", "24m") as small:
        server = ServerProcess(tmp_path, f"sqlite://{small}/db.sqlite")
        run = Run([HttpClient("127.0.0.1", server.port)], 7)
        try:
            await server.start()
            await run.begin()
            for _ in range(5 if long else 1):
                await out_and_back(server, run, lambda: fill(small), (small / "filler").unlink)
            assert "goes on when there is room again" in server.log()
            await judged("full_disk", server, run, "tmpfs")
        finally:
            await run.close()
            server.kill()


async def test_a_file_that_another_program_holds(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    server = ServerProcess(tmp_path, f"sqlite://{path}")
    run = Run([HttpClient("127.0.0.1", server.port)], 8)
    try:
        await server.start()
        await run.begin()
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            await out_and_back(
                server, run, lambda: other.execute("BEGIN IMMEDIATE"), lambda: other.execute("ROLLBACK")
            )
        assert "another program holds it" in server.log()
        await judged("locked", server, run, "BEGIN IMMEDIATE")
    finally:
        await run.close()
        server.kill()


async def refused(server: ServerProcess, why: str) -> None:
    """It ends at once, and says why in one line."""
    server.spawn()
    assert await server.wait() != 0
    (line,) = [line for line in server.log().splitlines() if "stopped" in line]
    assert why in line
    assert "Traceback" not in server.log()


async def test_a_file_that_cannot_be_served_is_refused_at_start(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    first = ServerProcess(tmp_path, f"sqlite://{path}")
    try:
        await first.start()
        second = ServerProcess(tmp_path, f"sqlite://{path}")
        await refused(second, "is in use by another process (pid")
        assert await first.readyz() == 200
        first.stop()
        data = path.read_bytes()
        at = data.index(b'"kind":"Namespace"')
        path.write_bytes(data[:at] + b'"kind":"Namespice"' + data[at + 18 :])
        await refused(ServerProcess(tmp_path, f"sqlite://{path}"), "restore a snapshot")
        path.write_bytes(data)
        await first.start()
    finally:
        first.kill()


async def test_a_read_only_file_system_is_said_at_start(tmp_path: Path) -> None:
    with small_disk(tmp_path / "small", "4m") as small:
        server = ServerProcess(tmp_path, f"sqlite://{small}/db.sqlite")
        try:
            await server.start()
            server.stop()
            subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
            await refused(ServerProcess(tmp_path, f"sqlite://{small}/db.sqlite"), "Read-only file system")
            subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
            await server.start()
        finally:
            server.kill()
