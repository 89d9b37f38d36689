"""What the scheduler is told when it starts.

Neighbours: the command line makes it, main uses it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from dromon.client.election import LeaderElection


@dataclass(frozen=True, slots=True)
class SchedulerConfig(LeaderElection):
    """Settings of one scheduler; those of leader election are LeaderElection's.

    Attributes:
        kubeconfig: path of the kubeconfig by which it reaches the API.
        name: pods with this spec.schedulerName are its own.
        engine: "rust", or "python" for the readable reference.
        seed: of the random choice between equal nodes; drawn from the system unless given.
        bind_concurrency: how many Bindings may be under way at a time.

    Raises:
        ValueError: a setting is out of range.
    """

    kubeconfig: str
    name: str = "default-scheduler"
    engine: Literal["rust", "python"] = "rust"
    seed: int | None = None
    bind_concurrency: int = 64
    leader_elect_resource_name: str = field(default="kube-scheduler", kw_only=True)

    def __post_init__(self) -> None:
        self.check_election()
        if self.engine not in ("rust", "python"):
            raise ValueError(f"engine: {self.engine!r} is neither rust nor python")
        if self.bind_concurrency < 1:
            raise ValueError("bind_concurrency: must be at least 1")
        if self.seed is not None and not 0 <= self.seed < 2**64:
            raise ValueError("seed: must be a number of 64 bits, not negative")
