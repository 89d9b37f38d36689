"""The filters and scores that look beyond one node, each by itself: whom they refuse or prefer, and why."""

from __future__ import annotations

import pytest

from dromon.scheduler.cluster import HOSTNAME, ZONE, Cluster
from dromon.scheduler.filters import CLUSTER_FILTERS, HOPELESS, pod_affinity, topology_spread
from dromon.scheduler.inputs import Constraint, PodClass, PodTerm, Requirement, Spread, WeightedPodTerm
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores import image_locality
from dromon.scheduler.scores import pod_affinity as pull
from dromon.scheduler.scores import topology_spread as soft
from dromon.scheduler.scores.facts import Facts
from dromon.scheduler.scores.points import MAX_POINTS

A = (Requirement("app", "In", ("a",)),)
SKEWED = topology_spread.REASON
POD = PodClass(namespace="d", labels=(("app", "a"),))
NEAR = PodTerm("zone", A, ("d",))


def zone(make, name: str, value: str, *pods: PodClass, key: str = "zone") -> NodeState:
    state: NodeState = make.state(name=name, labels={key: value} if value else {})
    for pod in pods:
        state.add(pod)
    return state


def test_the_table_has_upstreams_names_in_upstreams_order():
    assert list(CLUSTER_FILTERS) == ["PodTopologySpread", "InterPodAffinity"]


def test_anti_affinity_holds_in_the_whole_domain(make):
    nodes = [zone(make, "p", "1", POD), zone(make, "q", "1"), zone(make, "r", "2"), zone(make, "s", "")]
    check = pod_affinity.prepare(PodClass(namespace="d", anti_affinity=(NEAR,)), Cluster(nodes))
    reason = "node(s) didn't match pod anti-affinity rules"
    assert [check(node) for node in nodes] == [reason, reason, "", ""]


def test_placed_pods_keep_others_off(make):
    guard = PodClass(namespace="d", anti_affinity=(NEAR,))
    nodes = [zone(make, "p", "1", guard), zone(make, "q", "1"), zone(make, "r", "2")]
    check = pod_affinity.prepare(POD, Cluster(nodes))
    reason = "node(s) didn't satisfy existing pods anti-affinity rules"
    assert [check(node) for node in nodes] == [reason, reason, ""]
    assert pod_affinity.prepare(PodClass(namespace="other"), Cluster(nodes))(nodes[0]) == ""


def test_affinity_needs_one_pod_that_matches_every_term(make):
    both = (NEAR, PodTerm("zone", (Requirement("tier", "Exists"),), ("d",)))
    half, whole = POD, PodClass(namespace="d", labels=(("app", "a"), ("tier", "x")))
    nodes = [zone(make, "p", "1", half), zone(make, "q", "2", whole), zone(make, "r", "")]
    check = pod_affinity.prepare(PodClass(namespace="d", affinity=both), Cluster(nodes))
    reason = "node(s) didn't match pod affinity rules"
    assert [check(node) for node in nodes] == [reason, "", reason]
    assert reason in HOPELESS


def test_the_first_of_its_kind_may_begin_anywhere_with_the_label(make):
    nodes = [zone(make, "p", "1"), zone(make, "q", "")]
    own = PodClass(namespace="d", labels=POD.labels, affinity=(NEAR,))
    assert [bool(pod_affinity.prepare(own, Cluster(nodes))(node)) for node in nodes] == [False, True]
    other = PodClass(namespace="d", affinity=(NEAR,))
    assert pod_affinity.prepare(other, Cluster(nodes))(nodes[0])


def test_namespace_selectors_see_labels(make):
    anywhere = PodTerm("zone", A, (), (Requirement("team", "Exists"),))
    nodes = [zone(make, "p", "1", POD)]
    pod = PodClass(namespace="e", anti_affinity=(anywhere,))
    assert pod_affinity.prepare(pod, Cluster(nodes, {"d": {"team": "t"}}))(nodes[0])
    assert not pod_affinity.prepare(pod, Cluster(nodes, {"d": {}}))(nodes[0])


