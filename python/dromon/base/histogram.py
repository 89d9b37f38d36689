"""Counts of observations by size: what a Prometheus histogram shows, at the cost of a bisection.

Neighbours: the store, flow control and the apiserver's requests observe; apiserver.metrics shows them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence


class Histogram:
    """Observations by upper bounds (inclusive); for one thread.

    Args:
        bounds: ascending.

    Attributes:
        counts: of each bound's bucket alone, and last of what is beyond all of them.
        sum: of all observations.
    """

    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    @property
    def count(self) -> int:
        """How many observations there were."""
        return sum(self.counts)
