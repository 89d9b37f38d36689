"""A bounded rate of refusals: beyond it, they are held back.

Clients that don't heed a refusal are held back by their own open requests then.

Neighbours: gate paces 429s by it, handler 401s.
"""

from __future__ import annotations

from dromon.base.clock import Clock

RATE = 500
"""Refusals a second."""

BURST = 100
"""Refusals that are not held back after a quiet moment."""

HOLD = 10.0
"""Seconds that one is held back at most."""


class Pace:
    """One stream of refusals.

    Attributes:
        held: how many are being held back.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._next = float("-inf")
        self.held = 0

    async def wait(self) -> None:
        """Return when the next refusal may be sent."""
        now = self._clock.monotonic()
        due = max(self._next, now - BURST / RATE)
        hold = min(due - now, HOLD)
        if hold < HOLD:
            self._next = due + 1 / RATE
        if hold <= 0:
            return
        self.held += 1
        try:
            await self._clock.sleep(hold)
        finally:
            self.held -= 1
