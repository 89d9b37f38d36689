"""Exponential back-off: how long to wait before the next try.

Neighbours: base.tasks, client.informer and the supervisor wait by it; whoever waits brings its own clock.
"""

from __future__ import annotations

import random as _random
from collections.abc import Callable


class Backoff:
    """Delays that grow by `factor` from `initial` to `maximum`.

    Args:
        initial: the first delay, seconds.
        maximum: no delay (before jitter) is longer, seconds.
        factor: growth from one delay to the next.
        jitter: a share of the delay that is added at random: 0.2 gives up to 20 % more, so that a crowd
            that failed together does not come back together.
        random: gives numbers in [0, 1); injected for repeatable tests.
    """

    __slots__ = ("_factor", "_initial", "_jitter", "_maximum", "_next", "_random")

    def __init__(
        self,
        initial: float = 0.2,
        maximum: float = 30.0,
        factor: float = 2.0,
        jitter: float = 0.2,
        random: Callable[[], float] = _random.random,
    ) -> None:
        if initial <= 0 or maximum < initial or factor < 1 or jitter < 0:
            raise ValueError("back-off needs 0 < initial <= maximum, factor >= 1 and jitter >= 0")
        self._initial = initial
        self._maximum = maximum
        self._factor = factor
        self._jitter = jitter
        self._random = random
        self._next = initial

    def next(self) -> float:
        """The delay before the coming try, in seconds; the one after it will be longer."""
        delay = self._next
        self._next = min(delay * self._factor, self._maximum)
        return delay * (1 + self._jitter * self._random())

    def reset(self) -> None:
        """Begin with `initial` again (call it after a success)."""
        self._next = self._initial
