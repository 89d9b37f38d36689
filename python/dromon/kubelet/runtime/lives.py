"""What becomes of simulated containers, drawn from seeded distributions: the same seed, the same sequence.

A node has a generator of its own, made from the seed and the node's name, so what its n-th container meets
depends neither on other nodes nor on time.

Neighbours: runtime.hollow lives by it, kubelet.hollow_config says the distributions.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

Draw = Callable[[Random], float]

_SHAPES = "a number, uniform:LOW:HIGH, exponential:MEAN or normal:MEAN:DEVIATION"


def distribution(text: str) -> Draw:
    """Seconds drawn as `text` says: "0.5", "uniform:0.1:2", "exponential:3", "normal:5:1" (never below 0).

    Raises:
        ValueError: it is none of these.
    """
    shape, *rest = text.strip().split(":")
    try:
        numbers = [float(part) for part in rest] if rest else [float(shape)]
    except ValueError:
        numbers = []
    if numbers and all(math.isfinite(n) and n >= 0 for n in numbers):
        first, last = numbers[0], numbers[-1]
        match shape, len(rest):
            case "uniform", 2 if first <= last:
                return lambda random: random.uniform(first, last)
            case "exponential", 1 if first > 0:
                return lambda random: random.expovariate(1 / first)
            case "normal", 2:
                return lambda random: max(0.0, random.gauss(first, last))
            case _, 0:
                return lambda random: first
    raise ValueError(f"{text!r} is no distribution: write {_SHAPES}")


def share(value: float) -> float:
    """A share of all, 0 to 1. Raises ValueError."""
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{value} is no share: write a number between 0 and 1")
    return value


@dataclass(frozen=True, slots=True)
class Life:
    """What one run of a container meets.

    Attributes:
        start: seconds that its start takes.
        run: seconds after which it ends by itself; None: never.
        exit_code: what it then ends with.
        ready: seconds after its start from which readiness probes succeed.
    """

    start: float
    run: float | None
    exit_code: int
    ready: float


@dataclass(frozen=True, slots=True)
class Rules:
    """How lives are drawn.

    Attributes:
        pull: seconds that an image's first pull on a node takes; None: images are there.
        start, ready: as in Life.
        run: None: containers run until they are stopped.
        failing: the share of the runs that end by themselves whose exit code is 1.
        crashing: the share of all runs that crash at once, so that their container loops.
    """

    start: Draw
    ready: Draw
    pull: Draw | None = None
    run: Draw | None = None
    failing: float = 0.0
    crashing: float = 0.0


STEADY = Rules(distribution("0"), distribution("0"))
"""Containers start at once, are ready, and run for ever."""


class Lives:
    """One node's containers.

    Args:
        rules: how to draw.
        seed: what the sequence follows from: the seed and the node's name.
    """

    def __init__(self, rules: Rules, seed: str) -> None:
        self._rules = rules
        self._random = Random(seed)  # noqa: S311 - a simulation

    @property
    def pulls(self) -> bool:
        """Whether images have to be pulled."""
        return self._rules.pull is not None

    def pull(self) -> float:
        """Seconds that the next pull takes."""
        return self._rules.pull(self._random) if self._rules.pull is not None else 0.0

    def next(self) -> Life:
        """The life of the next run."""
        rules, random = self._rules, self._random
        crash, fail = random.random(), random.random()
        start, ready = rules.start(random), rules.ready(random)
        run = rules.run(random) if rules.run is not None else None
        if crash < rules.crashing:
            return Life(start, 0.0, 1, ready)
        return Life(start, run, int(fail < rules.failing), ready)
