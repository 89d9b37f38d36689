"""The store that forgets: all of a Store's semantics, nothing on disk. For tests and short-lived clusters.

Neighbours: local does the work; open picks it for memory://.
"""

from __future__ import annotations

from dromon.base.clock import Clock, SystemClock
from dromon.store.history import Limits
from dromon.store.local import LocalStore


class MemoryStore(LocalStore):
    """A Store in this process's memory.

    Args:
        clock: for times to live and the age of history.
        history: how much history is kept.
    """

    def __init__(self, clock: Clock | None = None, history: Limits | None = None) -> None:
        limits = history or Limits()
        super().__init__(None, clock or SystemClock(), limits, limits)
