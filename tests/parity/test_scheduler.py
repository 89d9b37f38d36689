"""The Rust engine against the readable one: the same calls give the same answers, decision by decision.

Random clusters are built up and changed step by step, so that everything the Rust engine keeps (views,
journal, groups, slots) is exercised against an engine that keeps nothing.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon._core import SchedulerEngine
from dromon.scheduler.engine.reference import ReferenceEngine
from dromon.scheduler.inputs import NodeInfo, PodClass, PreferredTerm, Requirement, Spread, Term

from .engines import NODES, Both, ports, taints, tolerations, uids

KEYS = ("zone", "disk", "size")
VALUES = ("a", "b", "7", "-3", "", "10")
RESOURCES = ("cpu", "memory", "ephemeral-storage", "example.com/gpu")

labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES), max_size=3).map(
    lambda d: tuple(sorted(d.items()))
)
amounts = st.dictionaries(
    st.sampled_from(RESOURCES), st.one_of(st.integers(1, 8), st.integers(1, 2**53)), max_size=4
).map(lambda d: tuple(sorted(d.items())))
operators = st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Bogus"))
values = st.lists(st.sampled_from((*VALUES, "1" * 30, "+6", "1_0")), max_size=2).map(tuple)
expressions = st.builds(Requirement, st.sampled_from(KEYS), operators, values)
fields = st.builds(
    Requirement, st.just("metadata.name"), operators, st.lists(st.sampled_from(NODES), max_size=2).map(tuple)
)
terms = st.builds(Term, st.lists(expressions, max_size=2).map(tuple), st.lists(fields, max_size=1).map(tuple))
spreads = st.one_of(
    st.none(),
    st.builds(Spread, owner=st.sampled_from(("rc-1", "rc-2"))),
    st.builds(Spread, namespace=st.sampled_from(("n1", "n2")), selector=labels),
)
nodes = st.builds(
    NodeInfo,
    name=st.sampled_from(NODES),
    labels=labels,
    taints=st.lists(taints, max_size=2).map(tuple),
    unschedulable=st.sampled_from((False, False, False, True)),
    allocatable=st.one_of(amounts, st.just((("cpu", 4000), ("ephemeral-storage", 100), ("memory", 2**33)))),
    max_pods=st.integers(0, 6),
)
pods = st.builds(
    PodClass,
    namespace=st.sampled_from(("n1", "n2")),
    labels=labels,
    owner=st.sampled_from(("", "rc-1", "rc-2")),
    node_name=st.sampled_from(("", "", "", NODES[0])),
    requests=st.one_of(st.just(()), amounts, st.just((("cpu", 500), ("memory", 2**30)))),
    nonzero=st.tuples(st.integers(0, 1000), st.integers(0, 2**31)),
    selector=st.one_of(st.just(()), st.just(()), labels),
    required=st.one_of(st.none(), st.none(), st.lists(terms, max_size=2).map(tuple)),
    preferred=st.lists(st.builds(PreferredTerm, st.integers(1, 100), terms), max_size=2).map(tuple),
    tolerations=st.lists(tolerations, max_size=2).map(tuple),
    ports=st.one_of(st.just(()), st.lists(ports, max_size=2).map(tuple)),
    spread=spreads,
)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), nodes),
        st.tuples(st.just("set"), nodes),
        st.tuples(st.just("drop"), st.sampled_from(NODES)),
        st.tuples(st.just("add"), uids, st.integers(0, 3), st.sampled_from((*NODES, "unknown"))),
        st.tuples(st.just("remove"), uids),
        st.tuples(st.just("schedule"), st.lists(st.tuples(uids, st.integers(0, 3)), max_size=6)),
        st.tuples(st.just("schedule"), st.lists(st.tuples(uids, st.integers(0, 3)), max_size=6)),
    ),
    max_size=25,
)


def roomy(name: str, pods: int) -> NodeInfo:
    """A node that only its number of pods can fill."""
    return NodeInfo(name, allocatable=(("cpu", 1000), ("memory", 1000)), max_pods=pods)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**64 - 1), st.lists(pods, min_size=4, max_size=4), steps)
def test_every_call_gives_the_same_answer(seed: int, classes: list[PodClass], steps: list[tuple]) -> None:
    both = Both(seed, classes)
    for step in steps:
        both.step(step)
    both.compare()


APP, TIER = ("app", "a"), ("tier", "b")
PEERS = [
    PodClass(namespace="n1", labels=(APP,), owner="rc-1", spread=Spread("rc-1")),
    PodClass(namespace="n1", labels=(APP, TIER), owner="rc-1", spread=Spread("", "n1", (APP,))),
    PodClass(namespace="n1", labels=(TIER,), requests=(("cpu", 1),), spread=Spread("", "n1", (TIER,))),
]
peer_steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), uids, st.integers(0, 2), st.sampled_from(NODES[:3])),
        st.tuples(st.just("add"), uids, st.integers(0, 2), st.sampled_from(NODES[:3])),
        st.tuples(st.just("remove"), uids),
        st.tuples(st.just("look"), st.integers(0, 2)),
        st.tuples(st.just("drop"), st.sampled_from(NODES[:3])),
        st.tuples(st.just("set"), st.builds(roomy, st.sampled_from(NODES[:3]), st.integers(3, 8))),
    ),
    max_size=30,
)


@settings(max_examples=300, deadline=None)
@given(st.booleans(), peer_steps)
def test_peers_are_counted_as_they_come_and_go(always: bool, steps: list[tuple]) -> None:
    """Few nodes, many peers: the highest count rises and falls, and groups begin amid placed pods."""
    both = Both(1, PEERS)
    for name in NODES[:3]:
        both.step(("set", roomy(name, 8)))
    for step in steps:
        both.step(step)
        for k in range(3) if always else ():
            both.compare_scores(k)
    for k in range(3):
        both.compare_scores(k)


def build(seed: int) -> tuple[Both, Callable[[], int]]:
    """A few dozen ordinary nodes, and pod classes of four controllers."""
    chance = random.Random(seed)
    classes = [
        PodClass(
            namespace="n1",
            labels=(("app", f"app-{k}"),),
            owner=f"rc-{k}",
            requests=(("cpu", 100 * (k + 1)), ("memory", 2**28)),
            nonzero=(100 * (k + 1), 2**28),
            spread=Spread(owner=f"rc-{k}"),
        )
        for k in range(4)
    ]
    both = Both(seed, classes)
    for i in range(40):
        cpu = chance.choice((4000, 8000, 16000))
        both.step(("set", NodeInfo(f"n{i}", allocatable=(("cpu", cpu), ("memory", 2**34)), max_pods=30)))
    return both, lambda: chance.randrange(4)


def test_long_runs_with_churn_agree() -> None:
    both, draw = build(7)
    chance = random.Random(8)
    for round in range(60):
        batch = [(f"p{round}-{i}", draw()) for i in range(20)]
        both.step(("schedule", batch))
        for uid in chance.sample([f"p{r}-{i}" for r in range(round + 1) for i in range(20)], 12):
            both.step(("remove", uid))
        if round % 10 == 5:
            both.step(("drop", f"n{round}" if round < 40 else "n3"))
    for k in range(4):
        both.compare_scores(k)


def test_more_kinds_of_pods_than_views_are_kept() -> None:
    """Classes come and go by the thousand; what the engine forgets of them changes no answer."""
    rust, python = SchedulerEngine(3), ReferenceEngine(3)
    for i in range(4):
        node = NodeInfo(f"n{i}", allocatable=(("cpu", 10**6), ("memory", 2**40)), max_pods=5000)
        rust.set_node(node)
        python.set_node(node)
    for k in range(1500):
        owner = f"rc-{k % 1300}"
        pod = PodClass(namespace="d", owner=owner, nonzero=(k % 7, 1), spread=Spread(owner=owner))
        assert rust.schedule([(f"u{k}", rust.compile(pod))]) == python.schedule([(f"u{k}", pod)])
        if k % 3:
            rust.remove_pod(f"u{k}")
            python.remove_pod(f"u{k}")


def test_a_class_of_another_engine_is_refused() -> None:
    pod = SchedulerEngine(1).compile(PodClass())
    with pytest.raises(ValueError, match="another engine"):
        SchedulerEngine(1).schedule([("u", pod)])
