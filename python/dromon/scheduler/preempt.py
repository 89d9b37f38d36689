"""Making room for a pod that fits nowhere: who may ask for it, who has to go, and who waits for which node.

The engine chooses; here it is said who may preempt at all, victims are handed over, and nominations are
kept: the node to which a pod is nominated is shown in status.nominatedNodeName, and the pod is tried again
when its last victim is gone.

Source: Kubernetes documentation, "Pod Priority and Preemption"; KEP-564 (preemptionPolicy: KEP-902).

Neighbours: loop asks after a refusal; evict ends victims; engine.preempt has the rules of the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from dromon.api.types.pod import Pod
from dromon.scheduler.engine import CompiledPod, Engine
from dromon.scheduler.explain import explain
from dromon.scheduler.queue import QueuedPod

NEVER = "not eligible due to preemptionPolicy=Never."
BY_SCHEDULER = "PreemptionByScheduler"
WAITING = "not eligible due to a terminating pod on the nominated node."


class Evictor(Protocol):
    """Ends pods."""

    def end(self, victim: Pod, wanted: Callable[[], bool]) -> None:
        """End the pod, and try again after failures while `wanted`; returns at once."""
        ...


class Recorder(Protocol):
    """dromon.client.events.EventRecorder, as far as it is used here."""

    def event(self, obj: Pod, type: str, reason: str, message: str) -> None:
        """Record an Event about `obj`; never blocks."""
        ...


class Preemptor:
    """One scheduler's nominations.

    Args:
        engine: the scheduler's.
        evictor, recorder: where decisions go.
        placed: the placed pods by uid, as the scheduler keeps them.
    """

    def __init__(
        self, engine: Engine, evictor: Evictor, recorder: Recorder, placed: Mapping[str, Pod]
    ) -> None:
        self._engine = engine
        self._evictor = evictor
        self._recorder = recorder
        self._placed = placed
        self._nominees: dict[str, dict[str, QueuedPod]] = {}
        self._victims: dict[str, set[str]] = {}

    def attempt(self, queued: QueuedPod) -> tuple[str, list[QueuedPod]]:
        """Look for a node where the pod would have room if others went, and let them go.

        Returns:
            Why there is none, as kube-scheduler words it, "" where room is being made; and the pods that are
            nominated there no more, since this one is more important.
        """
        if queued.pod.spec.preemption_policy == "Never":
            return NEVER, []
        if self._waits(queued):
            return WAITING, []
        outcome = self._engine.preempt(queued.uid, queued.group)
        if isinstance(outcome, dict):
            self.withdraw(queued)
            return explain(outcome, self._engine.node_count()), []
        node, victims = outcome
        displaced = [n for n in self.nominees(node) if n.priority < queued.priority]
        for other in displaced:
            self.withdraw(other)
        self.nominate(queued, node)
        self._victims[queued.uid] = set(victims)
        for uid in victims:
            self._end(uid, queued, node)
        return "", displaced

    def _waits(self, queued: QueuedPod) -> bool:
        """Whether room is being made for the pod already, perhaps since before a restart."""
        if not queued.nominated:
            return False
        if queued.uid not in self._victims:
            placed, node, priority = self._placed.items(), queued.nominated, queued.priority
            self._victims[queued.uid] = {uid for uid, pod in placed if _makes_room(pod, node, priority)}
        return bool(self._victims[queued.uid])

    def _end(self, uid: str, queued: QueuedPod, node: str) -> None:
        victim = self._placed.get(uid)
        if victim is None:
            self._victims[queued.uid].discard(uid)
            return
        message = f"Preempted by pod {queued.uid} on node {node}"
        self._recorder.event(victim, "Normal", "Preempted", message)
        self._evictor.end(victim, lambda: uid in self._victims.get(queued.uid, ()))

    def nominate(self, queued: QueuedPod, node: str) -> None:
        """The pod waits for room on the node, and on no other as before."""
        self.withdraw(queued)
        queued.nominated = node
        group: CompiledPod = queued.group
        self._engine.nominate(queued.uid, group, node)
        self._nominees.setdefault(node, {})[queued.uid] = queued

    def withdraw(self, queued: QueuedPod) -> None:
        """The pod waits for no node any more (no effect when it did not)."""
        self._engine.withdraw(queued.uid)
        self._victims.pop(queued.uid, None)
        there = self._nominees.get(queued.nominated)
        if there is not None and there.pop(queued.uid, None) is not None and not there:
            del self._nominees[queued.nominated]
        queued.nominated = ""

    def nominees(self, node: str) -> list[QueuedPod]:
        """The pods that wait for room on the node."""
        return list(self._nominees.get(node, {}).values())

    def gone(self, uid: str, node: str) -> list[QueuedPod]:
        """A placed pod left the node: those that waited for nobody else."""
        waited = self.nominees(node)
        for queued in waited:
            self._victims.get(queued.uid, set()).discard(uid)
        return [queued for queued in waited if not self._victims.get(queued.uid)]


def _makes_room(pod: Pod, node: str, priority: int) -> bool:
    """Whether the pod is leaving the node by preemption for pods of this priority."""
    if pod.spec.node_name != node or pod.metadata.deletion_timestamp is None:
        return False
    told = (c for c in pod.status.conditions if c.type == "DisruptionTarget" and c.status == "True")
    return (pod.spec.priority or 0) < priority and any(c.reason == BY_SCHEDULER for c in told)
