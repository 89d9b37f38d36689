"""The scale of all scores.

Neighbours: every score; rust/src/scheduler/scores has the same number.
"""

from __future__ import annotations

MAX_POINTS = 10_000
"""What the best node can get from one score: a hundred times finer than upstream's 100, so that a single pod
still makes a difference on a large node."""
