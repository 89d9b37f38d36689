"""The format of a snapshot: every key of a store at one revision, in one stream of bytes. Pure.

    magic      "dromon-snapshot 1\\n"; the number is the format's version
    header     one line of JSON: {"dromon", "revision", "time", "backend"}
    entries    0x01, then big-endian: key length (u32), value length (u32), create revision (u64),
               mod revision (u64), seconds to live (f64, -1.0: for ever), key (UTF-8), value; in key order
    footer     0x02, then the number of entries (u64) and the SHA-256 of all bytes before it (32 bytes)

Whatever lacks its footer, has another checksum or goes on behind it is damaged, and nothing of it is used. An
apiserver streams these bytes and `dromon snapshot save` writes them down as they are.

Neighbours: snapshot_stream makes one of a running store, snapshot_file keeps and checks it.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass

from dromon.store.interface import KeyValue, StoreError

VERSION = 1
NAME = b"dromon-snapshot "
MAGIC = NAME + b"%d\n" % VERSION
ENTRY, FOOTER = b"\x01", b"\x02"
CONTENT_TYPE = "application/vnd.dromon.snapshot"

HEAD = struct.Struct(">IIQQd")
FOOT = struct.Struct(">Q32s")
LARGEST_HEADER = 4096
"""Bytes; a longer first line is no header."""

_FOR_EVER = -1.0


class SnapshotError(StoreError):
    """It is no snapshot, a damaged one, or one that this program can't read; the text says which."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a snapshot is of.

    Attributes:
        dromon: version of the program that made it.
        revision: of the store; no key's is greater.
        time: seconds since the epoch when it was made.
        backend: of the store: "sqlite", "etcd", "memory".
    """

    dromon: str
    revision: int
    time: float
    backend: str


class Encoder:
    """Makes a snapshot, piece by piece: `header`, then `entries` in key order, then `footer`."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._count = 0

    def header(self, header: Header) -> bytes:
        """The first bytes."""
        return self._hashed(MAGIC + json.dumps(asdict(header)).encode() + b"\n")

    def entries(self, items: Iterable[KeyValue], ttl: Mapping[str, float]) -> bytes:
        """The bytes of some keys.

        Args:
            ttl: seconds left for keys that have a time to live; others may stand in it, too.
        """
        parts: list[bytes] = []
        head = HEAD.pack
        for item in items:
            key = item.key.encode()
            left = ttl.get(item.key, _FOR_EVER)
            parts += (
                ENTRY,
                head(len(key), len(item.value), item.create_revision, item.mod_revision, left),
                key,
                item.value,
            )
            self._count += 1
        return self._hashed(b"".join(parts))

    def footer(self) -> bytes:
        """The last bytes."""
        return FOOTER + FOOT.pack(self._count, self._digest.digest())

    def _hashed(self, data: bytes) -> bytes:
        self._digest.update(data)
        return data


def ttl(seconds: float) -> float | None:
    """What an entry's seconds to live mean."""
    return None if seconds == _FOR_EVER else seconds


def read_header(magic: bytes, line: bytes) -> Header:
    """The header from the first two lines.

    Raises:
        SnapshotError.
    """
    if magic != MAGIC:
        if magic.startswith(NAME) and magic.endswith(b"\n"):
            found = magic[len(NAME) :].strip().decode(errors="replace")
            raise SnapshotError(f"it has version {found} of the format; this program reads {VERSION}")
        raise SnapshotError("it is not a snapshot")
    try:
        header = Header(**json.loads(line))
        sound = (
            line.endswith(b"\n")
            and isinstance(header.dromon, str)
            and isinstance(header.backend, str)
            and type(header.revision) is int
            and header.revision > 0
            and type(header.time) in (int, float)
        )
    except (TypeError, ValueError):
        sound = False
    if not sound:
        raise SnapshotError("it is damaged: its header can't be read")
    return header
