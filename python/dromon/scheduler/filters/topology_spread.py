"""Hard topology spread constraints: no domain may have many more matching pods than the emptiest one.

Source: Kubernetes documentation, "Pod Topology Spread Constraints"; KEP-895, KEP-3022 (minDomains), KEP-3094
(nodeAffinityPolicy, nodeTaintsPolicy).

Neighbours: filters.CLUSTER_FILTERS; scores.topology_spread is the soft form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from dromon.scheduler.cluster import Cluster, by_domain, selects
from dromon.scheduler.filters import node_affinity, taints
from dromon.scheduler.inputs import Constraint, PodClass
from dromon.scheduler.node_state import NodeState

REASON = "node(s) didn't match pod topology spread constraints"
MISSING_LABEL = REASON + " (missing required label)"


def counts(constraint: Constraint, pod: PodClass, nodes: Sequence[NodeState]) -> Counter[str]:
    """How many pods each domain has that count for this pod's constraint.

    Args:
        nodes: those that have the labels of all constraints.
    """

    def counted(other: PodClass) -> int:
        same = other.namespace == pod.namespace and not other.leaving
        return int(same and selects(constraint.selector, dict(other.labels)))

    return by_domain((n for n in nodes if is_domain(constraint, pod, n)), constraint.topology, counted)


def is_domain(constraint: Constraint, pod: PodClass, node: NodeState) -> bool:
    """Whether the policies let the node count."""
    if constraint.honor_affinity and node_affinity.check(pod, node):
        return False
    return not (constraint.honor_taints and taints.check(pod, node))


def prepare(pod: PodClass, cluster: Cluster) -> Callable[[NodeState], str]:
    """A check for one pod in this state of the cluster: the reason why a node won't do, or ""."""
    hard = [c for c in pod.constraints if c.hard]
    keys = [c.topology for c in hard]
    labelled = [node for node in cluster.nodes if all(key in node.labels for key in keys)]
    tallies = [(c, counts(c, pod, labelled)) for c in hard]

    def check(node: NodeState) -> str:
        for constraint, tally in tallies:
            if constraint.topology not in node.labels:
                return MISSING_LABEL
            least = 0 if len(tally) < max(constraint.min_domains, 1) else min(tally.values())
            itself = int(selects(constraint.selector, dict(pod.labels)))
            if tally.get(node.labels[constraint.topology], 0) + itself - least > constraint.max_skew:
                return REASON
        return ""

    return check
