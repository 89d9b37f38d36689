"""The checker of fault tests accepts what a correct store does, and finds every kind of planted fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.testing.faults.checker import check
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


class Simulation:
    """A correct store: operations overlap, and take effect between question and answer, if at all."""

    def __init__(self, seed: int, steps: int = 60) -> None:
        self.random = Random(seed)
        self.state: dict[str, tuple[int, str]] = {}
        self.revision = 1
        self.events: list[Event] = []
        self.operations: list[Operation] = []
        self.listings: list[Listing] = []
        for step in range(steps):
            if self.random.random() < 0.15:
                items = {key: revision for key, (revision, _) in self.state.items()}
                self.listings.append(Listing(self.revision, items, *self._around(step)))
            else:
                self.operations.append(self._operation(step))

    def _around(self, step: int) -> tuple[float, float]:
        """When it is asked for and answered; the effect is at `step`."""
        return step - self.random.random() * 3, step + self.random.random() * 3

    def _operation(self, step: int) -> Operation:
        random, key = self.random, f"k{self.random.randrange(4)}"
        stands = self.state.get(key)
        verb = random.choice(list(Verb))
        expect: int | None = stands[0] if stands and random.random() < 0.7 else random.randrange(1, 80)
        if verb is Verb.UPDATE and random.random() < 0.2:
            expect = None
        if verb is Verb.CREATE:
            expect = 0
        if verb is Verb.GET:
            expect = None
        invoked, answered = self._around(step)
        value = f"v{step}" if verb in (Verb.CREATE, Verb.UPDATE) else ""
        operation = Operation(step, verb, key, value, expect, invoked, answered, Outcome.DONE)
        if verb is Verb.GET:
            return replace(operation, revision=stands[0] if stands else 0)
        lost = random.random() < 0.2  # the answer never comes
        if lost:
            operation = replace(operation, outcome=Outcome.UNKNOWN, answered=UNANSWERED)
        if lost and random.random() < 0.5:
            return operation
        held = stands is not None if expect is None else expect == (stands[0] if stands else 0)
        if not held:
            return operation if lost else replace(operation, outcome=Outcome.REFUSED)
        self.revision += random.randrange(1, 4)  # others write, too
        self._apply(verb, key, value, stands)
        return operation if lost else replace(operation, revision=self.revision)

    def _apply(self, verb: Verb, key: str, value: str, stands: tuple[int, str] | None) -> None:
        if verb is Verb.DELETE:
            assert stands is not None
            del self.state[key]
            self.events.append(Event(self.revision, Type.DELETED, key, stands[1]))
        else:
            self.state[key] = (self.revision, value)
            type_ = Type.MODIFIED if stands else Type.ADDED
            self.events.append(Event(self.revision, type_, key, value))

    def recording(self) -> Recording:
        after = self.random.choice(self.events).revision if self.events else 1
        later = [e for e in self.events if e.revision > after]
        items = {key: revision for key, (revision, _) in self.state.items()}
        return Recording(
            self.operations,
            self.listings,
            [Watch("log", 1, list(self.events)), Watch("late", after, later, 3)],
            Listing(self.revision, items, 100.0, 101.0),
        )


seeds = st.integers(0, 2**32)


@given(seeds)
def test_what_a_correct_store_does_is_accepted(seed: int) -> None:
    assert check(Simulation(seed).recording()) == []


Plant = Callable[[Recording, Random], bool]
"""Plants a fault; False where the recording has no place for it."""


def acknowledged(recording: Recording, *verbs: Verb) -> list[int]:
    wanted = verbs or (Verb.CREATE, Verb.UPDATE, Verb.DELETE)
    operations = recording.operations
    return [i for i, o in enumerate(operations) if o.outcome is Outcome.DONE and o.verb in wanted]


def lose_a_write(recording: Recording, random: Random) -> bool:
    """An acknowledged write of a key is nowhere, and neither is what came after it on that key."""
    writes = acknowledged(recording)
    if not writes:
        return False
    lost = recording.operations[random.choice(writes)]
    for watch in recording.watches:
        watch.events[:] = [e for e in watch.events if e.key != lost.key or e.revision < (lost.revision or 0)]
    return True


def deny_a_write(recording: Recording, random: Random, outcome: Outcome) -> bool:
    # Not a deletion: another one, without an answer, may have been of the same state.
    found = acknowledged(recording, Verb.CREATE, Verb.UPDATE)
    if not found:
        return False
    at = random.choice(found)
    recording.operations[at] = replace(recording.operations[at], outcome=outcome)
    return True


def apply_what_was_refused(recording: Recording, random: Random) -> bool:
    return deny_a_write(recording, random, Outcome.REFUSED)


def apply_what_was_turned_away(recording: Recording, random: Random) -> bool:
    return deny_a_write(recording, random, Outcome.TURNED_AWAY)


def answer_another_revision(recording: Recording, random: Random) -> bool:
    found = acknowledged(recording)
    if not found:
        return False
    at = random.choice(found)
    operation = recording.operations[at]
    recording.operations[at] = replace(operation, revision=(operation.revision or 0) + 1_000)
    return True


def write_against_time(recording: Recording, random: Random) -> bool:
    """The last of two writes was answered before the first was asked for."""
    found = acknowledged(recording)
    if len(found) < 2:
        return False
    recording.operations[found[-1]] = replace(recording.operations[found[-1]], invoked=-20.0, answered=-19.0)
    return True


def ignore_an_expectation(recording: Recording, random: Random) -> bool:
    found = acknowledged(recording, Verb.UPDATE)
    if not found:
        return False
    at = random.choice(found)
    recording.operations[at] = replace(recording.operations[at], expect=999_999)
    return True


def read_the_past(recording: Recording, random: Random) -> bool:
    """A read after everything shows what a key was before its last change."""
    if not recording.watches[0].events:
        return False
    key = random.choice(recording.watches[0].events).key
    authors = [o for o in recording.operations if o.key == key and o.verb is not Verb.GET]
    if any(o.outcome is Outcome.UNKNOWN for o in authors):
        return False
    revisions = [0, *(e.revision for e in recording.watches[0].events if e.key == key)]
    stale = [r for r in revisions if r != recording.final.items.get(key, 0)]
    read = Operation(99, Verb.GET, key, "", None, 200.0, 201.0, Outcome.DONE, random.choice(stale or [5_000]))
    recording.operations.append(read)
    return True


def refuse_without_reason(recording: Recording, random: Random) -> bool:
    if not recording.final.items or any(o.outcome is Outcome.UNKNOWN for o in recording.operations):
        return False
    key = random.choice(sorted(recording.final.items))
    expect = recording.final.items[key]
    refused = Operation(99, Verb.UPDATE, key, "x", expect, 200.0, 201.0, Outcome.REFUSED)
    recording.operations.append(refused)
    return True


def skip_an_event(recording: Recording, random: Random) -> bool:
    events = recording.watches[1].events
    if events:
        del events[random.randrange(len(events))]
    return bool(events)


def repeat_an_event(recording: Recording, random: Random) -> bool:
    events = recording.watches[random.randrange(2)].events
    if events:
        at = random.randrange(len(events))
        events.insert(at, events[at])
    return bool(events)


def swap_events(recording: Recording, random: Random) -> bool:
    events = recording.watches[random.randrange(2)].events
    if len(events) < 2:
        return False
    at = random.randrange(len(events) - 1)
    events[at], events[at + 1] = events[at + 1], events[at]
    return True


def show_an_invented_write(recording: Recording, random: Random) -> bool:
    for watch in recording.watches:
        watch.events.append(Event(9_999, Type.ADDED, "k9", "nobody's"))
    return True


def list_wrongly(recording: Recording, random: Random) -> bool:
    found = [n for n, each in enumerate(recording.listings) if each.items]
    if not found:
        return False
    at = random.choice(found)
    items = dict(recording.listings[at].items)
    del items[random.choice(sorted(items))]
    recording.listings[at] = replace(recording.listings[at], items=items)
    return True


def list_the_past(recording: Recording, random: Random) -> bool:
    if not acknowledged(recording):
        return False
    recording.listings.append(Listing(1, {}, 200.0, 201.0))
    return True


def lose_in_the_end(recording: Recording, random: Random) -> bool:
    items = dict(recording.final.items)
    if not items:
        return False
    del items[random.choice(sorted(items))]
    recording.final = replace(recording.final, items=items)
    return True


PLANTS: list[Plant] = [
    lose_a_write,
    apply_what_was_refused,
    apply_what_was_turned_away,
    answer_another_revision,
    write_against_time,
    ignore_an_expectation,
    read_the_past,
    refuse_without_reason,
    skip_an_event,
    repeat_an_event,
    swap_events,
    show_an_invented_write,
    list_wrongly,
    list_the_past,
    lose_in_the_end,
]


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_every_planted_fault_is_found(plant: Plant) -> None:
    planted = 0
    for seed in range(200):
        # Few steps in every other run: some faults need a run without unanswered writes.
        recording = Simulation(seed, steps=10 if seed % 2 else 60).recording()
        if plant(recording, Random(seed)):
            planted += 1
            assert check(recording), f"seed {seed}"
    assert planted >= 5
