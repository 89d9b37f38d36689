"""What SQLite or the system refused, in words that say what can be done.

Source: "Result and Error Codes" (sqlite.org).

Neighbours: sqlite_file puts "can't open the store PATH: " or its like in front.
"""

from __future__ import annotations

import sqlite3

DAMAGED = (
    "the file is damaged: its objects are not those that were written. Move it away with its -wal file, and "
    "restore a snapshot (dromon snapshot restore)"
)

_ADVICE = {
    sqlite3.SQLITE_CORRUPT: "the file is damaged. Move it away with its -wal file, and restore a snapshot "
    "(dromon snapshot restore)",
    sqlite3.SQLITE_BUSY: "another program holds it; the store goes on when that lets go of it",
    sqlite3.SQLITE_LOCKED: "another program holds it; the store goes on when that lets go of it",
    sqlite3.SQLITE_FULL: "the store goes on when there is room again",
    sqlite3.SQLITE_READONLY: "the store goes on when it can be written again",
}


def explained(error: sqlite3.Error | OSError) -> str:
    """The error's text, with its cause and what to do where that is known."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest is detail
    if code == sqlite3.SQLITE_IOERR:
        return f"{error} ({error.sqlite_errorname}): the disk or its driver failed; see the kernel's log"
    advice = _ADVICE.get(code)
    return f"{error}: {advice}" if advice else str(error)
