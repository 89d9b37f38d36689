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
    """One expression over labels or fields (core/v1 NodeSelectorRequirement).

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


class Spread(Struct, frozen=True):
    """Whose pods are to be spread over the nodes: one controller's, or those that a selector picks.

    Attributes:
        owner: uid of the controller; "" when the selector counts.
        namespace, selector: pods of the namespace that have all these labels; used when owner is "".
    """

    owner: str = ""
    namespace: str = ""
    selector: Labels = ()


class PodClass(Struct, frozen=True):
    """All that scheduling knows of a pod; pods of one template have equal classes.

    Attributes:
        namespace, labels, owner: what spreading counts the pod as, once it is placed. Empty for pods that are
            being deleted: they hold resources, but should not keep their replacement away.
        node_name: the only node that will do, "" for any.
        requests: what the node must have free.
        nonzero: CPU and memory as scoring sees them, with defaults for containers that ask for nothing.
        selector: labels that the node must have.
        required: None, or terms of which at least one must match.
        preferred: terms that earn points.
        tolerations, ports, spread: see their types.
    """

    namespace: str = ""
    labels: Labels = ()
    owner: str = ""
    node_name: str = ""
    requests: Amounts = ()
    nonzero: tuple[int, int] = (0, 0)
    selector: Labels = ()
    required: tuple[Term, ...] | None = None
    preferred: tuple[PreferredTerm, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    ports: tuple[HostPort, ...] = ()
    spread: Spread | None = None


class NodeInfo(Struct, frozen=True):
    """All that scheduling knows of a node, apart from the pods that are on it.

    Attributes:
        allocatable: what pods may take altogether, pod count excepted.
        max_pods: how many pods it takes (allocatable "pods").
    """

    name: str
    labels: Labels = ()
    taints: tuple[Taint, ...] = ()
    unschedulable: bool = False
    allocatable: Amounts = ()
    max_pods: int = 0
