"""The audit log's file: appended to, mode 0600, set aside when it is large, opened anew when asked.

As upstream's --audit-log-maxsize, -maxbackup and -maxage: the file set aside is named after the time,
audit-2026-11-22T17-30-00.000.log beside audit.log.

Neighbours: log writes by it, in its thread. All calls may block.
"""

from __future__ import annotations

import contextlib
import os
import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

STDOUT = "-"
DAY = 86_400.0
_STAMP = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """When the file is set aside, and how long what was set aside is kept; 0: no bound.

    Attributes:
        maxsize: megabytes.  maxbackup: files.  maxage: days.
    """

    maxsize: int = 100
    maxbackup: int = 0
    maxage: int = 0


class LogFile:
    """See the module.

    Args:
        path: the file, "-" for standard output (which is never rotated).

    Raises:
        OSError: it can't be opened.
    """

    def __init__(self, path: str, rotation: Rotation) -> None:
        self._path = path
        self._rotation = rotation
        self._size = 0
        self._fd = -1
        self._open()

    def write(self, data: bytes, now: float) -> None:
        """Append; a file that would grow beyond its bound is set aside before.

        Raises:
            OSError: not all of it was written.
        """
        if self._fd < 0:
            self._open()
        limit = self._rotation.maxsize * 1024 * 1024
        if limit and self._path != STDOUT and self._size and self._size + len(data) > limit:
            self._rotate(now)
        view = memoryview(data)
        while view:
            written = os.write(self._fd, view)
            self._size += written
            view = view[written:]

    def reopen(self) -> None:
        """Go on in the file that now has the name (somebody else moved the old one away)."""
        self.close()
        self._open()

    def close(self) -> None:
        """Let go of the file."""
        if self._fd >= 0 and self._path != STDOUT:
            os.close(self._fd)
        self._fd = -1

    def _open(self) -> None:
        if self._path == STDOUT:
            self._fd = sys.stdout.fileno()
            return
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.fchmod(self._fd, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self, now: float) -> None:
        self.close()
        path = Path(self._path)
        stamp = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%S.%f")[:-3]
        path.rename(path.with_name(f"{path.stem}-{stamp}{path.suffix}"))
        self._open()
        with contextlib.suppress(OSError):
            self._prune(path, now)

    def _prune(self, path: Path, now: float) -> None:
        name = re.compile(re.escape(path.stem) + "-" + _STAMP + re.escape(path.suffix))
        aside = sorted((p for p in path.parent.iterdir() if name.fullmatch(p.name)), reverse=True)
        keep, days = self._rotation.maxbackup, self._rotation.maxage
        for number, old in enumerate(aside):
            if (keep and number >= keep) or (days and old.stat().st_mtime < now - days * DAY):
                old.unlink()
