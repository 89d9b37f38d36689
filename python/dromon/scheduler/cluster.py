"""All nodes with their pods, as the filters and scores see it that look beyond one node.

Neighbours: engine.reference makes it for each decision; filters.pod_affinity, filters.topology_spread and
their scores read it. rust/src/scheduler/folds.rs and leanings.rs are the fast forms.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dromon.scheduler.inputs import LabelSelector, PodClass, PodTerm, Spread
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.requirements import holds

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"


@dataclass(frozen=True)
class Cluster:
    """A state of the cluster, for one decision.

    Attributes:
        nodes: the known ones.
        namespaces: labels of each known namespace.
        images: image name -> how many of `nodes` have it.
    """

    nodes: Sequence[NodeState]
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    images: Mapping[str, int] = field(default_factory=dict)

    def selects(self, term: PodTerm, pod: PodClass) -> bool:
        """Whether the term speaks of this pod."""
        there = pod.namespace in term.namespaces or selects(
            term.namespace_selector, self.namespaces.get(pod.namespace, {})
        )
        return there and selects(term.selector, dict(pod.labels))

    def zoned(self) -> bool:
        """Whether there are at least two zones: with fewer there is nothing to spread over."""
        return len({node.labels[ZONE] for node in self.nodes if ZONE in node.labels}) > 1


def selects(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether a label selector picks what has these labels."""
    return selector is not None and all(holds(requirement, labels) for requirement in selector)


def is_peer(spread: Spread, pod: PodClass) -> bool:
    """Whether a placed pod is one of those that `spread` wants apart."""
    if pod.leaving:
        return False
    if spread.owner:
        return pod.owner == spread.owner
    return pod.namespace == spread.namespace and set(spread.selector) <= set(pod.labels)


def by_domain(nodes: Iterable[NodeState], topology: str, amount: Callable[[PodClass], int]) -> Counter[str]:
    """The sum of `amount` over the placed pods of each domain; domains without pods are there with 0."""
    sums: Counter[str] = Counter()
    for node in nodes:
        if topology in node.labels:
            sums[node.labels[topology]] += sum(map(amount, node.members))
    return sums
