"""Judges a recording: was the store what it promises to be, whatever was broken meanwhile? Pure.

Every write's answer carries its revision, so the order is known, and nothing needs to be searched for: the
log (the first watch) is that order, and everything else must fit it.

  - The log's revisions strictly increase; a key is added only where there is none, and changed or deleted
    only where there is one; each change is one operation's, once, and what it was conditional on held.
  - Every acknowledged write is in the log, at the revision of its answer. Nothing refused is in it.
  - The order agrees with time: what was answered before another was asked for comes before it. With the
    above, writes are linearizable, per key and over all keys.
  - Reads show a state that stood, or may have stood, while they were under way. So do refusals' reasons.
  - A list shows exactly the state at its revision, and nothing older than what was answered before it.
  - Every other watch saw the log from where it began: each change once, in order, across every resume.
  - The final list is the state after the log.

Source: Herlihy and Wing, "Linearizability" (1990); the interface's promises are in dromon.store.interface.

Neighbours: recording is what it reads.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from dromon.testing.faults.recording import (
    UNANSWERED,
    Event,
    Listing,
    Operation,
    Outcome,
    Recording,
    Type,
    Verb,
    Watch,
)

_BEGINNING = -UNANSWERED


def check(recording: Recording) -> list[str]:
    """What is wrong, in words; [] when nothing is."""
    log = recording.watches[0].events
    faults = list(_form(log))
    if faults:  # what follows would only say it again, in worse words
        return faults
    authors, faults = _authors(log, recording.operations)
    states = _states(log, authors)
    times = _Times(recording.operations)
    return [
        *faults,
        *_acknowledged(log, recording.operations, authors),
        *_order(log, authors),
        *chain.from_iterable(_reading(o, states.get(o.key, _NOTHING)) for o in recording.operations),
        *_listings([*recording.listings, recording.final], log, times, authors),
        *chain.from_iterable(_watch(each, log) for each in recording.watches[1:]),
        *_ended(recording.final, log),
    ]


def _form(log: Sequence[Event]) -> Iterator[str]:
    """The log by itself: its revisions, and each key's life."""
    stands: dict[str, Event] = {}
    newest = 0
    for event in log:
        if event.revision <= newest:
            yield f"the log goes back or repeats: {event} after revision {newest}"
        newest = max(newest, event.revision)
        before = stands.pop(event.key, None)
        if (event.type is Type.ADDED) != (before is None):
            yield f"{event}, where {before or 'nothing'} stood"
        if event.type is not Type.DELETED:
            stands[event.key] = event
        elif before is not None and before.value != event.value:
            yield f"{event}, but what stood was {before.value}"


Authors = Mapping[int, Operation]
"""Whose the change at a revision is."""


def _authors(log: Sequence[Event], operations: Sequence[Operation]) -> tuple[Authors, list[str]]:
    writes = {o.value: o for o in operations if o.verb in (Verb.CREATE, Verb.UPDATE)}
    deletes: dict[tuple[str, int | None], list[Operation]] = {}
    for o in operations:
        if o.verb is Verb.DELETE:
            deletes.setdefault((o.key, o.expect), []).append(o)
    authors: dict[int, Operation] = {}
    faults: list[str] = []
    stands: dict[str, int] = {}  # revisions
    taken: set[str] = set()
    for event in log:
        before = stands.pop(event.key, 0)
        if event.type is Type.DELETED:
            author = _deleter(deletes.get((event.key, before), []))
        else:
            stands[event.key] = event.revision
            author = writes.get(event.value)
            if event.value in taken:
                faults.append(f"{event}: the same write a second time")
            taken.add(event.value)
        if author is None or author.key != event.key:
            faults.append(f"{event} is nobody's write")
            continue
        authors[event.revision] = author
        if author.outcome in (Outcome.REFUSED, Outcome.TURNED_AWAY):
            faults.append(f"{event}, but it was refused ({author})")
        wanted = author.expect == before if author.expect is not None else before != 0
        if not wanted:
            faults.append(f"{event} took effect on revision {before} ({author})")
    return authors, faults


def _deleter(candidates: Sequence[Operation]) -> Operation | None:
    """Which of the deletions of one state took effect: the acknowledged one, else one that may have."""
    for outcome in (Outcome.DONE, Outcome.UNKNOWN):
        for candidate in candidates:
            if candidate.outcome is outcome:
                return candidate
    return candidates[0] if candidates else None


def _acknowledged(log: Sequence[Event], operations: Sequence[Operation], authors: Authors) -> Iterator[str]:
    found = {id(author): revision for revision, author in authors.items()}
    for o in operations:
        if o.outcome is not Outcome.DONE or o.verb is Verb.GET:
            continue
        revision = found.get(id(o))
        if revision is None:
            yield f"acknowledged at revision {o.revision} and lost: {o}"
        elif o.revision is not None and o.revision != revision:
            yield f"acknowledged at revision {o.revision}, found at {revision}: {o}"


