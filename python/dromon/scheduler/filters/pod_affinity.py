"""Required affinity and anti-affinity between pods, and the anti-affinity of pods that are placed already.

Source: Kubernetes documentation, "Assigning Pods to Nodes"; KEP-2249 (namespaceSelector).

Neighbours: filters.CLUSTER_FILTERS; scores.pod_affinity is the soft form.
"""

from __future__ import annotations

from collections.abc import Callable

from dromon.scheduler.cluster import Cluster, by_domain
from dromon.scheduler.inputs import PodClass, PodTerm
from dromon.scheduler.node_state import NodeState

AFFINITY = "node(s) didn't match pod affinity rules"
ANTI_AFFINITY = "node(s) didn't match pod anti-affinity rules"
EXISTING = "node(s) didn't satisfy existing pods anti-affinity rules"

Domains = list[tuple[str, set[str]]]
"""Topology and values of it: the domains in which something is."""


def prepare(pod: PodClass, cluster: Cluster) -> Callable[[NodeState], str]:
    """A check for one pod in this state of the cluster: the reason why a node won't do, or ""."""
    near = _near(pod, cluster)
    # The first of its kind may go anywhere, or none of them ever could.
    first = not any(values for _, values in near) and _matches_all(pod, pod, cluster)
    apart = [(t.topology, _where(t, cluster)) for t in pod.anti_affinity]
    kept_off = _kept_off(pod, cluster)

    def check(node: NodeState) -> str:
        if not all(key in node.labels for key, _ in near):
            return AFFINITY
        if not first and not all(node.labels[key] in values for key, values in near):
            return AFFINITY
        if _in_any(node, apart):
            return ANTI_AFFINITY
        return EXISTING if _in_any(node, kept_off) else ""

    return check


def _near(pod: PodClass, cluster: Cluster) -> Domains:
    """For each term of affinity, the domains with a pod that matches all the terms."""
    return [
        (term.topology, _occupied(cluster, term.topology, lambda other: _matches_all(pod, other, cluster)))
        for term in pod.affinity
    ]


def _matches_all(pod: PodClass, other: PodClass, cluster: Cluster) -> bool:
    return all(cluster.selects(term, other) for term in pod.affinity)


def _where(term: PodTerm, cluster: Cluster) -> set[str]:
    return _occupied(cluster, term.topology, lambda other: cluster.selects(term, other))


def _kept_off(pod: PodClass, cluster: Cluster) -> Domains:
    """The domains of placed pods whose anti-affinity speaks of this pod."""
    terms = {t for node in cluster.nodes for other in node.members for t in other.anti_affinity}
    return [(t.topology, _carriers(t, cluster)) for t in terms if cluster.selects(t, pod)]


def _carriers(term: PodTerm, cluster: Cluster) -> set[str]:
    return _occupied(cluster, term.topology, lambda other: term in other.anti_affinity)


def _occupied(cluster: Cluster, topology: str, wanted: Callable[[PodClass], bool]) -> set[str]:
    sums = by_domain(cluster.nodes, topology, lambda other: int(wanted(other)))
    return {value for value, count in sums.items() if count}


def _in_any(node: NodeState, domains: Domains) -> bool:
    return any(node.labels.get(key) in values for key, values in domains if key in node.labels)
