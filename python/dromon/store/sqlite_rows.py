"""The tables of the SQLite file, and what is written to them and read from them. Works on an open connection.

    current   a row per key as it stands
    history   a row per change: what it replaced (an undo log, so that no value is stored twice)
    meta      schema version, newest revision, compacted revision, checksum of all keys

The checksum is the exclusive or of one of each key's row, so that a write costs the same with any number of
keys. Reading all keys, which every start does anyway, so finds rows that are damaged, missing, or of another
time than the rest (a lost write, a log that was cut off after part of it had been folded into the file), at
about 1 ms for 1,000 keys, where SQLite's own checks see only a page's structure.

Neighbours: sqlite_file opens the file and says when.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any

from dromon.store.interface import KeyValue
from dromon.store.journal import Undo
from dromon.store.state import Record, Transaction

VERSION = 1

# Tables with row numbers keep values of a page's size in their leaves; without, all beyond a kilobyte would
# go to pages of its own, which made a write cost three to five times as much.
SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS current (
    key TEXT PRIMARY KEY, value BLOB NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, expires REAL
);
CREATE TABLE IF NOT EXISTS history (
    revision INTEGER NOT NULL, place INTEGER NOT NULL, key TEXT NOT NULL,
    value BLOB, created INTEGER, modified INTEGER,
    PRIMARY KEY (revision, place)
);
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
COMMIT;
"""
_ROWS = (256, 64, 16, 4, 1)
_FORGET = 5_000  # history rows per compaction step: a step must not keep writers waiting
_PUT = "INSERT INTO current VALUES "
_OVER = (
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, created = excluded.created, "
    "modified = excluded.modified, expires = excluded.expires"
)
_DELETE = "DELETE FROM current WHERE key IN (VALUES "
_UNDO = "INSERT INTO history VALUES "
_META = "INSERT OR REPLACE INTO meta VALUES "
_HISTORY = (
    "SELECT revision, key, value, created, modified FROM history "
    "WHERE revision > ? AND revision <= ? ORDER BY revision, place"
)

Expiring = tuple[KeyValue, float | None]
"""A key, and the seconds since the epoch when it deletes itself."""


def meta(db: sqlite3.Connection) -> dict[str, int]:
    """All of the table meta."""
    return dict(db.execute("SELECT name, value FROM meta"))


def set_meta(db: sqlite3.Connection, **values: int) -> None:
    """Write rows of the table meta."""
    many(db, _META, list(values.items()))


def checksum(keys: Iterable[KeyValue | None], start: int = 0) -> int:
    """`start` with these keys put in, or, if they are in it, taken out."""
    for kv in keys:
        if kv is not None:
            head = f"{kv.key}\0{kv.create_revision}\0{kv.mod_revision}\0"
            start ^= zlib.crc32(kv.value, zlib.crc32(head.encode()))
    return start


def read_all(db: sqlite3.Connection) -> list[Expiring]:
    """Every key as it stands."""
    return [(KeyValue(*row[:4]), row[4]) for row in db.execute("SELECT * FROM current")]


def index_leads_to_rows(db: sqlite3.Connection) -> bool:
    """Whether the index of the keys finds each row, and nothing else: reading all rows doesn't use it."""
    index = "sqlite_autoindex_current_1"
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (index,)).fetchone() is None:
        return True  # an older file, whose rows are in the order of their keys
    (rows,) = db.execute("SELECT COUNT(*) FROM current NOT INDEXED").fetchone()
    (entries,) = db.execute(f"SELECT COUNT(*) FROM current INDEXED BY {index}").fetchone()  # noqa: S608
    (found,) = db.execute(
        f"SELECT COUNT(*) FROM current AS t NOT INDEXED JOIN current AS i INDEXED BY {index} "  # noqa: S608
        "ON i.key = t.key WHERE i.rowid = t.rowid"
    ).fetchone()
    return bool(rows == entries == found)


def read_one(db: sqlite3.Connection, key: str) -> Expiring | None:
    """A key as it stands."""
    row = db.execute("SELECT * FROM current WHERE key = ?", (key,)).fetchone()
    return None if row is None else (KeyValue(*row[:4]), row[4])


def write(db: sqlite3.Connection, transactions: Sequence[Transaction]) -> None:
    """Write what these transactions changed, and what that replaced."""
    undo: list[tuple[Any, ...]] = []
    stands: dict[str, tuple[Any, ...] | None] = {}  # only a key's last state in the group is written
    for transaction in transactions:
        for place, record in enumerate(transaction.records):
            old, new = record.previous, record.current
            before = (old.value, old.create_revision, old.mod_revision) if old else (None, None, None)
            undo.append((transaction.revision, place, record.key, *before))
            stands[record.key] = _row(new, record.expires) if new else None
    many(db, _UNDO, undo)
    many(db, _PUT, [row for row in stands.values() if row is not None], _OVER)
    many(db, _DELETE, [(key,) for key, row in stands.items() if row is None], ")")


def fill(db: sqlite3.Connection, items: Iterable[Expiring]) -> None:
    """Write keys without a history."""
    db.execute("DELETE FROM history")
    many(db, _PUT, [_row(kv, expires) for kv, expires in items])


def read_history(db: sqlite3.Connection, after: int, upto: int) -> list[Undo]:
    """Changes with `after` < revision <= `upto`, oldest first."""
    return [
        Undo(revision, key, None if value is None else KeyValue(key, value, created, modified))
        for revision, key, value, created, modified in db.execute(_HISTORY, (after, upto))
    ]


def history_size(db: sqlite3.Connection) -> tuple[int, int]:
    """Number of changes, and bytes of superseded values."""
    changes, size = db.execute("SELECT COUNT(*), COALESCE(SUM(LENGTH(value)), 0) FROM history").fetchone()
    return changes, size


def redo(db: sqlite3.Connection, after: int, upto: int) -> list[Transaction]:
    """The transactions with `after` < revision <= `upto`, of which `upto` is the newest."""
    records: dict[int, list[Record]] = {}
    later: dict[str, KeyValue | None] = {}
    # Newest first: what a change made is what the next change of the key replaced, or what stands.
    for undo in reversed(read_history(db, after, upto)):
        if undo.key in later:
            current, expires = later[undo.key], None
        else:
            current, expires = read_one(db, undo.key) or (None, None)
        later[undo.key] = undo.previous
        records.setdefault(undo.revision, []).append(Record(undo.key, current, undo.previous, expires))
    return [Transaction(r, tuple(reversed(records[r]))) for r in sorted(records)]


def forget(db: sqlite3.Connection, revision: int) -> int:
    """Forget a bounded number of changes up to `revision`; up to where none is left."""
    last = db.execute(
        "SELECT MAX(revision) FROM (SELECT revision FROM history WHERE revision <= ? "
        "ORDER BY revision LIMIT ?)",
        (revision, _FORGET),
    ).fetchone()[0]
    upto: int = revision if last is None else last
    db.execute("DELETE FROM history WHERE revision <= ?", (upto,))
    return upto


def many(db: sqlite3.Connection, start: str, rows: Sequence[tuple[Any, ...]], end: str = "") -> None:
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


def _row(kv: KeyValue, expires: float | None) -> tuple[Any, ...]:
    return (kv.key, kv.value, kv.create_revision, kv.mod_revision, expires)