def _order(log: Sequence[Event], authors: Authors) -> Iterator[str]:
    """Whether what was answered before something was asked for also comes before it."""
    latest: Operation | None = None
    for event in log:
        author = authors.get(event.revision)
        if author is None:
            continue
        if latest is not None and author.answered < latest.invoked:
            yield f"{event} was answered before what precedes it was asked for ({latest})"
        if latest is None or author.invoked > latest.invoked:
            latest = author


@dataclass(frozen=True, slots=True)
class _State:
    """A key between two changes: it may have stood from `begins` to `ends`; revision 0: there was none."""

    revision: int
    begins: float
    ends: float


_NOTHING = (_State(0, _BEGINNING, UNANSWERED),)


def _states(log: Sequence[Event], authors: Authors) -> dict[str, list[_State]]:
    chains: dict[str, list[_State]] = {}
    for event in log:
        states = chains.setdefault(event.key, list(_NOTHING))
        author = authors.get(event.revision)
        invoked = author.invoked if author else _BEGINNING
        answered = author.answered if author else UNANSWERED
        last = states[-1]
        states[-1] = _State(last.revision, last.begins, answered)
        revision = 0 if event.type is Type.DELETED else event.revision
        states.append(_State(revision, max(invoked, last.begins), UNANSWERED))
    for states in chains.values():  # a state has ended, at the latest, when a later one has
        ends = UNANSWERED
        for at in range(len(states) - 1, -1, -1):
            state = states[at]
            ends = min(ends, state.ends)
            states[at] = _State(state.revision, state.begins, ends)
    return chains


def _reading(o: Operation, states: Sequence[_State]) -> Iterator[str]:
    """What a GET shows, and what a refusal says, must have held while it was under way."""
    if o.outcome not in (Outcome.DONE, Outcome.REFUSED):
        return
    # Both times only grow from state to state.
    first = bisect_left(states, o.invoked, key=lambda s: s.ends)
    last = bisect_right(states, o.answered, key=lambda s: s.begins)
    possible = {s.revision for s in states[first:last]}
    if o.verb is Verb.GET and o.outcome is Outcome.DONE and o.revision not in possible:
        yield f"{o} showed revision {o.revision}; possible were {sorted(possible)}"
    elif o.outcome is Outcome.REFUSED and o.verb is not Verb.GET:
        wrong = possible - {o.expect} if o.expect is not None else possible & {0}
        if not wrong:
            yield f"{o}, but it held all the time"


class _Times:
    """When which acknowledged revisions were known."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        done = sorted(
            (o.answered, o.revision)
            for o in operations
            if o.outcome is Outcome.DONE and o.verb is not Verb.GET and o.revision is not None
        )
        self._times = [at for at, _ in done]
        self._newest: list[int] = []
        for _, revision in done:
            self._newest.append(max(revision, self._newest[-1] if self._newest else 0))

    def newest(self, before: float) -> int:
        """The newest revision that was answered before that time."""
        at = bisect_left(self._times, before)
        return self._newest[at - 1] if at else 0


def _listings(
    listings: Sequence[Listing], log: Sequence[Event], times: _Times, authors: Authors
) -> Iterator[str]:
    state: dict[str, int] = {}
    latest: Operation | None = None  # of those whose changes are in the state
    at = 0
    for listing in sorted(listings, key=lambda each: each.revision):
        while at < len(log) and log[at].revision <= listing.revision:
            event = log[at]
            at += 1
            if event.type is Type.DELETED:
                state.pop(event.key, None)
            else:
                state[event.key] = event.revision
            author = authors.get(event.revision)
            if author is not None and (latest is None or author.invoked > latest.invoked):
                latest = author
        what = f"a list at revision {listing.revision}"
        if state != listing.items:
            yield f"{what} shows {_difference(listing.items, state)}"
        if listing.revision < (newest := times.newest(listing.invoked)):
            yield f"{what} is older than {newest}, which was answered before"
        if latest is not None and latest.invoked > listing.answered:
            yield f"{what} shows what was asked for only later: {latest}"


def _difference(shown: Mapping[str, int], stood: Mapping[str, int]) -> str:
    return "; ".join(
        f"{key} at {shown.get(key)}, but by the log it stood at {stood.get(key)}"
        for key in sorted(shown.keys() | stood.keys())
        if shown.get(key) != stood.get(key)
    )


def _ended(final: Listing, log: Sequence[Event]) -> Iterator[str]:
    if log and log[-1].revision > final.revision:
        yield f"the log goes on after the final list, which is at {final.revision}: {log[-1]}"


def _watch(watch: Watch, log: Sequence[Event]) -> Iterator[str]:
    start = bisect_right(log, watch.after, key=lambda e: e.revision)
    for seen, expected in zip_longest(watch.events, log[start:]):
        if seen != expected:
            yield (
                f"watch {watch.name} (after {watch.after}, {watch.resumes} resumes) "
                f"saw {seen or 'nothing'} where the log has {expected or 'nothing'}"
            )
            return
