"""The store: the one place where a cluster's state is, behind an interface that is mostly semantics.

"Backing store for all master state, hidden behind an abstract interface; watchable" (talk, slide 14).

Revisions. A store has one revision, an integer that grows with every committed transaction and with nothing
else, and survives restarts. An empty store's revision is at least 1 (0 means "any" to clients). A key's
`mod_revision` is the revision of its last change. A deletion has a revision of its own.

Shared transactions. A client resumes a watch from the revision of the last object it saw, and its connection
may break between any two objects. So two objects that one watch can show never share a revision, unless one
`commit` wrote both. A backend that commits several callers' writes in one transaction of its own must still
give each its own revision. (etcd gives a transaction one mod_revision: the etcd backend shows
`mod_revision * 4096 + slot`, where the slot follows from the key alone (a hash), so that values stay plain
JSON and lists know it, too; keys with the same slot don't share a transaction, and a transaction's events
are shown in the order of their slots. "Up to this transaction" is slot 4095.) So the keys of one `commit` may
have different mod_revisions; it returns the one that its first op's key has.

Accepting and committing. A transaction is first accepted (compared against the newest accepted state, writes
in flight included, and given its place in the order), then committed (durable as far as the backend
promises), then published to watches, in revision order, and only then does `commit` return. A crash loses
nothing for which `commit` returned, and a restarted store shows nothing that was not committed.

Retry contract. CompareFailed and Compacted changed nothing. Unavailable says that the outcome is unknown:
the transaction may or may not be committed; whoever must know reads the key again.

Neighbours: sqlite and memory implement it, open picks one by URL, cache wraps any of them, the apiserver's
registry is the only caller.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class KeyValue:
    """A key as it stands. `value` is the object's JSON without metadata.resourceVersion."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int


