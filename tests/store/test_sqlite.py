"""What only the file can show: restarts, crashes, a second process, a disk that fails."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path

import pytest

from dromon.store.history import Limits
from dromon.store.interface import (
    Batch,
    Change,
    Compacted,
    Delete,
    KeyValue,
    Put,
    Restored,
    StoreError,
    Unavailable,
)
from dromon.store.sqlite import SqliteStore
from dromon.testing.clock import FakeClock

from .conftest import elapse

CRASHER = """
import asyncio, sys
from dromon.store.interface import Put
from dromon.store.sqlite import SqliteStore

async def main():
    store = SqliteStore(sys.argv[1])
    await store.start()
    async def write(n):
        for i in range(100_000):
            revision = await store.commit([Put(f"/k/{n}/{i}", b"v" * 200)])
            print(f"/k/{n}/{i}", revision, flush=True)
    await asyncio.gather(*(write(n) for n in range(8)))

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "db.sqlite")


async def opened(path: str, clock: FakeClock | None = None, history: Limits | None = None) -> SqliteStore:
    store = SqliteStore(path, clock or FakeClock(), history)
    await store.start()
    return store


async def test_state_and_revision_survive_a_restart(path: str) -> None:
    store = await opened(path)
    created = await store.commit([Put("/p/a", b"1"), Put("/p/b", b"1")])
    changed = await store.commit([Put("/p/a", b"2")])
    await store.commit([Delete("/p/b")])
    await store.close()
    store = await opened(path)
    assert store.revision == changed + 1
    assert (await store.list("/")).items == [KeyValue("/p/a", b"2", created, changed)]
    await store.close()


@pytest.mark.parametrize("where", ["{}/db", "/{}/db", "{}/a b%41?c#d"])
async def test_watches_and_older_lists_go_on_across_a_restart(tmp_path: Path, where: str) -> None:
    path = where.format(tmp_path)
    store = await opened(path)
    first = await store.commit([Put("/p/a", b"1")])
    await store.commit([Put("/p/a", b"2"), Put("/p/b", b"1")])
    await store.commit([Delete("/p/a")])
    await store.close()
    store = await opened(path)
    last = await store.commit([Put("/p/b", b"2")])
    async with aclosing(store.watch("/p/", first)) as watch:
        assert [await anext(watch) for _ in range(3)] == [
            Batch(
                first + 1,
                (Change("/p/a", b"2", b"1", first), Change("/p/b", b"1", None, first + 1)),
            ),
            Batch(first + 2, (Change("/p/a", None, b"2", first),)),
            Batch(last, (Change("/p/b", b"2", b"1", first + 1),)),
        ]
    page = await store.list("/p/", revision=first)
    assert page.items == [KeyValue("/p/a", b"1", first, first)]
    await store.close()


async def test_compaction_survives_a_restart(path: str) -> None:
    store = await opened(path)
    for i in range(6):
        await store.commit([Put("/p/a", b"%d" % i)])
    await store.compact(4)
    await store.close()
    store = await opened(path)
    assert store.compacted == 4
    await store.close()


async def test_times_to_live_survive_a_restart(path: str) -> None:
    clock = FakeClock()
    store = await opened(path, clock)
    await store.commit([Put("/e/a", b"1", ttl=100)])
    await store.close()
    later = FakeClock(clock.now() + 99)
    store = await opened(path, later)
    assert await store.get("/e/a") is not None
    async with aclosing(store.watch("/e/", store.revision)) as watch:
        await elapse(later, 2.0)
        assert (await anext(watch)).changes[0].value is None
    await store.close()


async def test_the_history_in_the_file_is_forgotten(path: str) -> None:
    clock = FakeClock()
    store = await opened(path, clock, Limits(age=60.0))
    for i in range(20):
        await store.commit([Put("/p/a", b"%d" % i)])
    await elapse(clock, 62.0)
    assert store.compacted == store.revision
    await store.close()
    store = await opened(path)
    assert store.compacted == store.revision
    await store.close()


