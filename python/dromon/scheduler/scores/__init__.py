"""The scores: each says how good a node is for a pod, among those that passed the filters.

Adding one is one module here and one line in SCORES (and the same in rust/src/scheduler/scores). A score's
`raw` is a pure function of the pod, the node, and how many peers (see inputs.Spread) the node has; `scale`
says how raw values become points, 0 to MAX_POINTS. Integers, and floats only where both engines compute them
by the same operations in the same order, so that they agree exactly.

Neighbours: engine.reference sums them up.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores import balanced, least_allocated, prefer_taints, preferred_affinity, spread
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
    raw: Callable[[PodClass, NodeState, int], int]


SCORES: tuple[Score, ...] = (
    Score(1, Scale.POINTS, least_allocated.raw),
    Score(1, Scale.POINTS, balanced.raw),
    Score(2, Scale.FEWER, spread.raw),
    Score(3, Scale.FEWER, prefer_taints.raw),
    Score(2, Scale.MORE, preferred_affinity.raw),
)
"""Weights are those of kube-scheduler's default plugins."""


def normalize(scale: Scale, raws: Sequence[int]) -> list[int]:
    """Points of all feasible nodes from their raw values."""
    if scale is Scale.POINTS:
        return list(raws)
    capped = [min(raw, MAX_RAW) for raw in raws]
    most = max(capped, default=0)
    parts = [MAX_POINTS * raw // most if most else 0 for raw in capped]
    return parts if scale is Scale.MORE else [MAX_POINTS - part for part in parts]
