"""The SQLite file: opened, written, recovered and kept in shape. Synchronous; for one thread at a time.

Write-ahead log with synchronous=FULL: a commit that returned survives a power cut. A failed commit may still
have reached the log, so after any failure the log is made durable as it is, and the file opened and asked.

Neighbours: sqlite runs it in its thread; sqlite_rows has the tables, sqlite_log the log's care, sqlite_errors
the words for what fails.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from dromon.store import sqlite_log, sqlite_rows
from dromon.store.interface import NotEmpty, StoreError
from dromon.store.journal import JournalError, Snapshot, Undo
from dromon.store.sqlite_errors import DAMAGED, explained
from dromon.store.sqlite_rows import Expiring
from dromon.store.state import Transaction

_SPARE = 4_096  # free pages (16 MiB) that the file keeps, for they will be used again
_SHRINK = 1_024  # pages given back at a time: writers wait for it


class SqliteFile:
    """The open file; every failure is a JournalError with a text for people."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._revision = 0  # the newest that is known to be in the file
        self._checksum = 0  # of all keys as they stand

    def open(self) -> Snapshot:
        """Open or make the file, and read what stands in it."""
        with self._guard("open"):
            db = self._connect()
            items = sqlite_rows.read_all(db)
            checksum = sqlite_rows.checksum(kv for kv, _ in items)
            meta = sqlite_rows.meta(db)
            sound = meta.get("checksum", checksum) == checksum and sqlite_rows.index_leads_to_rows(db)
            if not sound:
                raise JournalError(f"can't open the store {self._path}: {DAMAGED}")
            sqlite_rows.set_meta(db, version=sqlite_rows.VERSION, checksum=checksum)
            sqlite_log.make_names_durable(self._path)
            self._revision, self._checksum = meta.get("revision", 0), checksum
            changes, size = sqlite_rows.history_size(db)
            return Snapshot(
                [kv for kv, _ in items],
                self._revision,
                meta.get("compacted", 0),
                [(expires, kv.key, kv.mod_revision) for kv, expires in items if expires is not None],
                changes,
                size,
            )

    def append(self, transactions: Sequence[Transaction]) -> None:
        """Commit all of them in one SQLite transaction: one fsync."""
        checksum = self._checksum
        for transaction in transactions:
            for record in transaction.records:
                checksum = sqlite_rows.checksum((record.previous, record.current), checksum)
        revision = transactions[-1].revision
        with self._guard("write"), self._transaction() as db:
            sqlite_rows.write(db, transactions)
            sqlite_rows.set_meta(db, revision=revision, checksum=checksum)
        self._revision, self._checksum = revision, checksum

    def recover(self, after: int) -> list[Transaction]:
        """Open the file anew, prove that it can be written, and return what it has after revision `after`."""
        self.close()
        with self._guard("write"):
            db = self._connect()
            meta = sqlite_rows.meta(db)
            newest = meta.get("revision", 0)
            if newest < self._revision:
                raise JournalError(
                    f"the store {self._path} has lost what was acknowledged: it ends at revision {newest}, "
                    f"and {self._revision} was written; put back the file, or restart to serve what it has"
                )
            with self._transaction():
                sqlite_rows.set_meta(db, recovered=newest)
            found = sqlite_rows.redo(db, after, newest)
            self._revision, self._checksum = newest, meta["checksum"]
            return found

    def compact(self, revision: int) -> bool:
        """Forget a bounded number of changes up to `revision`; whether any are left."""
        with self._guard("write"), self._transaction() as db:
            upto = sqlite_rows.forget(db, revision)
            sqlite_rows.set_meta(db, compacted=upto)
            return upto < revision

    def restore(self, items: Sequence[Expiring], revision: int) -> None:
        """Fill an empty file in one SQLite transaction: a crash leaves it empty."""
        checksum = sqlite_rows.checksum(kv for kv, _ in items)
        with self._guard("write"), self._transaction() as db:
            if db.execute("SELECT 1 FROM current LIMIT 1").fetchone() is not None:
                raise NotEmpty(f"the store {self._path} is not empty")
            sqlite_rows.fill(db, items)
            sqlite_rows.set_meta(db, revision=revision, compacted=revision, checksum=checksum)
        self._revision, self._checksum = revision, checksum

    def fold(self) -> bool:
        """Move all of the log into the file and cut it to nothing; False when a reader still holds it."""
        with self._guard("write"):
            db = self._opened()
            # First what hinders nobody, then, for a log that is all in the file, the cut: never wait in it.
            db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            db.execute("PRAGMA busy_timeout = 0")
            try:
                busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                db.execute("PRAGMA busy_timeout = 5000")
            return not busy

    def shrink(self) -> bool:
        """Give back some of the pages that nothing uses any more; whether there are more to give back."""
        with self._guard("write"):
            db = self._opened()
            free = db.execute("PRAGMA freelist_count").fetchone()[0]
            if free > _SPARE:
                # A script, for it is stepped to its end: this pragma gives back one page a step.
                db.executescript(f"PRAGMA incremental_vacuum({_SHRINK});")
            return bool(free - _SHRINK > _SPARE)

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
        sqlite_log.make_durable(self._path)
        # isolation_level None: transactions begin and end where this module says so.
        db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5.0)
        self._db = db
        self._recognise(db)
        # Of a new file; else what it was made with stays.
        db.execute(f"PRAGMA page_size = {sqlite_log.PAGE}")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute(f"PRAGMA wal_autocheckpoint = {sqlite_log.PAGES}")
        # Cut to this when it begins anew: kept in place, for writing over it is cheaper than growing it.
        db.execute(f"PRAGMA journal_size_limit = {sqlite_log.LIMIT // 2}")
        db.executescript(sqlite_rows.SCHEMA)
        return db

    def _recognise(self, db: sqlite3.Connection) -> None:
        """Refuse what is somebody else's database, or a newer program's, before anything is changed in it."""
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not {"current", "meta"} <= tables:
            has = ", ".join(sorted(tables))
            raise StoreError(f"{self._path} is a database, but not a store: it has the tables {has}")
        known = sqlite_rows.VERSION
        version = sqlite_rows.meta(db).get("version", known) if tables else known
        if version != known:
            raise StoreError(
                f"{self._path} is of version {version}; this program reads {known}: "
                "use the program that wrote it, or restore a snapshot"
            )

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            raise JournalError(f"{self._path} is closed")
        return self._db

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        db = self._opened()
        db.execute("BEGIN IMMEDIATE")
        try:
            yield db
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """Say in plain words what SQLite or the system refused."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"can't {doing} the store {self._path}: {explained(error)}") from error


def read_history(path: Path, after: int, upto: int) -> list[Undo]:
    """Changes with `after` < revision <= `upto`, by a connection of its own."""
    try:
        with closing(sqlite3.connect(_read_only(path), uri=True, timeout=5.0)) as db:
            return sqlite_rows.read_history(db, after, upto)
    except sqlite3.Error as error:
        raise JournalError(f"can't read the store {path}: {explained(error)}") from error


def _read_only(path: Path) -> str:
    """The URI of a file to read: with an empty authority, for `//x` would be one, and characters escaped."""
    return f"file://{quote(str(path.absolute()))}?mode=ro"
