"""As test_scheduler, for all that looks beyond one node: affinity, spreading, images, nominations,
preemption."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from dromon.scheduler.inputs import (
    Budget,
    Constraint,
    Disk,
    NodeInfo,
    PodClass,
    PodTerm,
    Requirement,
    Spread,
    Toleration,
    WeightedPodTerm,
)

from .engines import NODES, Both, ports, taints, uids

TOPOLOGIES = ("kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack")
pod_labels = st.dictionaries(st.sampled_from(("app", "tier")), st.sampled_from("ab"), max_size=2).map(
    lambda d: tuple(sorted(d.items()))
)
pod_requirements = st.builds(
    Requirement,
    st.sampled_from(("app", "tier")),
    st.sampled_from(("In", "In", "NotIn", "Exists", "DoesNotExist")),
    st.lists(st.sampled_from("ab"), min_size=1, max_size=2).map(tuple),
)
selectors = st.one_of(st.none(), st.lists(pod_requirements, max_size=2).map(tuple))
namespace_selectors = st.one_of(
    st.none(),
    st.just(()),
    st.just((Requirement("team", "In", ("x",)),)),
    st.just((Requirement("team", "NotIn", ("x",)),)),
)
pod_terms = st.builds(
    PodTerm,
    st.sampled_from(TOPOLOGIES),
    selectors,
    st.sampled_from(((), ("n1",), ("n1", "n2"))),
    namespace_selectors,
)
constraints = st.builds(
    Constraint,
    st.sampled_from(TOPOLOGIES),
    st.integers(1, 3),
    st.booleans(),
    selectors,
    st.integers(1, 3),
    st.booleans(),
    st.booleans(),
)
topology_labels = st.dictionaries(
    st.sampled_from((*TOPOLOGIES, "topology.kubernetes.io/zone")), st.sampled_from("abc"), max_size=3
).map(lambda d: tuple(sorted(d.items())))
MIB = 2**20
images = st.lists(st.sampled_from(("img:1", "img:2")), max_size=2)
around_nodes = st.builds(
    NodeInfo,
    name=st.sampled_from(NODES),
    labels=topology_labels,
    taints=st.one_of(st.just(()), st.just(()), st.lists(taints, max_size=1).map(tuple)),
    allocatable=st.just((("cpu", 4000),)),
    max_pods=st.integers(1, 8),
    images=st.dictionaries(
        st.sampled_from(("img:1", "img:2")), st.sampled_from((1, 100 * MIB, 900 * MIB))
    ).map(lambda d: tuple(sorted(d.items()))),
)


def few(of: st.SearchStrategy) -> st.SearchStrategy:
    """Mostly none, so that pods differ in what they ask for."""
    return st.one_of(st.just(()), st.just(()), st.lists(of, max_size=2).map(tuple))


around_pods = st.builds(
    PodClass,
    namespace=st.sampled_from(("n1", "n2")),
    labels=pod_labels,
    owner=st.sampled_from(("", "rc-1")),
    leaving=st.sampled_from((False, False, False, True)),
    priority=st.integers(-1, 2),
    requests=st.sampled_from(((), (("cpu", 900),), (("cpu", 2100),), (("cpu", 5000),))),
    nonzero=st.tuples(st.integers(0, 1000), st.integers(0, 2**31)),
    selector=st.sampled_from(((), (), (), (("rack", "a"),))),
    tolerations=st.sampled_from(((), (Toleration("", "Exists"),))),
    ports=st.one_of(st.just(()), st.just(()), st.lists(ports, max_size=1).map(tuple)),
    disks=st.sampled_from(((), (), (Disk("d"),), (Disk("d", shared=True),))),
    spread=st.one_of(st.none(), st.just(Spread("rc-1")), st.just(Spread("", "n1", (("app", "a"),)))),
    images=images.map(tuple),
    affinity=few(pod_terms),
    anti_affinity=few(pod_terms),
    preferred_pods=few(st.builds(WeightedPodTerm, st.integers(-100, 100), pod_terms)),
    constraints=few(constraints),
).map(lambda pod: structs.replace(pod, spread=None) if pod.constraints else pod)
budgets = st.lists(
    st.builds(
        Budget,
        st.sampled_from(("n1", "n2")),
        selectors,
        st.integers(0, 2),
        st.lists(uids, max_size=1).map(tuple),
    ),
    max_size=2,
)
some = st.integers(0, 4)
around_steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), around_nodes),
        st.tuples(st.just("drop"), st.sampled_from(NODES)),
        st.tuples(st.just("add"), uids, some, st.sampled_from((*NODES, "unknown"))),
        st.tuples(st.just("add"), uids, some, st.sampled_from(NODES)),
        st.tuples(st.just("remove"), uids),
        st.tuples(
            st.just("namespace"), st.sampled_from(("n1", "n2")), st.sampled_from(((), (("team", "x"),)))
        ),
        st.tuples(st.just("no namespace"), st.sampled_from(("n1", "n2"))),
        st.tuples(st.just("budgets"), budgets),
        st.tuples(st.just("nominate"), uids, some, st.sampled_from((*NODES, "unknown"))),
        st.tuples(st.just("withdraw"), uids),
        st.tuples(st.just("preempt"), uids, some),
        st.tuples(st.just("preempt"), uids, some),
        st.tuples(st.just("look"), some),
        st.tuples(st.just("schedule"), st.lists(st.tuples(uids, some), max_size=6)),
        st.tuples(st.just("schedule"), st.lists(st.tuples(uids, some), max_size=6)),
    ),
    max_size=25,
)


@settings(max_examples=600, deadline=None)
@given(
    st.integers(0, 2**64 - 1),
    st.lists(around_pods, min_size=5, max_size=5),
    st.lists(around_nodes, max_size=6),
    around_steps,
)
def test_pods_that_look_around_get_the_same_answers(
    seed: int, classes: list[PodClass], first: list[NodeInfo], steps: list[tuple]
) -> None:
    """Affinity, spreading, images, nominations, preemption, amid nodes and namespaces that change."""
    both = Both(seed, classes)
    for node in first:
        both.step(("set", node))
    for step in steps:
        both.step(step)
    both.compare()


ZONED = [
    PodClass(namespace="n1", owner="rc-1", spread=Spread("rc-1")),
    PodClass(namespace="n1", owner="rc-1", spread=Spread("rc-1"), selector=(("rack", "a"),)),
    PodClass(namespace="n1", owner="rc-1", spread=Spread("rc-1"), requests=(("cpu", 2100),)),
    PodClass(namespace="n1", labels=(("app", "a"),), spread=Spread("", "n1", (("app", "a"),))),
    PodClass(namespace="n1", owner="rc-1", leaving=True),
]
zoned_nodes = st.builds(
    NodeInfo,
    name=st.sampled_from(NODES[:4]),
    labels=st.tuples(
        st.sampled_from(((), (("kubernetes.io/hostname", "h"),))),
        st.sampled_from(((), (("rack", "a"),))),
        st.sampled_from((*(((TOPOLOGIES[1], zone),) for zone in "aabbc"), ())),
    ).map(lambda parts: tuple(sorted(sum(parts, ())))),
    allocatable=st.just((("cpu", 4000),)),
    max_pods=st.integers(2, 8),
)
zoned_steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), zoned_nodes),
        st.tuples(st.just("drop"), st.sampled_from(NODES[:4])),
        st.tuples(st.just("add"), uids, some, st.sampled_from(NODES[:4])),
        st.tuples(st.just("add"), uids, some, st.sampled_from(NODES[:4])),
        st.tuples(st.just("remove"), uids),
        st.tuples(st.just("look"), some),
        st.tuples(st.just("schedule"), st.lists(st.tuples(uids, some), max_size=4)),
    ),
    max_size=40,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(zoned_nodes, min_size=3, max_size=6), zoned_steps)
def test_peers_by_zone_are_kept_as_everything_changes(first: list[NodeInfo], steps: list[tuple]) -> None:
    both = Both(1, ZONED)
    for node in first:
        both.step(("set", node))
    for step in steps:
        both.step(step)
    for k in range(len(ZONED)):
        both.compare_scores(k)
