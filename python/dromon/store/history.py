"""The changes of the recent past, in memory and bounded: what watches read and older lists undo. Pure.

Watches have no queues of their own: each keeps the revision that it has seen and reads on from here, so a
slow one costs nothing and is told Compacted once what it needs is gone.

Neighbours: local appends and reads; sqlite keeps a longer history in its file.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from dromon.store.interface import Compacted, KeyValue
from dromon.store.state import Transaction


@dataclass(frozen=True, slots=True)
class Limits:
    """How much history is kept: whatever is exceeded first decides.

    Attributes:
        age: seconds.
        changes: number of changes.
        size: bytes of superseded values.
    """

    age: float = 300.0
    changes: int = 100_000
    size: int = 64 << 20


class History:
    """Transactions after `oldest`, in order.

    Args:
        oldest: nothing up to and including this revision is here.
        limits: bounds; age is applied by `trim`, the others at once.
    """

    def __init__(self, oldest: int, limits: Limits) -> None:
        self.oldest = oldest
        self._limits = limits
        self._entries: list[tuple[float, Transaction]] = []
        self._dropped = 0  # entries at the front that are gone but not yet cut off
        self._changes = 0
        self._size = 0

    def append(self, transaction: Transaction, now: float) -> None:
        """Add the newest transaction; `now` in seconds on any steady clock."""
        self._entries.append((now, transaction))
        self._changes += len(transaction.records)
        self._size += sum(r.size for r in transaction.records)
        # The newest transaction stays, however large: those who wait for it must see it.
        while (
            self._changes > self._limits.changes or self._size > self._limits.size
        ) and self._dropped < len(self._entries) - 1:
            self._drop_first()

    def trim(self, now: float) -> None:
        """Drop what is older than the limits' age."""
        horizon = now - self._limits.age
        while self._dropped < len(self._entries) and self._entries[self._dropped][0] < horizon:
            self._drop_first()

    def compact(self, revision: int) -> None:
        """Drop everything up to and including `revision`."""
        while self._dropped < len(self._entries):
            if self._entries[self._dropped][1].revision > revision:
                break
            self._drop_first()
        self.oldest = max(self.oldest, revision)

    def since(self, after: int, limit: int = 1_000) -> list[Transaction]:
        """Transactions after `after`, oldest first, at most `limit`.

        Raises:
            Compacted: some of them are gone.
        """
        if after < self.oldest:
            raise Compacted(self.oldest)
        start = bisect_right(self._entries, after, lo=self._dropped, key=lambda e: e[1].revision)
        return [t for _, t in self._entries[start : start + limit]]

    def undo(self, to: int, prefix: str) -> dict[str, KeyValue | None]:
        """For keys with `prefix` that changed after revision `to`: what they were then.

        Raises:
            Compacted: as `since`.
        """
        undone: dict[str, KeyValue | None] = {}
        for transaction in self.since(to, limit=len(self._entries)):
            for record in transaction.records:
                if record.key.startswith(prefix):
                    undone.setdefault(record.key, record.previous)
        return undone

    def _drop_first(self) -> None:
        transaction = self._entries[self._dropped][1]
        self._dropped += 1
        self.oldest = transaction.revision
        self._changes -= len(transaction.records)
        self._size -= sum(r.size for r in transaction.records)
        self._entries[self._dropped - 1] = (0.0, _EMPTY)
        if self._dropped > 1_000 and self._dropped * 2 > len(self._entries):
            del self._entries[: self._dropped]
            self._dropped = 0


_EMPTY = Transaction(0, ())
