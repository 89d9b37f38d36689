"""One process per file: an advisory lock that the kernel drops when its holder dies, however it dies.

Neighbours: sqlite takes it before it opens the file.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from dromon.store.interface import StoreError


class FileLock:
    """An exclusive flock on a file of its own, which names the holder's process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def take(self, what: str) -> None:
        """Hold the lock, or raise StoreError that says who does; `what` is what it guards."""
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"can't open {what}: {self._path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise StoreError(f"{what} is in use by another process (pid {holder})") from error
        # The number is for messages only; a full disk must not keep a store from starting to be read.
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go; the file stays, since removing it would race with the next holder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
