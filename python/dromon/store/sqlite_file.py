"""The SQLite file: its tables, and every statement that touches them. Synchronous; for one thread at a time.

    current   a row per key as it stands
    history   a row per change: what it replaced (an undo log, so that no value is stored twice)
    meta      schema version, newest revision, compacted revision

Write-ahead log with synchronous=FULL: a commit that returned survives a power cut. A failed commit may still
have reached the log, so after any failure the file is opened anew and asked.

Neighbours: sqlite runs it in its thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any
from urllib.parse import quote

from dromon.store.interface import KeyValue, StoreError
from dromon.store.journal import JournalError, Snapshot, Undo
from dromon.store.state import Record, Transaction

_VERSION = 1
_ROWS = (256, 64, 16, 4, 1)
_FORGET = 5_000  # history rows per compaction step: a step must not keep writers waiting

_SCHEMA = """
CREATE TABLE IF NOT EXISTS current (
    key TEXT PRIMARY KEY, value BLOB NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, expires REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
    revision INTEGER NOT NULL, place INTEGER NOT NULL, key TEXT NOT NULL,
    value BLOB, created INTEGER, modified INTEGER,
    PRIMARY KEY (revision, place)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""
_PUT = "INSERT OR REPLACE INTO current VALUES "
_DELETE = "DELETE FROM current WHERE key IN (VALUES "
_UNDO = "INSERT INTO history VALUES "
_META = "INSERT OR REPLACE INTO meta VALUES (?, ?)"
_HISTORY = (
    "SELECT revision, key, value, created, modified FROM history "
    "WHERE revision > ? AND revision <= ? ORDER BY revision, place"
)


class SqliteFile:
    """The open file; every failure is a JournalError with a text for people."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    def open(self) -> Snapshot:
        """Open or make the file, and read what stands in it."""
        with self._guard("open"):
            db = self._connect()
            meta = dict(db.execute("SELECT name, value FROM meta"))
            if meta.get("version", _VERSION) != _VERSION:
                raise StoreError(
                    f"{self._path} is of version {meta['version']}; this program reads {_VERSION}"
                )
            db.execute(_META, ("version", _VERSION))
            items: list[KeyValue] = []
            expiries: list[tuple[float, str, int]] = []
            for key, value, created, modified, expires in db.execute("SELECT * FROM current"):
                items.append(KeyValue(key, value, created, modified))
                if expires is not None:
                    expiries.append((expires, key, modified))
            changes, size = db.execute(
                "SELECT COUNT(*), COALESCE(SUM(LENGTH(value)), 0) FROM history"
            ).fetchone()
            return Snapshot(items, meta.get("revision", 0), meta.get("compacted", 0), expiries, changes, size)

    def append(self, transactions: Sequence[Transaction]) -> None:
        """Commit all of them in one SQLite transaction: one fsync."""
        with self._guard("write"), self._transaction() as db:
            self._write(db, transactions)
            db.execute(_META, ("revision", transactions[-1].revision))

    def recover(self, after: int) -> list[Transaction]:
        """Open the file anew, prove that it can be written, and return what it has after revision `after`."""
        self.close()
        with self._guard("write"):
            db = self._connect()
            newest = db.execute("SELECT value FROM meta WHERE name = 'revision'").fetchone()
            with self._transaction():
                db.execute(_META, ("recovered", newest[0] if newest else 0))
            records: dict[int, list[Record]] = {}
            later: dict[str, KeyValue | None] = {}
            # Newest first: what a change made is what the next change of the key replaced, or what stands.
            for undo in reversed(_rows(db, after, newest[0] if newest else 0)):
                stands, expires = (
                    self._standing(db, undo.key) if undo.key not in later else (later[undo.key], None)
                )
                later[undo.key] = undo.previous
                records.setdefault(undo.revision, []).append(Record(undo.key, stands, undo.previous, expires))
            return [Transaction(r, tuple(reversed(records[r]))) for r in sorted(records)]

    def compact(self, revision: int) -> bool:
        """Forget a bounded number of changes up to `revision`; whether any are left."""
        with self._guard("write"), self._transaction() as db:
            last = db.execute(
                "SELECT MAX(revision) FROM (SELECT revision FROM history WHERE revision <= ? "
                "ORDER BY revision LIMIT ?)",
                (revision, _FORGET),
            ).fetchone()[0]
            upto = revision if last is None else last
            db.execute("DELETE FROM history WHERE revision <= ?", (upto,))
            db.execute(_META, ("compacted", upto))
            return upto < revision

    def restore(self, items: Sequence[tuple[KeyValue, float | None]], revision: int) -> None:
        """Fill an empty file in one SQLite transaction: a crash leaves it empty."""
        with self._guard("write"), self._transaction() as db:
            if db.execute("SELECT 1 FROM current LIMIT 1").fetchone() is not None:
                raise StoreError(f"the store {self._path} is not empty")
            db.execute("DELETE FROM history")
            rows = [(kv.key, kv.value, kv.create_revision, kv.mod_revision, expires) for kv, expires in items]
            _many(db, _PUT, rows)
            db.execute(_META, ("revision", revision))
            db.execute(_META, ("compacted", revision))

    def close(self) -> None:
        """Close it, whatever state it is in."""
        db, self._db = self._db, None
        if db is not None:
            # Closing folds the log into the file; a full disk forbids that and the next opening does it.
            with suppress(sqlite3.Error):
                db.close()

    def _connect(self) -> sqlite3.Connection:
        # It holds secrets; SQLite gives the log beside it the mode that the file has.
        self._path.touch(mode=0o600)
        self._path.chmod(0o600)
        # isolation_level None: transactions begin and end where this module says so.
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5.0)
        self._db = db
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 4000")
        db.executescript(_SCHEMA)
        return db

    @staticmethod
    def _write(db: sqlite3.Connection, transactions: Sequence[Transaction]) -> None:
        undo: list[tuple[Any, ...]] = []
        stands: dict[str, tuple[Any, ...] | None] = {}  # only a key's last state in the group is written
        for transaction in transactions:
            for place, record in enumerate(transaction.records):
                old, new = record.previous, record.current
                before = (old.value, old.create_revision, old.mod_revision) if old else (None, None, None)
                undo.append((transaction.revision, place, record.key, *before))
                stands[record.key] = (
                    (new.key, new.value, new.create_revision, new.mod_revision, record.expires)
                    if new
                    else None
                )
        _many(db, _UNDO, undo)
        _many(db, _PUT, [row for row in stands.values() if row is not None])
        _many(db, _DELETE, [(key,) for key, row in stands.items() if row is None], ")")

    @staticmethod
    def _standing(db: sqlite3.Connection, key: str) -> tuple[KeyValue | None, float | None]:
        row = db.execute("SELECT * FROM current WHERE key = ?", (key,)).fetchone()
        return (None, None) if row is None else (KeyValue(*row[:4]), row[4])

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        if self._db is None:
            raise JournalError(f"{self._path} is closed")
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """Say in plain words what SQLite or the system refused."""
        try:
            yield
        except sqlite3.Error as error:
            raise JournalError(f"can't {doing} the store {self._path}: {error}") from error
        except OSError as error:
            raise JournalError(f"can't {doing} the store {self._path}: {error.strerror}") from error


def _many(db: sqlite3.Connection, start: str, rows: Sequence[tuple[Any, ...]], end: str = "") -> None:
    """Execute a statement for all rows, many rows at a time.

    Every statement lets go of the interpreter's lock and must win it back from the event loop, which, while
    that is busy, can take as long as the switch interval (5 ms): a statement per row would pay it per row.
    """
    at = 0
    while at < len(rows):
        # Few different sizes, so that the statements stay prepared.
        size = next(s for s in _ROWS if s <= len(rows) - at)
        row = f"({', '.join('?' * len(rows[at]))})"
        db.execute(start + ", ".join([row] * size) + end, [*chain(*rows[at : at + size])])
        at += size


def read_history(path: Path, after: int, upto: int) -> list[Undo]:
    """Changes with `after` < revision <= `upto`, by a connection of its own."""
    try:
        with closing(sqlite3.connect(_read_only(path), uri=True, timeout=5.0)) as db:
            return _rows(db, after, upto)
    except sqlite3.Error as error:
        raise JournalError(f"can't read the store {path}: {error}") from error


def _read_only(path: Path) -> str:
    """The URI of a file to read: with an empty authority, for `//x` would be one, and characters escaped."""
    return f"file://{quote(str(path.absolute()))}?mode=ro"


def _rows(db: sqlite3.Connection, after: int, upto: int) -> list[Undo]:
    return [
        Undo(revision, key, None if value is None else KeyValue(key, value, created, modified))
        for revision, key, value, created, modified in db.execute(_HISTORY, (after, upto))
    ]
