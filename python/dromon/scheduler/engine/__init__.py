"""The decision itself, without I/O: one interface, two implementations of the same semantics.

Neighbours: interface has the semantics; loop is the only user.
"""

from __future__ import annotations

from dromon.scheduler.engine.interface import LATEST, CompiledPod, Engine, Preemption, Refusal

__all__ = ["LATEST", "CompiledPod", "Engine", "Preemption", "Refusal", "open_engine"]


def open_engine(kind: str, seed: int) -> Engine:
    """An empty engine.

    Args:
        kind: "rust" (dromon._core) or "python" (the reference).
        seed: of the generator that breaks ties, 64 bits.

    Raises:
        ValueError: the kind is neither.
    """
    if kind == "rust":
        from dromon._core import SchedulerEngine

        return SchedulerEngine(seed)
    if kind == "python":
        from dromon.scheduler.engine.reference import ReferenceEngine

        return ReferenceEngine(seed)
    raise ValueError(f"unknown scheduler engine {kind!r}: choose rust or python")
