"""What constrains placement: affinity, taints, tolerations, spread (core/v1).

Neighbours: pod.PodSpec and node.NodeSpec hold them; the scheduler reads them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, Time, always, always_list
from dromon.api.types.meta import LabelSelector

PACKAGE = "k8s.io.api.core.v1"


class NodeSelectorRequirement(Api):
    """core/v1 NodeSelectorRequirement."""

    key: str = always("")
    operator: str = always("")
    values: list[str] = []


class NodeSelectorTerm(Api):
    """core/v1 NodeSelectorTerm."""

    match_expressions: list[NodeSelectorRequirement] = []
    match_fields: list[NodeSelectorRequirement] = []


class NodeSelector(Api):
    """core/v1 NodeSelector."""

    node_selector_terms: list[NodeSelectorTerm] = always_list()


class PreferredSchedulingTerm(Api):
    """core/v1 PreferredSchedulingTerm."""

    weight: Int32 = always(0)
    preference: NodeSelectorTerm = field(default_factory=NodeSelectorTerm)


class NodeAffinity(Api):
    """core/v1 NodeAffinity."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: list[PreferredSchedulingTerm] = []


class PodAffinityTerm(Api):
    """core/v1 PodAffinityTerm."""

    label_selector: LabelSelector | None = None
    namespaces: list[str] = []
    topology_key: str = always("")
    namespace_selector: LabelSelector | None = None
    match_label_keys: list[str] = []
    mismatch_label_keys: list[str] = []


class WeightedPodAffinityTerm(Api):
    """core/v1 WeightedPodAffinityTerm."""

    weight: Int32 = always(0)
    pod_affinity_term: PodAffinityTerm = field(default_factory=PodAffinityTerm)


class PodAffinity(Api):
    """core/v1 PodAffinity."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = []
    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] = []


class PodAntiAffinity(Api):
    """core/v1 PodAntiAffinity."""

    required_during_scheduling_ignored_during_execution: list[PodAffinityTerm] = []
    preferred_during_scheduling_ignored_during_execution: list[WeightedPodAffinityTerm] = []


class Affinity(Api):
    """core/v1 Affinity."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAntiAffinity | None = None


class Taint(Api):
    """core/v1 Taint."""

    key: str = always("")
    value: str = ""
    effect: str = always("")
    time_added: Time | None = None


class Toleration(Api):
    """core/v1 Toleration."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: Int64 | None = None


class TopologySpreadConstraint(Api):
    """core/v1 TopologySpreadConstraint."""

    max_skew: Int32 = always(0)
    topology_key: str = always("")
    when_unsatisfiable: str = always("")
    label_selector: LabelSelector | None = None
    min_domains: Int32 | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: list[str] = []


class TopologySelectorLabelRequirement(Api):
    """core/v1 TopologySelectorLabelRequirement."""

    key: str = always("")
    values: list[str] = always_list()


class TopologySelectorTerm(Api):
    """core/v1 TopologySelectorTerm."""

    match_label_expressions: list[TopologySelectorLabelRequirement] = []
