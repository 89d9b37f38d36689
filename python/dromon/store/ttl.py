"""Keys that delete themselves, by when. Pure.

Neighbours: local asks what is due and deletes it.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from dromon.store.state import Record, State

Expiry = tuple[float, str, int]
"""Seconds since the epoch, key, and the mod_revision that the time to live was given with."""


class Expiries:
    """A heap of expiries; an entry for a revision that a later write replaced is found out when it is due."""

    def __init__(self, found: Iterable[Expiry] = ()) -> None:
        self._heap = list(found)
        heapq.heapify(self._heap)

    def add(self, record: Record) -> None:
        """Note a published record's time to live, if it has one."""
        if record.expires is not None and record.current is not None:
            heapq.heappush(self._heap, (record.expires, record.key, record.current.mod_revision))

    def put_back(self, expiry: Expiry) -> None:
        """Try again later: the deletion could not be written."""
        heapq.heappush(self._heap, expiry)

    def left(self, state: State, now: float) -> dict[str, float]:
        """Seconds left for each key of `state` that still has the time to live noted here."""
        found: dict[str, float] = {}
        for expires, key, revision in self._heap:
            stands = state.get(key)
            if stands is not None and stands.mod_revision == revision:
                found[key] = max(0.0, expires - now)
        return found

    def due(self, now: float, limit: int = 1_000) -> list[Expiry]:
        """Take the entries that expired by `now`, oldest first, at most `limit`."""
        found: list[Expiry] = []
        while self._heap and self._heap[0][0] <= now and len(found) < limit:
            found.append(heapq.heappop(self._heap))
        return found
