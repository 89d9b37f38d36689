"""Each score by itself, and how raw values become points."""

from __future__ import annotations

import pytest

from dromon.scheduler.inputs import PodClass, PreferredTerm, Requirement, Taint, Term, Toleration
from dromon.scheduler.scores import (
    MAX_RAW,
    Scale,
    balanced,
    least_allocated,
    normalize,
    prefer_taints,
    preferred_affinity,
    spread,
)
from dromon.scheduler.scores.facts import Facts
from dromon.scheduler.scores.points import MAX_POINTS


def test_least_allocated_is_the_mean_share_left_free(make):
    node = make.state(allocatable={"cpu": 1000, "memory": 1000})
    node.add(PodClass(nonzero=(200, 0)))
    assert least_allocated.raw(PodClass(nonzero=(300, 250)), node, Facts()) == (5000 + 7500) // 2


def test_least_allocated_is_zero_where_nothing_would_be_left(make):
    node = make.state(allocatable={"cpu": 1000, "memory": 1000})
    assert least_allocated.raw(PodClass(nonzero=(1001, 5000)), node, Facts()) == 0
    assert least_allocated.raw(PodClass(), make.state(), Facts()) == 0


def test_balanced_prefers_even_use(make):
    node = make.state(allocatable={"cpu": 1000, "memory": 1000})
    assert balanced.raw(PodClass(requests=(("cpu", 500), ("memory", 500))), node, Facts()) == MAX_POINTS
    assert balanced.raw(PodClass(requests=(("cpu", 500),)), node, Facts()) == 7500
    node.add(PodClass(requests=(("memory", 500),)))
    assert balanced.raw(PodClass(requests=(("cpu", 500),)), node, Facts()) == MAX_POINTS


def test_spread_counts_peers(make):
    assert spread.raw(PodClass(), make.state(), Facts(peers=3)) == 3


def test_soft_taints_count_unless_tolerated(make):
    node = make.state(
        taints=(
            Taint("a", "", "PreferNoSchedule"),
            Taint("b", "", "PreferNoSchedule"),
            Taint("c", "", "NoSchedule"),
        )
    )
    assert prefer_taints.raw(PodClass(), node, Facts()) == 2
    assert prefer_taints.raw(PodClass(tolerations=(Toleration("a", "Exists"),)), node, Facts()) == 1


def test_preferred_terms_add_their_weights(make):
    node = make.state(labels={"disk": "ssd"})
    pod = PodClass(
        preferred=(
            PreferredTerm(80, Term((Requirement("disk", "In", ("ssd",)),))),
            PreferredTerm(15, Term((Requirement("disk", "Exists"),))),
            PreferredTerm(5, Term((Requirement("gpu", "Exists"),))),
            PreferredTerm(100, Term()),
        )
    )
    assert preferred_affinity.raw(pod, node, Facts()) == 95


@pytest.mark.parametrize(
    ("scale", "raws", "points"),
    [
        (Scale.POINTS, [1, 7], [1, 7]),
        (Scale.MORE, [0, 1, 4], [0, 2500, 10_000]),
        (Scale.MORE, [0, 0], [0, 0]),
        (Scale.FEWER, [0, 1, 4], [10_000, 7500, 0]),
        (Scale.FEWER, [0, 0], [10_000, 10_000]),
        (Scale.FEWER, [], []),
        (Scale.MORE, [MAX_RAW * 5, MAX_RAW], [10_000, 10_000]),
    ],
)
def test_normalize(scale, raws, points):
    assert normalize(scale, raws) == points
