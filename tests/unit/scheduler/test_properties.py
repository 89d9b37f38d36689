"""What must hold whatever the cluster looks like: nothing unsafe is decided, and what can be placed is.

Safety and liveness, in that order.

The judge is written from the API's documentation alone: it looks at pods and nodes, not at the engine's sums.
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.scheduler.engine import Engine, open_engine
from dromon.scheduler.inputs import HostPort, NodeInfo, PodClass, Spread, Taint, Toleration

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


def may_run(pod: PodClass, node: NodeInfo, there: list[PodClass]) -> bool:
    """Whether the node may take the pod beside those that are there."""
    used = Counter[str]()
    for other in there:
        used.update(dict(other.requests))
    free = all(
        used[resource] + amount <= dict(node.allocatable).get(resource, 0)
        for resource, amount in pod.requests
    )
    allowed = all(t.key == "k" and pod.tolerations for t in node.taints)
    ports_free = not pod.ports or not any(other.ports for other in there)
    return (
        free
        and allowed
        and ports_free
        and not node.unschedulable
        and len(there) < node.max_pods
        and set(pod.selector) <= set(node.labels)
    )


def check(engine: Engine, nodes: list[NodeInfo], pods: list[PodClass], leave: set[int]) -> None:
    placed: dict[str, list[tuple[str, PodClass]]] = {node.name: [] for node in nodes}
    for node in nodes:
        engine.set_node(node)
    for i, pod in enumerate(pods):
        (result,) = engine.schedule([(str(i), engine.compile(pod))])
        could = {n.name for n in nodes if may_run(pod, n, [p for _, p in placed[n.name]])}
        if isinstance(result, str):
            assert result in could, "safety"
            placed[result].append((str(i), pod))
        else:
            assert not could, "liveness"
            assert sum(result.values()) >= len(nodes), "every node has a reason"
        for name in placed if i in leave else ():
            for uid, _ in placed[name]:
                engine.remove_pod(uid)
            placed[name].clear()


@pytest.mark.parametrize("kind", ["rust", "python"])
@settings(max_examples=150, deadline=None)
@given(nodes, pods, st.sets(st.integers(0, 15), max_size=2))
def test_decisions_are_safe_and_live(
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