@pytest.mark.parametrize(
    ("constraint", "refused"),
    [
        (Constraint("zone", 1, True, A), ["", SKEWED, "missing"]),
        (Constraint("zone", 2, True, A), ["", "", "missing"]),
        (Constraint("zone", 1, True, A, min_domains=3), [SKEWED, SKEWED, "missing"]),
        (Constraint("zone", 1, True, None), ["", "", "missing"]),
        (Constraint("zone", 1, False, A), ["", "", ""]),
    ],
)
def test_hard_constraints(make, constraint, refused):
    leaving = PodClass(namespace="d", labels=POD.labels, leaving=True)
    nodes = [zone(make, "p", "1", POD, leaving), zone(make, "q", "2", POD, POD), zone(make, "r", "", POD)]
    pod = PodClass(namespace="d", labels=POD.labels, constraints=(constraint,))
    check = topology_spread.prepare(pod, Cluster(nodes))
    missing = "node(s) didn't match pod topology spread constraints (missing required label)"
    assert [check(node) for node in nodes] == [missing if r == "missing" else r for r in refused]


def test_nodes_that_the_pod_may_not_use_are_no_domains_unless_so_said(make):
    nodes = [zone(make, "p", "1", POD), zone(make, "q", "2")]
    there = (("zone", "1"),)
    honest = Constraint("zone", 1, True, A)
    pod = PodClass(namespace="d", labels=POD.labels, selector=there, constraints=(honest,))
    assert topology_spread.prepare(pod, Cluster(nodes))(nodes[0]) == ""
    blind = Constraint("zone", 1, True, A, honor_affinity=False)
    pod = PodClass(namespace="d", labels=POD.labels, selector=there, constraints=(blind,))
    assert topology_spread.prepare(pod, Cluster(nodes))(nodes[0]) == topology_spread.REASON


def test_preferences_pull_in_both_directions(make):
    likes = PodClass(namespace="d", preferred_pods=(WeightedPodTerm(10, NEAR),))
    nodes = [zone(make, "p", "1", POD), zone(make, "q", "2"), zone(make, "r", "3", likes)]
    assert pull.points(likes, Cluster(nodes), nodes) == [MAX_POINTS, 0, 0]
    assert pull.points(POD, Cluster(nodes), nodes) == [0, 0, MAX_POINTS]
    dislikes = PodClass(namespace="d", preferred_pods=(WeightedPodTerm(-10, NEAR),))
    assert pull.points(dislikes, Cluster(nodes), nodes) == [0, MAX_POINTS, MAX_POINTS]
    assert pull.points(PodClass(namespace="d"), Cluster(nodes), nodes) == [0, 0, 0]


def test_soft_constraints_prefer_the_emptier_domain(make):
    pod = PodClass(namespace="d", labels=POD.labels, constraints=(Constraint("zone", 1, False, A),))
    nodes = [zone(make, "p", "1", POD, POD), zone(make, "q", "2"), zone(make, "r", "")]
    assert soft.points(pod, Cluster(nodes), nodes) == [0, MAX_POINTS, 0]


def test_peers_are_spread_over_zones_where_there_are_some(make):
    peer = PodClass(namespace="d", owner="rc", spread=Spread("rc"))
    nodes = [
        make.state(name=n, labels={ZONE: z, HOSTNAME: n}) for n, z in (("p", "1"), ("q", "1"), ("r", "2"))
    ]
    nodes[0].add(peer)
    first, second, third = soft.points(peer, Cluster(nodes), nodes)
    assert first < second < third
    assert soft.points(peer, Cluster(nodes[:2]), nodes[:2]) == [0, 0], "left to scores.spread"


def test_images_count_by_size_and_by_how_common_they_are(make):
    node = make.state(images=(("a:1", 2**30), ("b:1", 2**20)))
    facts = Facts(nodes=4, images={"a:1": 4, "b:1": 4})
    assert image_locality.raw(PodClass(images=("a:1",)), node, facts) == MAX_POINTS
    assert image_locality.raw(PodClass(images=("b:1",)), node, facts) == 0
    assert image_locality.raw(PodClass(images=("c:1",)), node, facts) == 0
    rare = Facts(nodes=4, images={"a:1": 1})
    assert 0 < image_locality.raw(PodClass(images=("a:1",)), node, rare) < MAX_POINTS // 2


def test_weights_are_those_of_the_other_engine():
    assert [soft.weight(n) for n in (0, 1, 3, 5000)] == [710, 1125, 1648, 8722]
    assert sum(map(soft.weight, range(20_000))) == 182_359_601
