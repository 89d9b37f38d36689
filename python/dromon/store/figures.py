"""What a store tells of itself in numbers.

Neighbours: backends that have figures give them, cache adds its own, the apiserver's /metrics shows all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from dromon.base.histogram import Histogram

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds of a commit's duration."""

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Bounds of how many transactions are made durable together."""

Figures = Mapping[str, float | Histogram]
"""By their names in /metrics: numbers are gauges, or counters where the name ends with _total."""


@runtime_checkable
class Measured(Protocol):
    """A store that has figures."""

    def figures(self) -> Figures: ...


class CacheFigures(NamedTuple):
    """One resource in the cache.

    Attributes:
        objects, bytes: how many, and their JSON.
        watchers: open watches.  queued, longest: events that wait for them; for one of them at most.
        delivered: events taken since the cache began.  cut_off: watchers that did not keep up.
    """

    objects: int
    bytes: int
    watchers: int
    queued: int
    longest: int
    delivered: int
    cut_off: int


class Commits:
    """How long it takes to make groups of transactions durable, and how large they are."""

    def __init__(self) -> None:
        self.seconds = Histogram(SECONDS)
        self.sizes = Histogram(SIZES)

    def add(self, size: int, seconds: float) -> None:
        """Count one group."""
        self.seconds.observe(seconds)
        self.sizes.observe(size)

    def figures(self) -> Figures:
        return {
            "dromon_store_commit_duration_seconds": self.seconds,
            "dromon_store_commit_batch_size": self.sizes,
        }
