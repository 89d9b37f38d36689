"""The keys as they stand: what is committed, and what is accepted on top of it and still in flight. Pure.

Neighbours: local (the event-loop side of the embedded stores) holds one; history keeps what was superseded.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from dromon.store.interface import Change, CompareFailed, Delete, KeyValue, Op


@dataclass(frozen=True, slots=True)
class Record:
    """One key's change, with enough to undo it.

    Attributes:
        current: the key after the change, None: deleted.
        previous: the key before it, None: created.
        expires: seconds since the epoch when the key deletes itself, None: never.
    """

    key: str
    current: KeyValue | None
    previous: KeyValue | None
    expires: float | None = None

    def change(self) -> Change:
        """As watches show it."""
        stands = self.current or self.previous
        return Change(
            self.key,
            self.current.value if self.current else None,
            self.previous.value if self.previous else None,
            stands.create_revision if stands else 0,
        )

    @property
    def size(self) -> int:
        """Bytes that only the history keeps alive: the value that this change replaced."""
        return len(self.previous.value) if self.previous else 0


@dataclass(frozen=True, slots=True)
class Transaction:
    """All records of one revision, in the order of its operations."""

    revision: int
    records: tuple[Record, ...]


class State:
    """Committed keys in order, and the newest accepted ones.

    Args:
        items: what is committed, in any order.
        revision: the revision that this shows.
    """

    def __init__(self, items: Iterable[KeyValue] = (), revision: int = 0) -> None:
        self.revision = revision
        self.accepted_revision = revision
        self._items = {kv.key: kv for kv in items}
        # Python orders text by code point, which is the order of its UTF-8 bytes.
        self._keys = sorted(self._items)
        self._in_flight: dict[str, tuple[int, KeyValue | None]] = {}

    @property
    def empty(self) -> bool:
        """Whether there is nothing, neither committed nor in flight."""
        return not self._items and not self._in_flight

    def get(self, key: str) -> KeyValue | None:
        """The key as committed."""
        return self._items.get(key)

    def newest(self, key: str) -> KeyValue | None:
        """The key as accepted last, committed or not."""
        accepted = self._in_flight.get(key)
        return accepted[1] if accepted is not None else self._items.get(key)

    def in_flight(self, key: str) -> int:
        """The revision of the key's newest accepted write, 0 where all that was accepted is committed."""
        accepted = self._in_flight.get(key)
        return accepted[0] if accepted is not None else 0

    def accept(self, ops: Sequence[Op], now: float) -> Transaction:
        """Check every expectation against the newest accepted state and give the changes their revision.

        Args:
            now: seconds since the epoch, from which times to live count.

        Raises:
            CompareFailed: nothing changed.
            ValueError: a key stands twice.
        """
        if len({op.key for op in ops}) != len(ops):
            raise ValueError("a transaction names a key twice")
        revision = self.accepted_revision + 1
        records = tuple(self._record(op, revision, now) for op in ops)
        self.accepted_revision = revision
        for record in records:
            self._in_flight[record.key] = (revision, record.current)
        return Transaction(revision, records)

    def _record(self, op: Op, revision: int, now: float) -> Record:
        stands = self.newest(op.key)
        if op.expect is not None and op.expect != (stands.mod_revision if stands else 0):
            raise CompareFailed(op.key, stands)
        if isinstance(op, Delete):
            if stands is None:
                raise CompareFailed(op.key, None)
            return Record(op.key, None, stands)
        created = stands.create_revision if stands else revision
        expires = None if op.ttl is None else now + op.ttl
        return Record(op.key, KeyValue(op.key, op.value, created, revision), stands, expires)

    def publish(self, transaction: Transaction) -> None:
        """Make an accepted transaction (or one found in the file after a failure) the committed state."""
        for record in transaction.records:
            if record.current is not None:
                if record.key not in self._items:
                    insort(self._keys, record.key)
                self._items[record.key] = record.current
            elif self._items.pop(record.key, None) is not None:
                del self._keys[bisect_left(self._keys, record.key)]
            accepted = self._in_flight.get(record.key)
            if accepted is not None and accepted[0] <= transaction.revision:
                del self._in_flight[record.key]
        self.revision = transaction.revision
        self.accepted_revision = max(self.accepted_revision, transaction.revision)

    def forget_in_flight(self) -> None:
        """Accepted writes failed: what is committed is the newest there is."""
        self._in_flight.clear()
        self.accepted_revision = self.revision

    def scan(self, prefix: str, after: str) -> Iterator[KeyValue]:
        """Committed keys with `prefix`, greater than `after`, in order. Not to be held across a change."""
        start = max(bisect_left(self._keys, prefix), bisect_right(self._keys, after) if after else 0)
        for at in range(start, len(self._keys)):
            key = self._keys[at]
            if not key.startswith(prefix):
                return
            yield self._items[key]

    def scan_undone(
        self, prefix: str, after: str, undone: Mapping[str, KeyValue | None]
    ) -> Iterator[KeyValue]:
        """As `scan`, with the keys in `undone` as it says: the state at an older revision."""
        extra = sorted(k for k in undone if k.startswith(prefix) and k > after and k not in self._items)
        at = 0
        for item in self.scan(prefix, after):
            while at < len(extra) and extra[at] < item.key:
                if (old := undone[extra[at]]) is not None:
                    yield old
                at += 1
            stood = undone.get(item.key, item)
            if stood is not None:
                yield stood
        yield from (old for k in extra[at:] if (old := undone[k]) is not None)
