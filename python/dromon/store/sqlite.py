"""The store in one SQLite file: survives crashes, needs no server.

The file is written by one thread; transactions that arrive while it waits for the disk share the next fsync
(group commit: 4,800 writes/s at one a commit, 88,000/s at 500 a commit; 1.4 KB rows, 2 cores).

Neighbours: local does all but the durability, sqlite_file owns the file, lock keeps a second process out,
open picks this for sqlite:///path.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from dromon.base.clock import Clock, SystemClock
from dromon.store import sqlite_log
from dromon.store.history import Limits
from dromon.store.interface import KeyValue, StoreError
from dromon.store.journal import JournalError, Snapshot, Undo
from dromon.store.local import LocalStore
from dromon.store.lock import FileLock
from dromon.store.readers import Readers
from dromon.store.sqlite_file import SqliteFile, read_history
from dromon.store.state import Transaction

T = TypeVar("T")

_MEMORY = Limits(changes=20_000, size=16 << 20)
"""History in memory beside the file's: enough for whoever reads along."""


class SqliteStore(LocalStore):
    """A Store in the file at `path`, made when missing (its directory must exist).

    Args:
        clock: for times to live and the age of history.
        history: how much history the file keeps.
    """

    def __init__(self, path: str, clock: Clock | None = None, history: Limits | None = None) -> None:
        kept = history or Limits()
        memory = Limits(kept.age, min(kept.changes, _MEMORY.changes), min(kept.size, _MEMORY.size))
        super().__init__(SqliteJournal(Path(path)), clock or SystemClock(), memory, kept)


class SqliteJournal:
    """A Journal that has a thread write a SqliteFile."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._file = SqliteFile(path)
        self._thread = _thread()
        self._readers = Readers()

    async def open(self) -> Snapshot:
        if not self._path.parent.is_dir():
            raise StoreError(f"can't open the store {self._path}: no directory {self._path.parent}")
        self._lock.take(f"the store {self._path}")
        try:
            return await self._run(self._file.open)
        except BaseException as error:
            await self._run(self._file.close)
            self._lock.release()
            self._thread.shutdown()
            self._thread = _thread()  # it may be tried again, and closed
            if isinstance(error, JournalError):
                raise StoreError(str(error)) from error
            raise

    async def append(self, transactions: Sequence[Transaction]) -> None:
        await self._run(lambda: self._file.append(transactions))

    async def recover(self, after: int) -> list[Transaction]:
        return await self._run(lambda: self._file.recover(after))

    async def history(self, after: int, upto: int) -> list[Undo]:
        # Its own connection and thread: a long read must not keep writers waiting.
        async with self._readers.reading():
            return await asyncio.to_thread(read_history, self._path, after, upto)

    async def compact(self, revision: int) -> bool:
        return await self._run(lambda: self._file.compact(revision))

    async def tidy(self) -> None:
        if sqlite_log.size(self._path) > sqlite_log.LIMIT:
            # Somebody always reads, and each holds the log as it was when he began: let none in for once.
            async with self._readers.paused():
                await self._run(self._file.fold)
        await self._run(self._file.shrink)

    async def restore(self, items: Sequence[tuple[KeyValue, float | None]], revision: int) -> None:
        await self._run(lambda: self._file.restore(items, revision))

    async def close(self) -> None:
        await self._run(self._file.close)
        self._thread.shutdown()
        self._lock.release()

    async def _run(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _thread() -> ThreadPoolExecutor:
    """One thread, which begins with the first call."""
    return ThreadPoolExecutor(1, thread_name_prefix="store")
