"""From what a pod says of other pods to PodTerm and Constraint. Pure.

Keys of matchLabelKeys and mismatchLabelKeys become requirements with the pod's own values. A server may have
done that for affinity terms already (as kube-apiserver does); twice is no harm.

Source: core/v1 PodAffinityTerm, TopologySpreadConstraint; KEP-2249, KEP-3243, KEP-3633.

Neighbours: model calls them; inputs has the results' types.
"""

from __future__ import annotations

from collections.abc import Iterable

from dromon.api.types.affinity import PodAffinityTerm, TopologySpreadConstraint, WeightedPodAffinityTerm
from dromon.api.types.meta import LabelSelector
from dromon.api.types.pod import Pod
from dromon.scheduler import inputs
from dromon.scheduler.inputs import Constraint, PodTerm, Requirement, WeightedPodTerm


def selector(found: LabelSelector | None) -> inputs.LabelSelector:
    """The requirements of a label selector; None (nothing) when there is none."""
    if found is None:
        return None
    equal = (Requirement(key, "In", (value,)) for key, value in sorted(found.match_labels.items()))
    listed = (Requirement(r.key, r.operator, tuple(r.values)) for r in found.match_expressions)
    return (*equal, *listed)


def affinity(pod: Pod) -> tuple[PodTerm, ...]:
    """The terms near which it must be."""
    found = pod.spec.affinity.pod_affinity if pod.spec.affinity else None
    return _terms(pod, found.required_during_scheduling_ignored_during_execution if found else ())


def anti_affinity(pod: Pod) -> tuple[PodTerm, ...]:
    """The terms near which it must not be."""
    found = pod.spec.affinity.pod_anti_affinity if pod.spec.affinity else None
    return _terms(pod, found.required_during_scheduling_ignored_during_execution if found else ())


def preferred(pod: Pod) -> tuple[WeightedPodTerm, ...]:
    """The terms near which it would rather be, and, with negative weight, rather not."""
    if pod.spec.affinity is None:
        return ()
    near, apart = pod.spec.affinity.pod_affinity, pod.spec.affinity.pod_anti_affinity
    wanted = near.preferred_during_scheduling_ignored_during_execution if near else ()
    unwanted = apart.preferred_during_scheduling_ignored_during_execution if apart else ()
    return (*_weighted(pod, wanted, 1), *_weighted(pod, unwanted, -1))


def constraints(pod: Pod) -> tuple[Constraint, ...]:
    """How it is to be spread."""
    return tuple(_constraint(pod, c) for c in pod.spec.topology_spread_constraints)


def _terms(pod: Pod, terms: Iterable[PodAffinityTerm]) -> tuple[PodTerm, ...]:
    return tuple(_term(pod, term) for term in terms)


def _weighted(pod: Pod, terms: Iterable[WeightedPodAffinityTerm], sign: int) -> tuple[WeightedPodTerm, ...]:
    return tuple(WeightedPodTerm(sign * t.weight, _term(pod, t.pod_affinity_term)) for t in terms if t.weight)


def _term(pod: Pod, term: PodAffinityTerm) -> PodTerm:
    own = not term.namespaces and term.namespace_selector is None
    namespaces = (pod.metadata.namespace,) if own else tuple(sorted(term.namespaces))
    picked = selector(term.label_selector)
    if picked is not None:
        picked += _own_values(pod, term.match_label_keys, "In")
        picked += _own_values(pod, term.mismatch_label_keys, "NotIn")
    return PodTerm(term.topology_key, picked, namespaces, selector(term.namespace_selector))


def _constraint(pod: Pod, constraint: TopologySpreadConstraint) -> Constraint:
    picked = selector(constraint.label_selector)
    if picked is not None:
        picked += _own_values(pod, constraint.match_label_keys, "In")
    return Constraint(
        topology=constraint.topology_key,
        max_skew=constraint.max_skew,
        hard=constraint.when_unsatisfiable != "ScheduleAnyway",
        selector=picked,
        min_domains=1 if constraint.min_domains is None else constraint.min_domains,
        honor_affinity=constraint.node_affinity_policy != "Ignore",
        honor_taints=constraint.node_taints_policy == "Honor",
    )


def _own_values(pod: Pod, keys: Iterable[str], operator: str) -> tuple[Requirement, ...]:
    labels = pod.metadata.labels
    return tuple(Requirement(key, operator, (labels[key],)) for key in keys if key in labels)
