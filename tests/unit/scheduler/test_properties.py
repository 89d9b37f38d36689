"""What must hold whatever the cluster looks like: nothing unsafe is decided, and what can be placed is.

Safety and liveness, in that order.

The judge is written from the documentation alone and shares no code with the engines.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.scheduler.engine import Engine, open_engine
from dromon.scheduler.inputs import (
    Constraint,
    Disk,
    HostPort,
    NodeInfo,
    PodClass,
    PodTerm,
    Requirement,
    Spread,
    Taint,
    Toleration,
)
from dromon.testing.judge import Judge

amounts = st.fixed_dictionaries({}, optional={"cpu": st.integers(1, 6), "x.y/z": st.integers(1, 2)}).map(
    lambda d: tuple(sorted(d.items()))
)
nodes = st.lists(
    st.builds(
        NodeInfo,
        name=st.sampled_from(("a", "b", "c", "d", "e")),
        labels=st.sampled_from(((), (("zone", "1"),), (("zone", "2"),))),
        taints=st.sampled_from(((), (), (Taint("k", "", "NoSchedule"),))),
        unschedulable=st.sampled_from((False, False, False, True)),
        allocatable=amounts,
        max_pods=st.integers(0, 4),
    ),
    max_size=5,
    unique_by=lambda node: node.name,
)
pods = st.lists(
    st.builds(
        PodClass,
        namespace=st.just("default"),
        owner=st.sampled_from(("", "rc")),
        requests=amounts,
        nonzero=st.just((1, 1)),
        selector=st.sampled_from(((), (), (("zone", "1"),))),
        tolerations=st.sampled_from(((), (Toleration("k", "Exists"),))),
        ports=st.sampled_from(((), (), (HostPort("0.0.0.0", "TCP", 80),))),
        spread=st.sampled_from((None, Spread("rc"))),
    ),
    max_size=15,
)


def check(engine: Engine, nodes: list[NodeInfo], pods: list[PodClass], leave: set[int]) -> None:
    judge = Judge(nodes, NAMESPACES)
    for name, labels in NAMESPACES.items():
        engine.set_namespace(name, tuple(labels.items()))
    for node in nodes:
        engine.set_node(node)
    for i, pod in enumerate(pods):
        compiled = engine.compile(pod)
        (result,) = engine.schedule([(str(i), compiled)])
        if isinstance(result, str):
            judge.placed(str(i), pod, result)
        else:
            judge.refused(str(i), pod, result)
            assert not engine.fits_somewhere(compiled)
            make_room(engine, judge, str(i), pod)
        for uid in [str(j) for j in range(i + 1)] if i in leave else ():
            engine.remove_pod(uid)
            judge.remove(uid)


def make_room(engine: Engine, judge: Judge, uid: str, pod: PodClass) -> None:
    """What preemption promises comes true when the victims are gone."""
    outcome = engine.preempt(uid, engine.compile(pod))
    if isinstance(outcome, dict):
        assert sum(outcome.values()) >= len(judge.nodes), "every node has a reason"
        return
    node, victims = outcome
    judge.preempted(uid, pod, node, victims)
    for victim in victims:
        engine.remove_pod(victim)
    engine.nominate(uid, engine.compile(pod), node)
    assert engine.schedule([(uid, engine.compile(pod))]) == [node]
    judge.placed(uid, pod, node)


@pytest.mark.parametrize("kind", ["rust", "python"])
@settings(max_examples=150, deadline=None)
@given(nodes, pods, st.sets(st.integers(0, 15), max_size=2))
def test_decisions_are_safe_and_live(
    kind: str, nodes: list[NodeInfo], pods: list[PodClass], leave: set[int]
) -> None:
    check(open_engine(kind, 1), nodes, pods, leave)


HOST, ZONE = "kubernetes.io/hostname", "zone"
NAMESPACES = {"a": {"team": "x"}, "b": {}}
selectors = st.sampled_from(
    (None, (), (Requirement("app", "In", ("1",)),), (Requirement("app", "NotIn", ("1",)),))
)
pod_terms = st.builds(
    PodTerm,
    st.sampled_from((HOST, ZONE)),
    selectors,
    st.sampled_from(((), ("a",), ("a", "b"))),
    st.sampled_from((None, (), (Requirement("team", "Exists"),))),
)
maybe_terms = st.one_of(st.just(()), st.just(()), st.lists(pod_terms, max_size=2).map(tuple))
constraints = st.builds(
    Constraint, st.sampled_from((HOST, ZONE)), st.integers(1, 2), st.just(True), selectors, st.integers(1, 3)
)
related_nodes = st.lists(
    st.builds(
        NodeInfo,
        name=st.sampled_from("pqrst"),
        labels=st.sampled_from(((), ((ZONE, "1"),), ((HOST, "h"), (ZONE, "2")), ((HOST, "g"), (ZONE, "1")))),
        taints=st.sampled_from(((), (), (Taint("k", "", "NoSchedule"),))),
        allocatable=st.just((("cpu", 4),)),
        max_pods=st.integers(1, 4),
    ),
    max_size=5,
    unique_by=lambda node: node.name,
)
related_pods = st.lists(
    st.builds(
        PodClass,
        namespace=st.sampled_from("ab"),
        labels=st.sampled_from(((), (("app", "1"),), (("app", "2"),))),
        priority=st.integers(0, 2),
        requests=st.sampled_from(((), (("cpu", 1),), (("cpu", 3),))),
        tolerations=st.sampled_from(((), (Toleration("k", "Exists"),))),
        disks=st.sampled_from(((), (), (Disk("d"),), (Disk("d", shared=True),))),
        affinity=maybe_terms,
        anti_affinity=maybe_terms,
        constraints=st.one_of(st.just(()), st.lists(constraints, max_size=1).map(tuple)),
    ),
    max_size=12,
)


@pytest.mark.parametrize("kind", ["rust", "python"])
@settings(max_examples=250, deadline=None)
@given(related_nodes, related_pods, st.sets(st.integers(0, 12), max_size=2))
def test_decisions_about_pods_that_look_around_are_safe_and_live(
    kind: str, nodes: list[NodeInfo], pods: list[PodClass], leave: set[int]
) -> None:
    check(open_engine(kind, 1), nodes, pods, leave)


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_a_controllers_pods_spread_evenly(kind: str) -> None:
    engine = open_engine(kind, 5)
    for i in range(10):
        engine.set_node(NodeInfo(f"n{i}", allocatable=(("cpu", 10**5),), max_pods=100))
    pod = engine.compile(PodClass(owner="rc", requests=(("cpu", 100),), spread=Spread("rc")))
    got = engine.schedule([(str(i), pod) for i in range(50)])
    assert set(Counter(map(str, got)).values()) == {5}


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_ties_are_broken_by_the_seed_alone(kind: str) -> None:
    def decisions(seed: int) -> list[object]:
        engine = open_engine(kind, seed)
        for i in range(20):
            engine.set_node(NodeInfo(f"n{i}", max_pods=100))
        return list(engine.schedule([(str(i), engine.compile(PodClass())) for i in range(20)]))

    assert decisions(1) == decisions(1)
    assert decisions(1) != decisions(2)
    assert len({str(node) for node in decisions(1)}) > 5


@pytest.mark.parametrize("kind", ["rust", "python"])
def test_preferences_decide_between_nodes_that_fit(kind: str) -> None:
    engine = open_engine(kind, 1)
    engine.set_node(NodeInfo("soft", max_pods=1, taints=(Taint("k", "", "PreferNoSchedule"),)))
    engine.set_node(NodeInfo("clean", max_pods=1))
    assert engine.schedule([(str(i), engine.compile(PodClass())) for i in range(2)]) == ["clean", "soft"]


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError, match="choose rust or python"):
        open_engine("go", 0)
