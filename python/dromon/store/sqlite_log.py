"""SQLite's write-ahead log as a file: made durable before it is believed, and kept within bounds.

Linux marks pages clean after a failed fsync, although they never reached the disk: reading them back shows
what was written, and the next fsync succeeds without writing them. SQLite would then find a transaction in
the log that failed, take it as committed, and append to it; after a power cut the log ends before it, and all
that was acknowledged since is gone, too. So whenever a log is found, its bytes are written again, which makes
the pages dirty, and synced, before SQLite opens it: what it finds is then on the disk.

Source: "Can Applications Recover from fsync Failures?" (Rebello et al., USENIX ATC 2020); "WAL-mode File
Format" (sqlite.org): frames count up to the first whose checksum does not follow from those before it.

Neighbours: sqlite_file calls it before it opens the file and while it tidies up.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PAGE = 8192
"""Bytes of a page of a new file: most objects fit several to one."""

PAGES = 2_000
"""Pages in the log after which SQLite folds it into the file, when no reader holds it back."""

LIMIT = 2 * PAGES * (PAGE + 24)
"""Bytes of a log that has grown beyond what it should: something held folding back."""

_CHUNK = 1 << 20


def log_path(path: Path) -> Path:
    """Where the log of the database at `path` is."""
    return path.with_name(path.name + "-wal")


def size(path: Path) -> int:
    """Bytes of the log of the database at `path`, 0 where there is none."""
    try:
        return log_path(path).stat().st_size
    except FileNotFoundError:
        return 0


def make_durable(path: Path) -> None:
    """Have what can be read of the log of the database at `path` on the disk. Raises OSError."""
    with _opened(log_path(path), os.O_RDWR) as log:
        if log is not None:
            at = 0
            while data := os.pread(log, _CHUNK, at):
                os.pwrite(log, data, at)
                at += len(data)
            os.fsync(log)
    make_names_durable(path)


def make_names_durable(path: Path) -> None:
    """Have the names of the database's files on the disk. Raises OSError."""
    with _opened(path.parent, os.O_RDONLY | os.O_DIRECTORY) as directory:
        if directory is not None:
            os.fsync(directory)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int | None]:
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)
