"""Soft topology spread: the fewer matching pods the node's domains have, the better.

A pod's own soft constraints count; a pod without any is spread over hostnames and zones with its peers (see
inputs.Spread), as kube-scheduler's default constraints have it. With fewer than two zones that comes to the
peers on the node alone, which scores.spread counts.

Source: Kubernetes documentation, "Pod Topology Spread Constraints", "Internal default constraints".

Neighbours: scores.CLUSTER_SCORES; filters.topology_spread is the hard form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from dromon.scheduler.cluster import HOSTNAME, ZONE, Cluster, by_domain, is_peer, selects
from dromon.scheduler.filters.topology_spread import is_domain
from dromon.scheduler.inputs import Constraint, PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores.points import MAX_POINTS, part, scale

DEFAULTS = (Constraint(HOSTNAME, 3, hard=False), Constraint(ZONE, 5, hard=False))
"""Their selector is the pod's `spread`."""
UNIT = 1024
"""Sums are kept in this fraction of a pod, in integers, so that both engines agree."""


def is_default(pod: PodClass, cluster: Cluster) -> bool:
    """Whether DEFAULTS are in force for the pod."""
    return pod.spread is not None and cluster.zoned()


def weight(domains: int) -> int:
    """What one pod counts in a topology of so many domains: more where there are more to choose from."""
    return int(math.log(domains + 2) * UNIT + 0.5)


def points(pod: PodClass, cluster: Cluster, feasible: Sequence[NodeState]) -> list[int]:
    """Points of the feasible nodes; 0 where a label of the pod's own constraints is missing."""
    default = is_default(pod, cluster)
    constraints = DEFAULTS if default else tuple(c for c in pod.constraints if not c.hard)
    if not constraints:
        return [0] * len(feasible)
    keys = () if default else tuple(c.topology for c in constraints)

    def rated(node: NodeState) -> bool:
        return all(key in node.labels for key in keys)

    sums = _sums(pod, cluster, constraints, [n for n in feasible if rated(n)], rated)
    least, most = min(sums.values(), default=0), max(sums.values(), default=0)
    if most == 0:
        return [MAX_POINTS if node.name in sums else 0 for node in feasible]
    unit = scale(most)
    return [part(most + least - sums[node.name], unit) if node.name in sums else 0 for node in feasible]


def _sums(
    pod: PodClass,
    cluster: Cluster,
    constraints: Sequence[Constraint],
    nodes: Sequence[NodeState],
    rated: Callable[[NodeState], bool],
) -> dict[str, int]:
    sums = {node.name: 0 for node in nodes}
    for constraint in constraints:
        key = constraint.topology
        host = key == HOSTNAME
        domains = len(nodes) if host else len({n.labels[key] for n in nodes if key in n.labels})
        counted = [n for n in cluster.nodes if rated(n) and is_domain(constraint, pod, n)]
        by_value = by_domain(counted, key, lambda other, c=constraint: _counts(c, pod, other))  # type: ignore[misc]
        for node in nodes:
            if key in node.labels:
                own = sum(_counts(constraint, pod, other) for other in node.members)
                count = own if host else by_value[node.labels[key]]
                sums[node.name] += count * weight(domains) + (constraint.max_skew - 1) * UNIT
    return sums


def _counts(constraint: Constraint, pod: PodClass, other: PodClass) -> int:
    if not pod.constraints:
        return int(pod.spread is not None and is_peer(pod.spread, other))
    same = other.namespace == pod.namespace and not other.leaving
    return int(same and selects(constraint.selector, dict(other.labels)))
