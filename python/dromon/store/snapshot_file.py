"""A snapshot in a file: written whole or not at all, and checked to its last byte before it is used.

Neighbours: snapshot is the format; `dromon snapshot` reads and writes files by this.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from dromon.store.interface import Restored
from dromon.store.snapshot import (
    ENTRY,
    FOOT,
    FOOTER,
    HEAD,
    LARGEST_HEADER,
    Header,
    SnapshotError,
    read_header,
    ttl,
)

_TRUNCATED = "it is damaged: it ends too early"


class SnapshotReader:
    """The content of an open snapshot file. Iterate over it once; only then is it known to be whole.

    Args:
        file: at its beginning.

    Attributes:
        header: what the snapshot is of.
        checksum: SHA-256 in hexadecimal, "" until all was read.

    Raises:
        SnapshotError: it is none, or of another version.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._left = file.seek(0, os.SEEK_END)  # a damaged length must not ask for gigabytes
        file.seek(0)
        self._digest = hashlib.sha256()
        self.checksum = ""
        magic, line = file.readline(64), file.readline(LARGEST_HEADER)
        self.header: Header = read_header(magic, line)
        self._digest.update(magic + line)
        self._left -= len(magic) + len(line)

    def __iter__(self) -> Iterator[Restored]:
        """Every key, in order.

        Raises:
            SnapshotError: at the end at the latest, when any byte is not as it was written.
        """
        count, tag = 0, self._read(1)
        previous = ""
        while tag == ENTRY:
            head = self._read(HEAD.size)
            key_length, length, created, modified, left = HEAD.unpack(head)
            body = self._read(key_length + length)
            self._digest.update(b"".join((tag, head, body)))
            try:
                key = body[:key_length].decode()
            except UnicodeDecodeError:
                raise SnapshotError("it is damaged: a key is not text") from None
            if key <= previous:
                raise SnapshotError(f"it is damaged: {key!r} follows {previous!r}")
            yield Restored(key, body[key_length:], created, modified, ttl(left))
            count, previous, tag = count + 1, key, self._read(1)
        if tag != FOOTER:
            raise SnapshotError("it is damaged: neither an entry nor the end")
        expected, digest = FOOT.unpack(self._read(FOOT.size))
        if expected != count or digest != self._digest.digest():
            raise SnapshotError("it is damaged: its checksum does not match")
        if self._file.read(1):
            raise SnapshotError("it is damaged: something follows its end")
        self.checksum = digest.hex()

    def _read(self, size: int) -> bytes:
        self._left -= size
        if self._left < 0:
            raise SnapshotError(_TRUNCATED)
        data = self._file.read(size)
        if len(data) < size:
            raise SnapshotError(_TRUNCATED)
        return data


def load(path: Path) -> tuple[SnapshotReader, list[Restored]]:
    """A whole and sound snapshot: what it is of, and every key.

    Raises:
        SnapshotError, OSError.
    """
    with path.open("rb") as file:
        reader = SnapshotReader(file)
        return reader, list(reader)


def check(path: Path) -> tuple[Header, int]:
    """Make sure that a snapshot is whole and sound: its header and how many keys it has.

    Raises:
        SnapshotError, OSError.
    """
    with path.open("rb") as file:
        reader = SnapshotReader(file)
        return reader.header, sum(1 for _ in reader)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file (mode 0600: it has secrets) that becomes `path` when the block ends, and vanishes when it fails.

    What was at `path` stays until all is on the disk.

    Raises:
        OSError.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make durable which names are in a directory."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # not every file system can; then a rename is as durable as it gets
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
