"""What clients saw of a store while things broke: operations, lists, watches. Pure data.

Times are seconds on one steady clock, the one of the process that all clients run in.

Neighbours: writers, watchers fill it in; checker judges it.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

UNANSWERED = math.inf
"""When an operation was answered whose answer never came: it may take effect at any later time."""


class Verb(enum.Enum):
    """What an operation does to its key."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    GET = "get"


class Outcome(enum.Enum):
    """What is known of an operation.

    DONE: it was acknowledged. REFUSED: it did nothing, because the key was not as it wanted. TURNED_AWAY: it
    did nothing, for another reason. UNKNOWN: no answer, or one that leaves it open.
    """

    DONE = "done"
    REFUSED = "refused"
    TURNED_AWAY = "turned away"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One request and its answer.

    Attributes:
        value: what it writes, of which no two writes have the same; "" for DELETE and GET.
        expect: the key's revision that it is conditional on; 0: the key must not exist; None: it must exist.
            Every DELETE names a revision, or else it could not be told which one took effect.
        revision: of the change, as answered; of a GET: the object's, 0 where there was none. None where the
            answer does not say.
    """

    client: int
    verb: Verb
    key: str
    value: str
    expect: int | None
    invoked: float
    answered: float
    outcome: Outcome
    revision: int | None = None

    def __str__(self) -> str:
        expect = "" if self.expect is None else f" expecting {self.expect}"
        return f"{self.client}: {self.verb.value} {self.key} {self.value}{expect}: {self.outcome.value}"


class Type(enum.Enum):
    """What a watch said of a key."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class Event:
    """One change as a watch showed it; `value` of a deletion is what was deleted."""

    revision: int
    type: Type
    key: str
    value: str

    def __str__(self) -> str:
        return f"{self.type.value} {self.key} {self.value} at {self.revision}"


@dataclass(frozen=True, slots=True)
class Listing:
    """A whole list, all of its pages.

    Attributes:
        revision: that it says it shows.
        items: key -> revision.
        invoked, answered: of its first page, which fixes the revision.
    """

    revision: int
    items: Mapping[str, int]
    invoked: float
    answered: float


@dataclass(slots=True)
class Watch:
    """All that a watcher saw after revision `after`, in the order in which it came.

    Attributes:
        resumes: how often it was cut off and went on from the last revision that it had seen.
    """

    name: str
    after: int
    events: list[Event] = field(default_factory=list)
    resumes: int = 0


@dataclass(slots=True)
class Recording:
    """A whole run, which began with no keys.

    Attributes:
        watches: each has to have seen all that there was when the run ended. The first one began before the
            first write: it is the log that all else is compared with.
        final: the list when all had ended.
    """

    operations: list[Operation]
    listings: list[Listing]
    watches: list[Watch]
    final: Listing