async def test_a_second_process_is_refused(path: str) -> None:
    store = await opened(path)
    with pytest.raises(StoreError, match=rf"in use by another process \(pid {os.getpid()}\)"):
        await opened(path)
    await store.close()
    again = await opened(path)
    await again.close()


async def test_a_directory_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no directory .*missing"):
        await opened(str(tmp_path / "missing" / "db"))


async def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "db"
    path.write_bytes(b"not a database, but somebody's notes" * 100)
    with pytest.raises(StoreError, match="file is not a database"):
        await opened(str(path))
    assert path.read_bytes().startswith(b"not a database")


async def test_the_file_is_for_its_owner_alone(path: str) -> None:
    store = await opened(path)
    await store.commit([Put("/p/a", b"secret")])
    assert {oct(Path(p).stat().st_mode & 0o777) for p in (path, path + "-wal", path + ".lock")} == {"0o600"}
    await store.close()


@contextmanager
def full_disk(path: str) -> Iterator[None]:
    """No file of this process may grow beyond the store's log as it is: writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (Path(path + "-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)


async def test_a_full_disk_is_said_and_got_over(path: str) -> None:
    clock = FakeClock()
    store = await opened(path, clock)
    before = await store.commit([Put("/p/a", b"1")])
    with full_disk(path):
        results = await asyncio.gather(
            *(store.commit([Put(f"/p/{i}", b"v" * 100_000)]) for i in range(3)), return_exceptions=True
        )
        assert all(isinstance(r, Unavailable) for r in results)
        assert path in str(results[0])
        with pytest.raises(Unavailable, match="can't write the store"):
            await store.commit([Put("/p/b", b"1")])
        assert "can't write the store" in (store.check() or "")
        assert await store.get("/p/a") == KeyValue("/p/a", b"1", before, before)
    async with asyncio.timeout(10):
        while store.check() is not None:
            await clock.advance(1.0)
            await asyncio.to_thread(time.sleep, 0.01)
    # The outcome of what failed was unknown; now it is known, and nobody sees what was not committed.
    assert [kv.key for kv in (await store.list("/p/")).items] == ["/p/a"]
    after = await store.commit([Put("/p/b", b"1")])
    assert after == before + 1
    await store.close()
    store = await opened(path)
    assert [kv.key for kv in (await store.list("/p/")).items] == ["/p/a", "/p/b"]
    await store.close()


async def test_nothing_that_was_answered_is_lost_in_a_crash(path: str) -> None:
    process = subprocess.Popen([sys.executable, "-c", CRASHER, path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    answered: dict[str, int] = {}
    try:
        for _ in range(400):
            key, revision = process.stdout.readline().split()
            answered[key] = int(revision)
    finally:
        process.kill()
        rest = process.stdout.read()
        process.stdout.close()
        process.wait()
    for line in rest.splitlines(keepends=True):
        if line.endswith("\n"):
            key, revision = line.split()
            answered[key] = int(revision)
    store = await opened(path)
    for key, revision in answered.items():
        found = await store.get(key)
        assert found is not None
        assert found.mod_revision == revision
    items = (await store.list("/k/")).items
    assert sorted(kv.mod_revision for kv in items) == list(range(2, store.revision + 1))
    await store.close()


async def test_what_was_restored_survives_a_restart(path: str) -> None:
    clock = FakeClock()
    store = await opened(path, clock)
    await store.restore([Restored("/p/a", b"1", 20, 30), Restored("/e/a", b"2", 40, 40, ttl=100.0)], 1_000)
    await store.close()
    store = await opened(path, clock)
    assert store.revision > 1_000
    assert await store.get("/p/a") == KeyValue("/p/a", b"1", 20, 30)
    assert await store.expiries() == {"/e/a": 100.0}
    with pytest.raises(Compacted):
        await store.list("", revision=1_000)
    await store.close()
