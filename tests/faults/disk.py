"""A database on a disk that fails on demand, and forgets what was not synced: drives the shim disk.c."""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import struct
import subprocess
from pathlib import Path

SYNC, WRITE, TRUNCATE = range(3)
DATABASE, LOG, BOTH = 1, 2, 3
FOR_EVER = -1

_SIZE = 128
_NUMBER = struct.Struct("=q")


def compile_shim(name: str, directory: Path) -> Path:
    """A shim of this directory, compiled by cc."""
    source, made = Path(__file__).with_name(f"{name}.c"), directory / f"{name}.so"
    command = ["cc", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"]
    subprocess.run([*command, "-o", str(made), str(source), "-ldl"], check=True, timeout=60)
    return made


class Disk:
    """The disk under one database.

    Args:
        shim: from compile_shim.
        target: the database's path.
        directory: for the shim's own files.
    """

    def __init__(self, shim: Path, target: Path, directory: Path) -> None:
        self.target = target
        self.log = directory / "log"  # for what runs on it
        self._files = (target, target.with_name(target.name + "-wal"))
        self._shadow = directory / "shadow"
        self._shadow.mkdir()
        control = directory / "control"
        control.write_bytes(bytes(_SIZE))
        with control.open("r+b") as file:
            self._control = mmap.mmap(file.fileno(), _SIZE)
        self.environment = {
            **os.environ,
            "LD_PRELOAD": str(shim),
            "FAULT_TARGET": str(target),
            "FAULT_CONTROL": str(control),
            "FAULT_SHADOW": str(self._shadow),
        }

    def fail(
        self, op: int, files: int = BOTH, *, after: int = 0, times: int = FOR_EVER, error: int = errno.EIO
    ) -> None:
        """Let `times` calls of `op` on `files` fail, once `after` more of them have passed."""
        self._put(op * 4, 0)  # none, until all is set
        for at, number in enumerate((after, times, error), 1):
            self._put(op * 4 + at, number)
        self._put(op * 4, files)

    def mend(self) -> None:
        """Let nothing fail any more."""
        for op in (SYNC, WRITE, TRUNCATE):
            self._put(op * 4, 0)

    def failures(self, op: int) -> int:
        """How many calls have failed so far."""
        number: int = _NUMBER.unpack_from(self._control, (12 + op) * 8)[0]
        return number

    def cut_power(self) -> None:
        """Leave of the database what was synced. Nobody may have it open."""
        self.target.with_name(self.target.name + "-shm").unlink(missing_ok=True)
        for file in self._files:
            _copy(self._shadow / file.name, file)
        (self._shadow / "dirty").unlink(missing_ok=True)

    def keep(self) -> None:
        """Take what is there for synced: the database was used, and closed, without the shim."""
        for file in self._files:
            _copy(file, self._shadow / file.name)

    def _put(self, at: int, number: int) -> None:
        _NUMBER.pack_into(self._control, at * 8, number)


def _copy(source: Path, target: Path) -> None:
    if source.exists():
        shutil.copyfile(source, target)
    else:
        target.unlink(missing_ok=True)
