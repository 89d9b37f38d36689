"""What becomes of the SQLite file: its log, its size, and files that are damaged, cut off or foreign."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from dromon.store import sqlite_file, sqlite_log
from dromon.store.history import Limits
from dromon.store.interface import Delete, Put, StoreError
from dromon.store.journal import Undo
from dromon.store.sqlite import SqliteStore
from dromon.testing.clock import FakeClock

from .conftest import elapse


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "db.sqlite")


async def opened(path: str, clock: FakeClock | None = None, history: Limits | None = None) -> SqliteStore:
    store = SqliteStore(path, clock or FakeClock(), history)
    await store.start()
    return store


async def test_the_log_is_cut_though_somebody_always_reads(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_log, "PAGES", 20)
    monkeypatch.setattr(sqlite_log, "LIMIT", 400_000)
    clock = FakeClock()
    store = await opened(path, clock)
    first = await store.commit([Put("/p/a", b"1")])
    await store.close()
    store = await opened(path, clock)  # what was before is in the file alone
    journal = sqlite_file.read_history
    held: list[sqlite3.Connection] = []

    def reader() -> sqlite3.Connection:
        db = sqlite3.connect(path, check_same_thread=False)
        db.execute("BEGIN")
        db.execute("SELECT COUNT(*) FROM history").fetchone()
        return db

    def slow(where: Path, after: int, upto: int) -> list[Undo]:
        """Holds the log for as long as the read lasts."""
        held.append(reader())
        try:
            return journal(where, after, upto)
        finally:
            held.pop().close()

    monkeypatch.setattr("dromon.store.sqlite.read_history", slow)
    foreign = reader()  # not the store's own: it can only be waited for
    for i in range(40):
        await store.commit([Put("/p/a", b"%d" % i * 5_000)])
    assert sqlite_log.size(Path(path)) > 400_000
    await elapse(clock, 1.0)
    assert sqlite_log.size(Path(path)) > 400_000
    assert store.check() is None
    foreign.close()
    reads = [asyncio.create_task(store.list("/p/", revision=first)) for _ in range(8)]
    await elapse(clock, 2.0)
    assert sqlite_log.size(Path(path)) == 0
    assert all(page.items[0].value == b"1" for page in await asyncio.gather(*reads))
    await store.close()


async def test_the_file_gives_back_what_nothing_uses(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_file, "_SPARE", 16)
    monkeypatch.setattr(sqlite_file, "_SHRINK", 64)
    clock = FakeClock()
    store = await opened(path, clock, Limits(age=60.0))
    for i in range(8):
        await store.commit([Put(f"/p/{i}", b"v" * 400_000)])
    for i in range(8):
        await store.commit([Delete(f"/p/{i}")])
    await store.close()
    full = Path(path).stat().st_size
    store = await opened(path, clock, Limits(age=60.0))
    for _ in range(30):
        await elapse(clock, 31.0)
    await store.close()
    assert Path(path).stat().st_size < full / 4


async def test_a_damaged_file_is_known_by_its_objects(path: str) -> None:
    store = await opened(path)
    for i in range(20):
        await store.commit([Put(f"/p/{i}", b"%03d" % i * 1_000)])
    await store.close()
    data = Path(path).read_bytes()
    at = data.index(b"007" * 100)
    Path(path).write_bytes(data[:at] + b"8" + data[at + 1 :])  # valid for SQLite: only a value differs
    store = SqliteStore(path, FakeClock())
    with pytest.raises(StoreError, match=r"is damaged.* restore a snapshot"):
        await store.start()
    await store.close()
    Path(path).write_bytes(data)
    await (await opened(path)).close()


async def test_pages_of_garbage_are_known(path: str) -> None:
    store = await opened(path)
    for i in range(60):
        await store.commit([Put(f"/p/{i:02}", b"v" * 3_000)])
    await store.close()
    data = Path(path).read_bytes()
    for page in range(1, len(data) // 4096, 7):
        Path(path).write_bytes(data[: page * 4096] + b"\xa5" * 4096 + data[(page + 1) * 4096 :])
        with contextlib.suppress(StoreError):  # a page of the history's values, or one that nothing uses
            store = await opened(path)
            assert len((await store.list("/p/")).items) == 60
            await store.close()


async def test_a_damaged_index_is_known(path: str) -> None:
    store = await opened(path)
    for i in range(60):
        await store.commit([Put(f"/p/{i:02}", b"v" * 3_000)])
    await store.close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        (size,) = db.execute("PRAGMA page_size").fetchone()
        (root,) = db.execute(
            "SELECT rootpage FROM sqlite_master WHERE type = 'index' AND tbl_name = 'current'"
        )
    data = bytearray(Path(path).read_bytes())
    at = data.index(b"/p/07", (root[0] - 1) * size, root[0] * size)
    data[at : at + 5] = b"/p/7x"
    Path(path).write_bytes(data)
    with pytest.raises(StoreError, match="damaged"):
        await opened(path)


async def test_other_databases_and_newer_ones_are_refused_and_left_alone(path: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="not a store: it has the tables recipes"):
        await opened(path)
    Path(path).unlink()
    await (await opened(path)).close()
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE meta SET value = 99 WHERE name = 'version'")
        db.commit()
    with pytest.raises(StoreError, match=r"of version 99; this program reads 1"):
        await opened(path)


@pytest.mark.parametrize("cut", [0, 31, 33, 5_000, 20_000, 60_001])
async def test_a_log_that_was_cut_off_leaves_a_state_that_once_stood(path: str, cut: int) -> None:
    store = await opened(path)
    for i in range(20):
        await store.commit([Put("/p/a", b"%d" % i), Put("/p/b", b"%d" % i)])
    with contextlib.closing(sqlite3.connect(path)) as held:  # so that closing leaves the log
        held.execute("SELECT * FROM meta").fetchall()
        await store.close()
        log = Path(path + "-wal").read_bytes()
    Path(path + "-wal").write_bytes(log[:cut])
    store = await opened(path)
    items = (await store.list("/p/")).items
    assert len({kv.value for kv in items}) <= 1
    assert store.revision == max([1, *(kv.mod_revision for kv in items)])
    again = await store.commit([Put("/p/c", b"1")])
    assert again == store.revision
    await store.close()


async def test_garbage_after_the_log_is_not_taken_for_writes(path: str) -> None:
    store = await opened(path)
    await store.commit([Put("/p/a", b"1")])
    with contextlib.closing(sqlite3.connect(path)) as held:
        held.execute("SELECT * FROM meta").fetchall()
        await store.close()
        log = Path(path + "-wal").read_bytes()
    Path(path + "-wal").write_bytes(log + bytes(range(256)) * 100)
    store = await opened(path)
    assert [kv.key for kv in (await store.list("/")).items] == ["/p/a"]
    await store.close()


async def test_a_history_in_bytes_is_forgotten_too(path: str) -> None:
    clock = FakeClock()
    store = await opened(path, clock, Limits(size=10_000))
    for i in range(30):
        await store.commit([Put("/p/a", b"%d" % (i % 10) * 1_000)])
        await clock.advance(1.0)
    await elapse(clock, 1.0)
    assert store.revision - 12 <= store.compacted < store.revision
    await store.close()
