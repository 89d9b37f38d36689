"""What bench_scheduler measures: upstream's scheduler_perf cases, as classes of pods and a cluster for them.

Each case has the pods that are there already and those that are measured, as scheduler_perf has them;
`anchor` is the throughput below which upstream's own continuous integration fails, in pods/s, 0 where it has
none.

Neighbours: bench_scheduler runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dromon.scheduler.inputs import (
    Constraint,
    NodeInfo,
    PodClass,
    PodTerm,
    PreferredTerm,
    Requirement,
    Spread,
    Taint,
    Term,
    Toleration,
    WeightedPodTerm,
)

HOST, ZONE = "kubernetes.io/hostname", "topology.kubernetes.io/zone"
CPU, MEMORY = 64_000, 256 * 2**30
LOW_ON_A_NODE = 4


@dataclass(frozen=True)
class Workload:
    """One case.

    Attributes:
        name: as scheduler_perf calls it, in short.
        anchor: pods/s of upstream's threshold.
        measured: classes of the measured pods, taken in turn.
        initial: classes of pods that are placed before, taken in turn.
        before: how many of those, for so many nodes.
        pods: how many are measured, for so many nodes.
        zones: how many zones there are; 0: nodes have no zone label.
        cpu: of each node, in thousandths.
        tainted: every tenth node has a taint that the measured pods don't tolerate.
        preempts: measured pods find no room, but less important pods.
    """

    name: str
    anchor: int
    measured: Sequence[PodClass]
    initial: Sequence[PodClass] = ()
    before: Callable[[int], int] = lambda nodes: 0
    pods: Callable[[int], int] = lambda nodes: min(4 * nodes, 20_000)
    zones: int = 0
    cpu: int = CPU
    tainted: bool = False
    preempts: bool = False

    def node(self, i: int) -> NodeInfo:
        labels = [(HOST, f"node-{i}"), ("disk", "ssd" if i % 2 else "hdd")]
        if self.zones:
            labels.append((ZONE, f"zone-{i % self.zones}"))
        taints = (Taint("dedicated", "x", "NoSchedule"),) if self.tainted and i % 10 == 9 else ()
        capacity = (("cpu", self.cpu), ("memory", MEMORY))
        return NodeInfo(f"node-{i}", tuple(sorted(labels)), taints, False, capacity, 110)


def pod(color: str = "blue", *, cpu: int = 100, k: int = 0, **more: object) -> PodClass:
    """A pod of the controller `rc-<k>`."""
    fields: dict[str, object] = {
        "namespace": "default",
        "labels": (("color", color), ("name", f"rc-{k}")),
        "owner": f"rc-{k}",
        "requests": (("cpu", cpu), ("memory", 500 * 2**20)),
        "nonzero": (cpu, 500 * 2**20),
        "spread": None if "constraints" in more else Spread(owner=f"rc-{k}"),
        **more,
    }
    return PodClass(**fields)  # type: ignore[arg-type]


def near(color: str, topology: str) -> PodTerm:
    return PodTerm(topology, (Requirement("color", "In", (color,)),), ("default",))


def constraint(topology: str, skew: int, *, hard: bool) -> Constraint:
    return Constraint(topology, skew, hard, (Requirement("color", "In", ("blue",)),))


def a_fifth(nodes: int) -> int:
    return nodes // 5


def as_many(nodes: int) -> int:
    return nodes


GREEN = pod("green", anti_affinity=(near("green", HOST),))
BLUE = pod("blue", affinity=(near("blue", ZONE),), k=1)
LIKES = pod("red", preferred_pods=(WeightedPodTerm(1, near("red", HOST)),), k=2)
DISLIKES = pod("yellow", preferred_pods=(WeightedPodTerm(-1, near("yellow", HOST)),), k=3)
ON_SSD = Term((Requirement("disk", "In", ("ssd",)),))
WANTS_SSD = pod(required=(ON_SSD,), preferred=(PreferredTerm(5, ON_SSD),))
HARD = pod(constraints=(constraint(ZONE, 5, hard=True),))
SOFT = pod(constraints=(constraint(HOST, 1, hard=False), constraint(ZONE, 1, hard=False)))
TOLERANT = pod(tolerations=(Toleration("dedicated", "Equal", "y", "NoSchedule"),))
LOW = pod("low", cpu=900, priority=0)
HIGH = pod("high", cpu=3000, priority=10)

WORKLOADS = (
    Workload("basic", 810, [pod()]),
    Workload("basic, 20 controllers", 810, [pod(k=k) for k in range(20)]),
    Workload("basic in zones", 810, [pod()], zones=3),
    Workload("many scheduled", 810, [pod()], [pod(k=k) for k in range(20)], lambda nodes: 10 * nodes),
    Workload("node affinity", 220, [WANTS_SSD]),
    Workload("taints", 810, [TOLERANT], tainted=True),
    Workload("affinity", 35, [BLUE], [BLUE], a_fifth, zones=1),
    Workload("anti-affinity", 60, [GREEN], [GREEN], a_fifth, lambda nodes: nodes // 2),
    Workload("preferred affinity", 90, [LIKES], [LIKES], as_many),
    Workload("preferred anti-affinity", 90, [DISLIKES], [DISLIKES], as_many),
    Workload("topology spread", 85, [HARD], [pod(k=4)], as_many, zones=3),
    Workload("preferred topology spread", 125, [SOFT], [pod(k=4)], as_many, zones=3),
    Workload("mixed", 140, [pod(k=5)], [BLUE, LIKES, DISLIKES, GREEN, pod(k=4)], as_many, zones=1),
    Workload(
        "preemption",
        18,
        [HIGH],
        [LOW],
        lambda nodes: LOW_ON_A_NODE * nodes,
        lambda nodes: min(nodes, 2_000),
        cpu=4000,
        preempts=True,
    ),
)
