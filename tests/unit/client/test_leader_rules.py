"""Leader election's decisions, one by one."""

from __future__ import annotations

import msgspec
import pytest

from dromon.api.types.coordination import Lease, LeaseSpec
from dromon.api.types.meta import ObjectMeta
from dromon.client import lease as rules
from dromon.client.lease import Timing

TIMING = Timing()
NAME = ("kube-system", "kube-scheduler")
WALL = 1_700_000_000.0


def lease(holder: str, version: str = "1", **spec: object) -> Lease:
    made = LeaseSpec(holder_identity=holder, lease_duration_seconds=15, lease_transitions=3)
    made = msgspec.structs.replace(made, **spec)
    meta = ObjectMeta(namespace=NAME[0], name=NAME[1], uid="u", resource_version=version)
    return Lease(metadata=meta, spec=made)


@pytest.mark.parametrize(
    ("spans", "what"),
    [
        ((15, 10, 0), "retry period"),
        ((15, 2.4, 2), "renew deadline"),
        ((10, 10, 2), "lease duration"),
    ],
)
def test_spans_must_fit_each_other(spans: tuple[float, float, float], what: str) -> None:
    with pytest.raises(ValueError, match=f"the {what}"):
        Timing(*spans)


def test_a_held_lease_is_respected_from_when_it_was_seen_to_change() -> None:
    first = rules.see(None, lease("a"), 100.0, TIMING)
    again = rules.see(first, lease("a"), 114.0, TIMING)
    assert again.expires == 115.0, "seen again, unchanged"
    assert not rules.may_take(again, "b", 114.9, False)
    assert rules.may_take(again, "b", 115.0, False)
    renewed = rules.see(again, lease("a", "2"), 114.0, TIMING)
    assert not rules.may_take(renewed, "b", 128.9, False)


def test_the_times_in_the_record_do_not_count() -> None:
    old = lease("a", renew_time="1970-01-01T00:00:00.000000Z", acquire_time="1970-01-01T00:00:00.000000Z")
    assert not rules.may_take(rules.see(None, old, 100.0, TIMING), "b", 100.0, False)


def test_the_record_says_how_long_its_holder_is_respected() -> None:
    assert rules.see(None, lease("a", lease_duration_seconds=60), 0.0, TIMING).respect == 60
    assert rules.see(None, lease("a", lease_duration_seconds=None), 0.0, TIMING).respect == 15


@pytest.mark.parametrize(
    ("annotation", "respect"),
    [
        ("10 a", 12.5),
        ("10 somebody-before", 15.0),
        ("10", 15.0),
        ("soon a", 15.0),
        ("nan a", 15.0),
        ("-1 a", 15.0),
        ("60 a", 15.0),
    ],
)
def test_a_holder_that_stops_by_itself_is_respected_for_less(annotation: str, respect: float) -> None:
    held = lease("a")
    held.metadata.annotations = {rules.STOPS_AFTER: annotation}
    assert rules.see(None, held, 0.0, TIMING).respect == respect


def test_a_claim_says_when_its_holder_stops() -> None:
    ours = rules.claim(lease("b"), NAME, "a 1", TIMING, WALL)
    assert ours.metadata.annotations == {rules.STOPS_AFTER: "10 a 1"}
    assert rules.see(None, ours, 0.0, TIMING).respect == 12.5


def test_free_leases_are_taken_at_once() -> None:
    for free in (None, lease(""), lease("", holder_identity=None)):
        assert rules.may_take(rules.see(None, free, 5.0, TIMING), "b", 5.0, False)


def test_ones_own_lease_is_taken_at_once() -> None:
    assert rules.may_take(rules.see(None, lease("b"), 5.0, TIMING), "b", 5.0, False)


def test_a_deleted_lease_is_respected_by_those_who_saw_it_and_made_anew_by_its_holder() -> None:
    gone = rules.see(rules.see(None, lease("a"), 0.0, TIMING), None, 8.0, TIMING)
    assert not rules.may_take(gone, "b", 22.9, False)
    assert rules.may_take(gone, "b", 23.0, False)
    assert rules.may_take(gone, "a", 8.0, True)
    assert not rules.may_take(gone, "a", 8.0, False)


def test_the_first_claim() -> None:
    made = rules.claim(None, NAME, "a", TIMING, WALL)
    assert (made.metadata.namespace, made.metadata.name, made.metadata.resource_version) == (*NAME, "")
    stamp = "2023-11-14T22:13:20.000000Z"
    assert made.spec == LeaseSpec(
        holder_identity="a",
        lease_duration_seconds=15,
        acquire_time=stamp,
        renew_time=stamp,
        lease_transitions=0,
    )


def test_a_renewal_keeps_when_it_was_acquired_and_always_changes_the_record() -> None:
    first = rules.claim(None, NAME, "a", TIMING, WALL)
    renewed = rules.claim(first, NAME, "a", TIMING, WALL)
    assert renewed.spec.acquire_time == first.spec.acquire_time
    assert renewed.spec.lease_transitions == 0
    assert renewed.spec.renew_time == "2023-11-14T22:13:20.000001Z", "although the clock stood still"


def test_a_change_of_holder_counts_and_keeps_the_rest() -> None:
    theirs = lease("a", strategy="OldestEmulationVersion")
    theirs.metadata.labels = {"k": "v"}
    ours = rules.claim(theirs, NAME, "b", TIMING, WALL)
    assert (ours.spec.holder_identity, ours.spec.lease_transitions) == ("b", 4)
    assert ours.spec.strategy == "OldestEmulationVersion"
    assert (ours.metadata.labels, ours.metadata.resource_version) == ({"k": "v"}, "1")
    assert theirs.spec.holder_identity == "a", "what was read is not changed"


def test_giving_back() -> None:
    free = rules.release(lease("a"), WALL)
    assert (free.spec.holder_identity, free.spec.lease_duration_seconds) == ("", 1)
    assert free.spec.lease_transitions == 3
    assert rules.claim(free, NAME, "b", TIMING, WALL).spec.lease_transitions == 4


def test_parts_of_seconds_are_rounded_up_in_the_record() -> None:
    assert rules.claim(None, NAME, "a", Timing(2.5, 2, 0.5), WALL).spec.lease_duration_seconds == 3
