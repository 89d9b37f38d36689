"""How keys and revisions stand in etcd. Pure.

etcd gives all keys of a transaction one revision, but no two objects that different callers wrote may share
one (see interface). So a key's revision is shown as `(etcd's revision + offset) * 4096 + slot`, where the
slot is a hash of the key: lists, watches and writes agree on it without storing anything. Slot 4095 is no
key's: it says "up to this transaction, whole". The offset carries revisions on when a store is moved here.

Neighbours: every other module of the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

SLOTS = 4096
WHOLE = SLOTS - 1
OWN = "/dromon/"
"""What the store keeps for itself stands below this: never listed, never shown by watches."""

STATE = OWN + "store"
"""Whether the store may be used, and its offset: every write compares its revision."""
COMPACTED = OWN + "compacted"
"""Written by the one API server that compacts next."""
PROGRESS = OWN + "progress"
"""Written when a watch must show that it has caught up."""


def slot(key: bytes) -> int:
    """The key's place in a shared transaction, below 4095. Must never change: revisions are made of it.

    Args:
        key: without the prefix.
    """
    return crc32(key) % WHOLE


def after(prefix: bytes) -> bytes:
    """The first key that sorts behind all that begin with `prefix`; NUL (etcd: no end) if there is none."""
    stripped = prefix.rstrip(b"\xff")
    if not stripped:
        return b"\0"
    return stripped[:-1] + bytes([stripped[-1] + 1])


@dataclass(frozen=True, slots=True)
class Layout:
    """Attributes:
    prefix: before every key.
    offset: is added to etcd's revisions.
    """

    prefix: bytes = b""
    offset: int = 0

    def key(self, key: str) -> bytes:
        """The key in etcd."""
        return self.prefix + key.encode()

    def name(self, key: bytes) -> str:
        """The key as the store's callers know it."""
        return key[len(self.prefix) :].decode(errors="replace")

    def range(self, prefix: str) -> tuple[bytes, bytes]:
        """etcd's key and range_end for everything below `prefix`."""
        start = self.key(prefix)
        return start or b"\0", after(start)

    def slot(self, key: bytes) -> int:
        """As `slot`, of a key in etcd."""
        return slot(key[len(self.prefix) :])

    def own(self, key: bytes) -> bool:
        """Whether a key in etcd is the store's own record."""
        return key.startswith(OWN.encode(), len(self.prefix))

    def shown(self, key: bytes, revision: int) -> int:
        """The revision that a key in etcd got by etcd's `revision`."""
        return (revision + self.offset) * SLOTS + self.slot(key)

    def whole(self, revision: int) -> int:
        """What includes all of etcd's `revision`."""
        return (revision + self.offset) * SLOTS + WHOLE

    def split(self, shown: int) -> tuple[int, int]:
        """etcd's revision (less than 1: before its time) and slot of a shown revision."""
        revision, at = divmod(shown, SLOTS)
        return revision - self.offset, at
