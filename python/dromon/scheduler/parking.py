"""Which changes make parked pods worth another attempt: exact, and without a table of events per filter.

A change on one node helps a pod that looks at one node at a time only there: the engine is asked whether it
would fit now. For pods that look around, a change anywhere may open any node (a pod placed elsewhere raises
the emptiest domain, a zone loses its last unwanted pod); they are asked about the whole cluster, but once
for all changes that arrive between two rounds of decisions. What kept a pod off may be gone altogether when
its carrier leaves or its node moves to another domain: then everybody is asked.

Neighbours: loop says what changed; queue parks.
"""

from __future__ import annotations

import asyncio

from dromon.api.types.pod import Pod
from dromon.scheduler.engine import CompiledPod, Engine
from dromon.scheduler.queue import SchedulingQueue


class Parking:
    """Moves parked pods of a queue back.

    Args:
        engine: as it is after each change that is told.
        queue: whose pods.
        wake: set when there may be something to decide.
    """

    def __init__(self, engine: Engine, queue: SchedulingQueue, wake: asyncio.Event) -> None:
        self._engine = engine
        self._queue = queue
        self._wake = wake
        self._stirred = False
        self._everybody = False

    def node_changed(self, node: str, *, moved: bool = False) -> None:
        """The node itself changed, came or went, or is kept for somebody no more.

        Args:
            moved: it left a domain: what its pods said there counts no more.
        """
        self._ask(node)
        self.stirred(everybody=moved)

    def pod_left(self, pod: Pod | None, node: str) -> None:
        """A pod counts on the node no more, or otherwise than before.

        Args:
            pod: as it was; None when that is not known.
        """
        self._ask(node)
        self.stirred(everybody=pod is None or keeps_others_off(pod))

    def stirred(self, *, everybody: bool = False) -> None:
        """Something changed somewhere; `everybody`: even for pods that look at one node at a time."""
        if self._queue.has_parked():
            self._stirred = True
            self._everybody |= everybody
            self._wake.set()

    def settle(self) -> None:
        """Ask about all that stirred since the last time."""
        if self._stirred:
            everybody = self._everybody
            self._stirred = self._everybody = False
            self._queue.move(lambda group: self._has_room(group, everybody))

    def _has_room(self, group: CompiledPod, everybody: bool) -> bool:
        return (everybody or self._engine.looks_around(group)) and self._engine.fits_somewhere(group)

    def _ask(self, node: str) -> None:
        def fits(group: CompiledPod) -> bool:
            return not self._engine.looks_around(group) and self._engine.fits(group, node)

        if self._queue.move(fits):
            self._wake.set()


def keeps_others_off(pod: Pod) -> bool:
    """Whether the pod, where it is placed, says who must not come near."""
    anti_affinity = pod.spec.affinity.pod_anti_affinity if pod.spec.affinity else None
    return bool(anti_affinity and anti_affinity.required_during_scheduling_ignored_during_execution)
