"""The seeded generator that breaks ties: SplitMix64, the same in both engines.

Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.

Neighbours: rust/src/scheduler/pick.rs gives the same numbers.
"""

from __future__ import annotations

_MASK = 2**64 - 1


class SplitMix64:
    """64-bit numbers from a 64-bit seed."""

    def __init__(self, seed: int) -> None:
        self._state = seed & _MASK

    def next(self) -> int:
        """The next number, 0 to 2**64 - 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, bound: int) -> int:
        """A number from 0 to bound - 1 (bound at most 2**32), by multiplication of the high half."""
        return ((self.next() >> 32) * bound) >> 32
