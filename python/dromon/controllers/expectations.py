"""What a loop did and has not seen yet: it does not act again on a cache that does not show its own writes.

Creations and deletions are expected by uid, so an event that comes before the answer of its request, or
twice, does no harm. What is not seen within a time limit is given up, so that a lost event can't stop a
loop for ever.

Neighbours: replication and endpoint slices.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from dromon.base.clock import Clock

TIMEOUT = 300.0
"""Seconds after which an expectation is given up (upstream: five minutes)."""


@dataclass(slots=True)
class _Record:
    in_flight: int = 0
    early: set[str] = field(default_factory=set)
    creations: set[str] = field(default_factory=set)
    deletions: set[str] = field(default_factory=set)
    since: float = 0.0


class Expectations:
    """Expected creations and deletions by owner (any string, best a uid).

    Args:
        clock: for the time limit.
        timeout: seconds after which what was expected is given up.
    """

    def __init__(self, clock: Clock, timeout: float = TIMEOUT) -> None:
        self._clock = clock
        self.timeout = timeout
        self._records: dict[str, _Record] = {}

    def creating(self, owner: str, count: int = 1) -> None:
        """`count` creations are about to be requested."""
        record = self._open(owner)
        record.in_flight += count

    def created(self, owner: str, uid: str) -> None:
        """A request answered: the informer will show `uid`, unless it has already."""
        record = self._open(owner)
        self._landed(record)
        if uid in record.early:
            record.early.discard(uid)
        else:
            record.creations.add(uid)
        self._tidy(owner, record)

    def not_created(self, owner: str) -> None:
        """A request failed, or is not made after all."""
        record = self._open(owner)
        self._landed(record)
        self._tidy(owner, record)

    def deleting(self, owner: str, uids: Iterable[str]) -> None:
        """Deletions of `uids` are about to be requested."""
        self._open(owner).deletions.update(uids)

    def not_deleted(self, owner: str, uid: str) -> None:
        """A deletion failed: nothing will be seen."""
        self.saw_deletion(owner, uid)

    def saw_creation(self, owner: str, uid: str) -> None:
        """The informer shows a new object of `owner`."""
        record = self._records.get(owner)
        if record is None:
            return
        if uid in record.creations:
            record.creations.discard(uid)
            self._tidy(owner, record)
        elif record.in_flight:
            record.early.add(uid)

    def saw_deletion(self, owner: str, uid: str) -> None:
        """The informer shows that an object of `owner` is gone or going."""
        record = self._records.get(owner)
        if record is None:
            return
        record.deletions.discard(uid)
        record.creations.discard(uid)
        self._tidy(owner, record)

    def satisfied(self, owner: str) -> bool:
        """Whether everything that was expected has been seen, or given up."""
        return self.remaining(owner) <= 0

    def remaining(self, owner: str) -> float:
        """Seconds until what is still expected is given up; 0 where nothing is."""
        record = self._records.get(owner)
        if record is None:
            return 0.0
        return max(record.since + self.timeout - self._clock.monotonic(), 0.0)

    def forget(self, owner: str) -> None:
        """The owner is gone."""
        self._records.pop(owner, None)

    def _open(self, owner: str) -> _Record:
        record = self._records.setdefault(owner, _Record())
        record.since = self._clock.monotonic()
        return record

    @staticmethod
    def _landed(record: _Record) -> None:
        record.in_flight = max(record.in_flight - 1, 0)

    def _tidy(self, owner: str, record: _Record) -> None:
        if not record.in_flight:
            record.early.clear()
            if not record.creations and not record.deletions:
                self._records.pop(owner, None)
