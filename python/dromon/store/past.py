"""The past of an embedded store: in memory as far as that reaches, before that in the journal.

Neighbours: local lists and watches by it; history is the memory, journal the file, and retention says where
that begins.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from dromon.store.history import History
from dromon.store.interface import Compacted, KeyValue
from dromon.store.journal import Journal, Undo
from dromon.store.retention import Retention
from dromon.store.state import Record, State, Transaction


class Past:
    """Reads what others keep; holds nothing itself."""

    def __init__(self, journal: Journal | None, state: State, history: History, retention: Retention) -> None:
        self._journal = journal
        self._state = state
        self._history = history
        self._retention = retention

    @property
    def compacted(self) -> int:
        """The oldest revision that can be asked for."""
        return self._history.oldest if self._journal is None else self._retention.compacted

    async def read(self, after: int) -> tuple[list[Transaction], int]:
        """Transactions after `after`, some or all, and up to where nothing is missing.

        Raises:
            Compacted: some of them are gone.
        """
        while after < self._history.oldest:
            upto = self._history.oldest
            found = await self._kept(after, upto)
            try:
                states = self._history.undo(upto, "")
            except Compacted:  # memory moved on meanwhile: read the file again
                continue
            return _redo(found, states, self._state), upto
        return self._history.since(after), after

    async def undo(self, to: int, prefix: str) -> dict[str, KeyValue | None]:
        """For keys with `prefix` that changed after revision `to`: what they were then.

        Raises:
            Compacted: as `read`.
        """
        while to < self._history.oldest:
            upto = self._history.oldest
            found = await self._kept(to, upto)
            undone: dict[str, KeyValue | None] = {}
            for undo in found:
                if undo.key.startswith(prefix):
                    undone.setdefault(undo.key, undo.previous)
            with contextlib.suppress(Compacted):  # as above
                return {**self._history.undo(upto, prefix), **undone}
        return self._history.undo(to, prefix)

    async def _kept(self, after: int, upto: int) -> list[Undo]:
        """From the journal."""
        if self._journal is None or after < self._retention.compacted:
            raise Compacted(self.compacted)
        found = await self._journal.history(after, upto)
        if after < self._retention.compacted:  # compacted while it was read
            raise Compacted(self.compacted)
        return found


def _redo(found: Sequence[Undo], states: dict[str, KeyValue | None], state: State) -> list[Transaction]:
    """Changes from what they replaced, given the keys' state after the last of them."""
    records: dict[int, list[Record]] = {}
    for undo in reversed(found):
        current = states[undo.key] if undo.key in states else state.get(undo.key)
        states[undo.key] = undo.previous
        records.setdefault(undo.revision, []).append(Record(undo.key, current, undo.previous))
    return [Transaction(r, tuple(reversed(records[r]))) for r in sorted(records)]
