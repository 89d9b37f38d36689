"""When a journal's history may be forgotten. Pure.

History is cut at marks that are set as time goes by, so neither the file nor memory needs a time per change.

Neighbours: local notes the time and has the journal compacted; history.Limits are the bounds.
"""

from __future__ import annotations

from collections import deque

from dromon.store.history import Limits
from dromon.store.state import Transaction


class Retention:
    """Where the kept history begins, and where it should.

    Args:
        limits: bounds of what is kept.
        compacted: history up to and including this revision is gone.
        changes, size: of the history that was found (number, bytes of superseded values).
        now: seconds on a steady clock; what was found counts as made now.
    """

    def __init__(self, limits: Limits, compacted: int, changes: int, size: int, now: float) -> None:
        self.compacted = compacted
        self._limits = limits
        self._changes = changes
        self._size = size
        self._marks: deque[tuple[float, int, int, int]] = deque()  # time, revision, changes and size so far

    def add(self, transaction: Transaction) -> None:
        """Count a published transaction."""
        self._changes += len(transaction.records)
        self._size += sum(r.size for r in transaction.records)

    def note(self, revision: int, now: float) -> int | None:
        """Mark what was published since the last call; up to where to forget, None: nothing."""
        if revision > (self._marks[-1][1] if self._marks else self.compacted):
            self._marks.append((now, revision, self._changes, self._size))
        cut = None
        while self._marks and self._exceeds(self._marks[0], now):
            cut = self._marks.popleft()[1]
        if cut is not None:
            self.compacted = cut
        return cut

    def cut(self, revision: int) -> None:
        """History up to and including `revision` was forgotten on request."""
        self.compacted = max(self.compacted, revision)
        while self._marks and self._marks[0][1] <= revision:
            self._marks.popleft()

    def _exceeds(self, mark: tuple[float, int, int, int], now: float) -> bool:
        """Whether what was made after `mark` fills the bounds without what was made before it."""
        at, _, changes, size = mark
        return (
            now - at > self._limits.age
            or self._changes - changes >= self._limits.changes
            or self._size - size >= self._limits.size
        )
