"""The scale of all scores.

Neighbours: every score; rust/src/scheduler/scores has the same number.
"""

from __future__ import annotations

MAX_POINTS = 10_000
"""What the best node can get from one score: a hundred times finer than upstream's 100, so that a single pod
still makes a difference on a large node."""


def scale(whole: int) -> int:
    """Points for one part of `whole`, in units of 2**-32, rounded up: one division for all nodes."""
    return ((MAX_POINTS << 32) + whole - 1) // whole


def part(amount: int, scale: int) -> int:
    """The points of an amount of at most the whole."""
    return (amount * scale) >> 32
