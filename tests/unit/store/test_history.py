"""Bounds of the history, in memory and in a journal."""

from __future__ import annotations

import pytest

from dromon.store.history import History, Limits
from dromon.store.interface import Compacted, KeyValue
from dromon.store.retention import Retention
from dromon.store.state import Record, Transaction
from dromon.store.ttl import Expiries


def transaction(revision: int, size: int = 1, records: int = 1) -> Transaction:
    """Changes that replace values of `size` bytes."""
    old = KeyValue("/k", b"x" * size, 1, revision - 1)
    new = KeyValue("/k", b"", 1, revision)
    return Transaction(revision, tuple(Record("/k", new, old) for _ in range(records)))


def revisions(found: list[Transaction]) -> list[int]:
    return [t.revision for t in found]


def test_reading_on() -> None:
    history = History(5, Limits())
    for revision in range(6, 10):
        history.append(transaction(revision), 0.0)
    assert revisions(history.since(5)) == [6, 7, 8, 9]
    assert revisions(history.since(7, limit=1)) == [8]
    assert history.since(9) == []
    with pytest.raises(Compacted) as refusal:
        history.since(4)
    assert refusal.value.oldest == 5


@pytest.mark.parametrize("limits", [Limits(changes=3), Limits(size=30)])
def test_the_newest_stay(limits: Limits) -> None:
    history = History(0, limits)
    for revision in range(1, 3001):
        history.append(transaction(revision, size=10), 0.0)
    assert history.oldest == 2997
    assert revisions(history.since(2997)) == [2998, 2999, 3000]


def test_the_newest_stays_however_large() -> None:
    history = History(0, Limits(changes=3, size=30))
    history.append(transaction(1), 0.0)
    history.append(transaction(2, size=100, records=9), 0.0)
    assert revisions(history.since(1)) == [2]


def test_age() -> None:
    history = History(0, Limits(age=60.0))
    for revision in range(1, 5):
        history.append(transaction(revision), revision * 30.0)
    history.trim(121.0)
    assert history.oldest == 2
    assert revisions(history.since(2)) == [3, 4]
    history.trim(1000.0)
    assert history.oldest == 4
    assert history.since(4) == []


def test_compaction_on_request() -> None:
    history = History(0, Limits())
    for revision in range(1, 5):
        history.append(transaction(revision), 0.0)
    history.compact(2)
    assert revisions(history.since(2)) == [3, 4]
    history.compact(9)
    assert history.oldest == 9


def test_retention_cuts_at_marks() -> None:
    kept = Retention(Limits(age=60.0, changes=10), compacted=0, changes=0, size=0, now=0.0)
    assert kept.note(0, 0.0) is None
    for revision in range(1, 5):
        kept.add(transaction(revision))
        assert kept.note(revision, revision * 10.0) is None
    assert kept.note(4, 75.0) == 1
    assert kept.note(4, 85.0) == 2
    assert kept.note(4, 86.0) is None
    assert kept.compacted == 2


def test_retention_by_number() -> None:
    kept = Retention(Limits(age=1e9, changes=10), compacted=0, changes=0, size=0, now=0.0)
    for revision in range(1, 101):
        kept.add(transaction(revision))
        cut = kept.note(revision, float(revision))
        assert cut == (revision - 10 if revision > 10 else None)


def test_retention_counts_what_was_found() -> None:
    kept = Retention(Limits(age=60.0), compacted=3, changes=7, size=70, now=0.0)
    assert kept.note(10, 0.0) is None
    assert kept.note(10, 61.0) == 10


def test_expiries_in_order() -> None:
    expiries = Expiries([(30.0, "/c", 3)])
    for when, key in ((20.0, "/b"), (10.0, "/a")):
        expiries.add(Record(key, KeyValue(key, b"", 1, 1), None, expires=when))
    expiries.add(Record("/d", KeyValue("/d", b"", 1, 1), None))
    assert expiries.due(9.0) == []
    assert [key for _, key, _ in expiries.due(25.0)] == ["/a", "/b"]
    expiries.put_back((10.0, "/a", 1))
    assert [key for _, key, _ in expiries.due(30.0)] == ["/a", "/c"]