@dataclass(frozen=True, slots=True)
class Put:
    """Write a key.

    Attributes:
        expect: None: whatever is there; 0: the key must not exist; else: its mod_revision must be this.
        ttl: seconds until the store deletes the key by itself, None: never.
    """

    key: str
    value: bytes
    expect: int | None = None
    ttl: int | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove a key; `expect` as in Put (None: CompareFailed with current None if it doesn't exist)."""

    key: str
    expect: int | None = None


Op = Put | Delete


@dataclass(frozen=True, slots=True)
class Change:
    """One key's change as a watch shows it.

    Attributes:
        value: the new value, None for a deletion.
        previous: the value before, None for a creation.
    """

    key: str
    value: bytes | None
    previous: bytes | None
    create_revision: int


@dataclass(frozen=True, slots=True)
class Batch:
    """All changes of one revision (never split), or, with no changes, progress up to `revision`."""

    revision: int
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class Restored:
    """A key as a snapshot has it.

    Attributes:
        ttl: seconds left until the store deletes the key by itself, None: never.
    """

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a list at one revision.

    Attributes:
        items: in the order of their keys (bytewise).
        revision: the revision the page shows.
        more: whether keys after the last item remain.
    """

    items: list[KeyValue]
    revision: int
    more: bool


class StoreError(Exception):
    """Base of all that a store raises."""


class CompareFailed(StoreError):
    """An `expect` did not hold; nothing was written.

    Attributes:
        key: the key at fault.
        current: what the newest accepted state has there, None where there is nothing.
    """

    def __init__(self, key: str, current: KeyValue | None) -> None:
        super().__init__(f"{key}: expectation failed")
        self.key = key
        self.current = current


class Compacted(StoreError):
    """The revision asked for is older than what is kept; `oldest` is the oldest that can be asked for."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"revision is compacted; the oldest kept is {oldest}")
        self.oldest = oldest


class NotEmpty(StoreError):
    """Only an empty store can be restored to."""


class Unavailable(StoreError):
    """The backend can't answer; for writes the outcome is unknown."""


class NotAccepted(Unavailable):
    """A write was turned away before any of it was done."""


class Store(Protocol):
    """A watchable store. All methods are for one event loop; none blocks it."""

    async def start(self) -> None:
        """Open; raises StoreError with what to do when the backend can't be used."""
        ...

    async def close(self) -> None:
        """Finish writes in flight, end watches, release files and connections."""
        ...

    async def get(self, key: str) -> KeyValue | None:
        """The key in the newest committed state (a read after an answered write sees it)."""
        ...

    async def newest(self, key: str) -> KeyValue | None:
        """The key in the newest state that a write can build on (writes in flight included, where known).

        For read-modify-write only: what it shows may never become durable, or may already be outdated, and
        only a `commit` that expects its mod_revision tells.
        """
        ...

    async def settled(self, key: str) -> None:
        """Return when what `newest` shows of the key is committed; before, nobody may be told of it.

        Raises:
            NotAccepted: it did not become so.
        """
        ...

    async def barrier(self) -> int:
        """A revision that includes every write answered before this call, by any process on this backend.

        Every watch that is open shows a batch of at least this revision soon (an empty one where nothing
        changed), so that whoever follows the store can tell that it has seen all of them.

        Raises:
            Unavailable: within bounded time, when that can't be known.
        """
        ...

    @property
    def shared(self) -> bool:
        """Whether other processes may write to the backend, too.

        False: `revision` is what `barrier` would answer, and readers need not ask.
        """
        ...

    async def list(self, prefix: str, *, revision: int = 0, after: str = "", limit: int = 0) -> Page:
        """Keys that start with `prefix`, in key order.

        Args:
            revision: show the state at this revision; 0: the newest committed.
            after: only keys greater than this one.
            limit: at most so many items; 0: all.

        Raises:
            Compacted: `revision` is no longer kept.
        """
        ...

    async def commit(self, ops: Sequence[Op]) -> int:
        """Apply all of `ops` (distinct keys) or none; the first one's revision, once durable and published.

        Raises:
            CompareFailed, Unavailable.
        """
        ...

    def watch(self, prefix: str, after: int) -> AsyncIterator[Batch]:
        """Every batch with a revision greater than `after` that touches `prefix`, once, in order, for ever.

        Ends when the store closes. A consumer that falls behind by more than the backend's bound gets
        Compacted and must list again; it never slows a writer.

        Raises:
            Compacted: changes after `after` are no longer all kept.
        """
        ...

    def history(self, prefix: str, after: int, upto: int) -> AsyncIterator[Batch]:
        """The batches with after < revision <= upto that touch `prefix`, once, in order; then it ends.

        Args:
            upto: at most `revision`.

        Raises:
            Compacted: they are no longer all kept; what was given before is right as far as it goes.
        """
        ...

    async def compact(self, revision: int) -> None:
        """Forget history up to and including `revision` (current values stay)."""
        ...

    async def expiries(self) -> dict[str, float]:
        """Seconds left (0.0: overdue) for each key with a time to live, in the newest committed state."""
        ...

    async def restore(self, items: Sequence[Restored], revision: int) -> None:
        """Fill an empty, started store, and set its revision beyond `revision`, once durable.

        Atomic: a crash half-way leaves a store that is empty, or one whose `start` refuses or finishes it.
        Afterwards every revision up to and including `revision` is Compacted, so whoever watched what was
        here before lists again. A key keeps the mod_revision that it is given here or, where a backend
        can't set that, has one greater than `revision`.

        Args:
            items: distinct keys, whose revisions are at most `revision`.
            revision: greater than any that clients may remember.

        Raises:
            NotEmpty, StoreError (items that can't stand beside each other): nothing changed.
            Unavailable: the outcome is unknown.
        """
        ...

    @property
    def revision(self) -> int:
        """The newest committed revision that this process knows."""
        ...

    def check(self) -> str | None:
        """None while healthy, else what is wrong (readyz shows it)."""
        ...
