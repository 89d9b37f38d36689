"""The scores: each says how good a node is for a pod, among those that passed the filters.

Adding one is one module here and one line in a table (and the same in rust/src/scheduler). The `raw` of a
score of one node is a pure function of the pod, the node, and a few facts; `scale` says how raw values
become points, 0 to MAX_POINTS. A score that looks at other nodes' pods gives the points of all feasible
nodes at once. All are integers, and floats only where both engines compute them by the same operations in
the same order, so that they agree exactly.

Neighbours: engine.reference sums them up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from dromon.scheduler.cluster import Cluster
from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores import (
    balanced,
    image_locality,
    least_allocated,
    pod_affinity,
    prefer_taints,
    preferred_affinity,
    spread,
    topology_spread,
)
from dromon.scheduler.scores.facts import Facts
from dromon.scheduler.scores.points import MAX_POINTS

MAX_RAW = 200_000
"""Raw values above this are taken as this, so that products fit 32 bits in the Rust engine."""


class Scale(Enum):
    """How raw values become points."""

    POINTS = "the raw value is in points already"
    MORE = "the node with the most gets MAX_POINTS, others in proportion; all get 0 when none has any"
    FEWER = "MAX_POINTS less the proportion of the most; all get MAX_POINTS when none has any"


class Score(NamedTuple):
    """One line of the table."""

    weight: int
    scale: Scale
    raw: Callable[[PodClass, NodeState, Facts], int]


SCORES: tuple[Score, ...] = (
    Score(1, Scale.POINTS, least_allocated.raw),
    Score(1, Scale.POINTS, balanced.raw),
    Score(2, Scale.FEWER, spread.raw),
    Score(3, Scale.FEWER, prefer_taints.raw),
    Score(2, Scale.MORE, preferred_affinity.raw),
    Score(1, Scale.POINTS, image_locality.raw),
)
"""Weights are those of kube-scheduler's default plugins."""

CLUSTER_SCORES: tuple[tuple[int, Callable[[PodClass, Cluster, Sequence[NodeState]], list[int]]], ...] = (
    (2, topology_spread.points),
    (2, pod_affinity.points),
)
"""Weight, and the points of all feasible nodes in order."""


def normalize(scale: Scale, raws: Sequence[int]) -> list[int]:
    """Points of all feasible nodes from their raw values."""
    if scale is Scale.POINTS:
        return list(raws)
    capped = [min(raw, MAX_RAW) for raw in raws]
    most = max(capped, default=0)
    parts = [MAX_POINTS * raw // most if most else 0 for raw in capped]
    return parts if scale is Scale.MORE else [MAX_POINTS - part for part in parts]
