"""The seam between an embedded store's event-loop side and what makes its writes durable.

Neighbours: local drives a journal, sqlite is one; memory has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dromon.store.interface import KeyValue, StoreError
from dromon.store.state import Transaction


class JournalError(StoreError):
    """Writing failed; whether the transactions are in the file is not known until `recover` has looked."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a journal holds when it is opened.

    Attributes:
        items: the committed keys.
        revision: the newest revision.
        compacted: history up to and including this one is gone.
        expiries: (seconds since the epoch, key, mod_revision) of keys that delete themselves.
        changes, size: of the history that is kept (number, bytes of superseded values).
    """

    items: list[KeyValue]
    revision: int
    compacted: int
    expiries: list[tuple[float, str, int]]
    changes: int
    size: int


@dataclass(frozen=True, slots=True)
class Undo:
    """One change of the kept history, as what it replaced."""

    revision: int
    key: str
    previous: KeyValue | None


class Journal(Protocol):
    """Durable order of transactions. Calls may overlap: the journal does one after the other."""

    async def open(self) -> Snapshot:
        """Take hold of the file; StoreError with what to do when that can't be."""
        ...

    async def append(self, transactions: Sequence[Transaction]) -> None:
        """Make them durable together; JournalError when that failed."""
        ...

    async def recover(self, after: int) -> list[Transaction]:
        """After a JournalError: prove that writing works again, and return what is in the file after `after`.

        Raises:
            JournalError: it does not work yet.
        """
        ...

    async def history(self, after: int, upto: int) -> list[Undo]:
        """Changes with `after` < revision <= `upto`, oldest first."""
        ...

    async def compact(self, revision: int) -> bool:
        """Forget part of the history up to and including `revision`; True: there is more to forget."""
        ...

    async def tidy(self) -> None:
        """Keep what is on the disk within bounds; to be called about once a second.

        Raises:
            JournalError: it is not, though nothing is lost. Writing may go on.
        """
        ...

    async def restore(self, items: Sequence[tuple[KeyValue, float | None]], revision: int) -> None:
        """Make these (with seconds since the epoch when they expire) all that an empty file holds, at once.

        Raises:
            JournalError: as `append`.
        """
        ...

    async def close(self) -> None:
        """Let go of the file."""
        ...
