"""What the scheduler is told when it starts.

Neighbours: the command line makes it, main uses it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SchedulerConfig:
    """Settings of one scheduler.

    Attributes:
        kubeconfig: path of the kubeconfig by which it reaches the API.
        name: pods with this spec.schedulerName are its own.
        engine: "rust", or "python" for the readable reference.
        seed: of the random choice between equal nodes; drawn from the system unless given.
        bind_concurrency: how many Bindings may be under way at a time.
    """

    kubeconfig: str
    name: str = "default-scheduler"
    engine: str = "rust"
    seed: int | None = None
    bind_concurrency: int = 64
