"""What a decision depends on, and nothing else: the data that model makes and the engines read.

Everything is immutable and hashable, so that pods of one controller share one PodClass and an engine may keep
work per class. Amounts are integers: CPU in thousandths of a core, everything else in whole units (bytes,
devices), at most MAX_AMOUNT, so that sums fit 64 bits in both engines.

Neighbours: model makes them; filters, scores and both engines read them; rust/src/py/scheduler.rs reads the
same attributes by name.
"""

from __future__ import annotations

from msgspec import Struct

MAX_AMOUNT = 2**53
"""The largest amount of a resource that is told apart (8 PiB of memory); more is taken as this much."""

Labels = tuple[tuple[str, str], ...]
"""Key and value pairs, sorted by key."""

Amounts = tuple[tuple[str, int], ...]
"""Resource name and amount, sorted by name; zero amounts are left out."""


class Requirement(Struct, frozen=True):
    """One expression over labels or fields (core/v1 NodeSelectorRequirement, LabelSelectorRequirement).

    Attributes:
        key: label key, or field name ("metadata.name").
        operator: In, NotIn, Exists, DoesNotExist, Gt, Lt. Any other matches nothing.
        values: for Gt and Lt one decimal integer.
    """

    key: str
    operator: str
    values: tuple[str, ...] = ()


class Term(Struct, frozen=True):
    """Requirements that must all hold (core/v1 NodeSelectorTerm); an empty term matches nothing."""

    expressions: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()


class PreferredTerm(Struct, frozen=True):
    """A term that earns `weight` (1 to 100) where it matches."""

    weight: int
    term: Term


class Toleration(Struct, frozen=True):
    """core/v1 Toleration: an empty key with Exists tolerates every taint, an empty effect every effect."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class Taint(Struct, frozen=True):
    """core/v1 Taint; effect NoSchedule, PreferNoSchedule or NoExecute."""

    key: str
    value: str
    effect: str


class HostPort(Struct, frozen=True):
    """A port of the node that a pod claims; ip "0.0.0.0" claims it on every address."""

    ip: str
    protocol: str
    port: int


class Disk(Struct, frozen=True):
    """A disk that one node at a time may write, or that all may read.

    Attributes:
        id: equal for the same disk.
        shared: the pod only reads it, and so may others.
    """

    id: str
    shared: bool = False


class Spread(Struct, frozen=True):
    """Whose pods are to be spread over the nodes: one controller's, or those that a selector picks.

    Attributes:
        owner: uid of the controller; "" when the selector counts.
        namespace, selector: pods of the namespace that have all these labels; used when owner is "".
    """

    owner: str = ""
    namespace: str = ""
    selector: Labels = ()


LabelSelector = tuple[Requirement, ...] | None
"""Requirements that must all hold, () for everything; None selects nothing (meta/v1 LabelSelector)."""


class PodTerm(Struct, frozen=True):
    """Pods of some namespaces, and how near is near (core/v1 PodAffinityTerm).

    Attributes:
        topology: label key of nodes; nodes with the same value of it are one domain.
        selector: of the pods' labels.
        namespaces: names of namespaces, sorted.
        namespace_selector: of further namespaces, by their labels.
    """

    topology: str
    selector: LabelSelector = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector = None


class WeightedPodTerm(Struct, frozen=True):
    """A term that earns `weight` for every pod nearby that it selects (-100 to 100; negative: rather
    apart)."""

    weight: int
    term: PodTerm


class Constraint(Struct, frozen=True):
    """core/v1 TopologySpreadConstraint over the pods of the pod's own namespace.

    Attributes:
        topology: label key of nodes; nodes with the same value of it are one domain.
        max_skew: how many more pods than the emptiest domain a domain may have.
        hard: DoNotSchedule; otherwise ScheduleAnyway.
        selector: which pods are counted; those being deleted are not.
        min_domains: with fewer domains than this, the emptiest counts as having no pods.
        honor_affinity, honor_taints: nodes that the pod's node affinity (taints) rules out are not domains.
    """

    topology: str
    max_skew: int
    hard: bool = True
    selector: LabelSelector = None
    min_domains: int = 1
    honor_affinity: bool = True
    honor_taints: bool = False


class PodClass(Struct, frozen=True):
    """All that scheduling knows of a pod; pods of one template have equal classes.

    Attributes:
        namespace, labels, owner: what affinity and spreading know the pod as, once it is placed.
        leaving: it is being deleted: it holds resources and affinity, but does not keep its replacement from
            its place in spreading.
        priority: spec.priority; a pod may take the place of those with less.
        node_name: the only node that will do, "" for any.
        requests: what the node must have free.
        nonzero: CPU and memory as scoring sees them, with defaults for containers that ask for nothing.
        selector: labels that the node must have.
        required: None, or terms of which at least one must match.
        preferred: terms that earn points.
        tolerations, ports, disks, spread: see their types.
        images: what its containers run, one entry each, with tag.
        affinity: near pods of each of these terms, where it must be (its own kind may begin anywhere).
        anti_affinity: pods near which it must not be, nor they come near it once it is placed.
        preferred_pods: pods near which it would rather (not) be.
        constraints: how evenly over which domains; `spread` is None where there are any.
    """

    namespace: str = ""
    labels: Labels = ()
    owner: str = ""
    leaving: bool = False
    priority: int = 0
    node_name: str = ""
    requests: Amounts = ()
    nonzero: tuple[int, int] = (0, 0)
    selector: Labels = ()
    required: tuple[Term, ...] | None = None
    preferred: tuple[PreferredTerm, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    ports: tuple[HostPort, ...] = ()
    disks: tuple[Disk, ...] = ()
    spread: Spread | None = None
    images: tuple[str, ...] = ()
    affinity: tuple[PodTerm, ...] = ()
    anti_affinity: tuple[PodTerm, ...] = ()
    preferred_pods: tuple[WeightedPodTerm, ...] = ()
    constraints: tuple[Constraint, ...] = ()


class NodeInfo(Struct, frozen=True):
    """All that scheduling knows of a node, apart from the pods that are on it.

    Attributes:
        allocatable: what pods may take altogether, pod count excepted.
        max_pods: how many pods it takes (allocatable "pods").
        images: name and size in bytes of what it has pulled, sorted.
    """

    name: str
    labels: Labels = ()
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    allocatable: Amounts = ()
    max_pods: int = 0
    images: tuple[tuple[str, int], ...] = ()


class Budget(Struct, frozen=True):
    """How many of some pods may be disrupted now (policy/v1 PodDisruptionBudget).

    Attributes:
        namespace, selector: whose pods.
        allowed: status.disruptionsAllowed.
        disrupted: uids of pods that are counted in `allowed` already.
    """

    namespace: str
    selector: LabelSelector
    allowed: int
    disrupted: tuple[str, ...] = ()
