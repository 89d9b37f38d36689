"""Preferred affinity between pods, in both directions.

The pod's own preferences count for every pod that they select; so do the preferences of placed pods that
select this one, and each of their required affinities counts HARD_WEIGHT, since they need company like it.

Source: Kubernetes documentation, "Assigning Pods to Nodes".

Neighbours: scores.CLUSTER_SCORES; filters.pod_affinity is the hard form.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from dromon.scheduler.cluster import Cluster
from dromon.scheduler.inputs import PodClass, PodTerm
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores.points import part, scale

HARD_WEIGHT = 1


def points(pod: PodClass, cluster: Cluster, feasible: Sequence[NodeState]) -> list[int]:
    """Points of the feasible nodes, by their sum's place between the least and the most."""
    pull = _pull(pod, cluster)
    sums = [sum(pull[pair] for pair in node.labels.items()) for node in feasible]
    least, most = min(sums, default=0), max(sums, default=0)
    if least == most:
        return [0] * len(sums)
    unit = scale(most - least)
    return [part(s - least, unit) for s in sums]


def _pull(pod: PodClass, cluster: Cluster) -> Counter[tuple[str, str]]:
    """Topology and value -> sum of the weights of all terms over all placed pods of the domain."""
    pull: Counter[tuple[str, str]] = Counter()
    for node in cluster.nodes:
        for other in node.members:
            weighted = [(p.weight, p.term) for p in pod.preferred_pods if cluster.selects(p.term, other)]
            weighted += [(w, term) for w, term in carried(other) if cluster.selects(term, pod)]
            for weight, term in weighted:
                if term.topology in node.labels:
                    pull[term.topology, node.labels[term.topology]] += weight
    return pull


def carried(pod: PodClass) -> list[tuple[int, PodTerm]]:
    """What a placed pod adds to the scores of pods that its terms select."""
    return [(p.weight, p.term) for p in pod.preferred_pods] + [(HARD_WEIGHT, t) for t in pod.affinity]
