"""The scheduling loop: what is seen goes into the engine and the queue, what is decided goes to the API.

Everything but the writing of bindings and conditions happens between two awaits, so a decision always sees
all changes that arrived before it and no change comes between a refusal and its parking.

Neighbours: main wires it to informers; queue, engine, classes, bind, conditions, explain do their part each.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Protocol

from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.base.clock import Clock
from dromon.scheduler import model
from dromon.scheduler.bind import Binder, Placement, Refused
from dromon.scheduler.classes import ClassCache
from dromon.scheduler.conditions import SCHEDULER_ERROR, SCHEDULING_GATED, UNSCHEDULABLE, ConditionWriter
from dromon.scheduler.engine import Engine, Refusal
from dromon.scheduler.explain import GATED, explain
from dromon.scheduler.inputs import NodeInfo
from dromon.scheduler.queue import QueuedPod, SchedulingQueue

log = logging.getLogger(__name__)

DEFAULT_NAME = "default-scheduler"
BATCH = 256
"""Decisions between two turns of the event loop."""
REPEAT_EVENT_SECONDS = 60.0
"""An unchanged reason is recorded as an Event at most this often per pod."""


class Recorder(Protocol):
    """dromon.client.events.EventRecorder, as far as it is used here."""

    def event(self, obj: Pod, type: str, reason: str, message: str) -> None:
        """Record an Event about `obj`; never blocks."""
        ...


class Scheduler:
    """One scheduler's state and loop.

    Args:
        name: pods with this spec.schedulerName are taken.
        engine: empty; belongs to this object from now on.
        classes: compiles for the same engine.
        binder, conditions, recorder: where decisions go.
        clock: paces back-off.
        in_flight: how many placements may wait for their binding at a time; decisions stop meanwhile, so that
            a more important pod is never far behind.
    """

    def __init__(
        self,
        *,
        name: str,
        engine: Engine,
        classes: ClassCache,
        binder: Binder,
        conditions: ConditionWriter,
        recorder: Recorder,
        clock: Clock,
        in_flight: int = 512,
    ) -> None:
        self._name = name
        self._engine = engine
        self._classes = classes
        self._binder = binder
        self._conditions = conditions
        self._recorder = recorder
        self._clock = clock
        self._room = in_flight
        self._queue = SchedulingQueue(clock)
        self._nodes: dict[str, NodeInfo] = {}
        self._assumed: set[str] = set()
        self._placements: deque[tuple[QueuedPod, Placement]] = deque()
        self._wake = asyncio.Event()
        self._to_bind = asyncio.Event()

    # What is seen: handlers of the informers.

    def node_changed(self, old: Node | None, new: Node | None) -> None:
        """A node was added, changed or deleted; heartbeats that change nothing cost a comparison."""
        if new is None:
            if old is not None:
                self._nodes.pop(old.metadata.name, None)
                self._engine.remove_node(old.metadata.name)
            return
        info = model.node_info(new)
        if self._nodes.get(info.name) != info:
            self._nodes[info.name] = info
            self._engine.set_node(info)
            self._helped(info.name)

    def pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """A pod was added, changed or deleted."""
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._pod_gone(old.metadata.uid)
        if new is None:
            return
        if model.is_finished(new):
            self._pod_gone(new.metadata.uid)
        elif new.spec.node_name:
            self._pod_assigned(new)
        elif (new.spec.scheduler_name or DEFAULT_NAME) == self._name:
            self._pod_waits(new)

    def _pod_gone(self, uid: str) -> None:
        self._queue.remove(uid)
        self._assumed.discard(uid)
        node = self._engine.pod_node(uid)
        if node is not None:
            self._engine.remove_pod(uid)
            self._helped(node)

    def _pod_assigned(self, pod: Pod) -> None:
        uid = pod.metadata.uid
        self._queue.remove(uid)
        self._assumed.discard(uid)
        before = self._engine.pod_node(uid)
        changed = self._engine.add_pod(uid, self._classes.of(pod), pod.spec.node_name)
        if changed and before is not None:
            self._helped(before)

    def _pod_waits(self, pod: Pod) -> None:
        uid = pod.metadata.uid
        if uid in self._assumed and self._queue.get(uid) is None:
            return  # bound, only its watch does not know yet
        if pod.metadata.deletion_timestamp is not None:
            self._queue.remove(uid)
            return
        queued = self._queue.get(uid)
        gated, priority = model.is_gated(pod), pod.spec.priority or 0
        if queued is None:
            queued = self._queue.add(uid, pod, self._classes.of(pod), priority, gated=gated)
        elif _matters(queued.pod, pod):
            self._queue.update(queued, pod, self._classes.of(pod), priority, gated=gated)
        else:
            queued.pod = pod
            return
        if gated:
            self._conditions.report(queued, SCHEDULING_GATED, GATED)
        else:
            self._wake.set()

    def _helped(self, node: str) -> None:
        """Something changed on this node: whoever would fit there now is worth another attempt.

        No other node changed, so this is exact as long as every filter looks at one node alone.
        """
        if self._queue.move(lambda group: self._engine.fits(group, node)):
            self._wake.set()

    # What is decided.

    async def run(self, bind_workers: int = 64) -> None:
        """Decide and bind until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(bind_workers):
                group.create_task(self._bind_forever())
            group.create_task(self._decide_forever())

    async def _decide_forever(self) -> None:
        while True:
            self._wake.clear()
            self._queue.flush()
            batch = self._queue.pop(min(BATCH, self._room))
            if batch:
                self.decide(batch)
                await asyncio.sleep(0)
            else:
                await self._pause()

    async def _pause(self) -> None:
        """Until something was seen, a binding is done, or a back-off is over."""
        seconds = self._queue.next_flush()
        if seconds is None:
            await self._wake.wait()
            return
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait((timer, woken), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()

    def decide(self, batch: list[QueuedPod]) -> None:
        """Find a node for each pod; hand placements over for binding, park the others with the reason."""
        results = self._engine.schedule([(queued.uid, queued.group) for queued in batch])
        for queued, result in zip(batch, results, strict=True):
            if isinstance(result, str):
                meta = queued.pod.metadata
                self._room -= 1
                self._assumed.add(queued.uid)
                self._placements.append((queued, Placement(queued.uid, meta.namespace, meta.name, result)))
            else:
                self._refuse(queued, result)
        if self._placements:
            self._to_bind.set()

    def _refuse(self, queued: QueuedPod, refusal: Refusal) -> None:
        message = explain(refusal, self._engine.node_count())
        self._queue.park(queued)
        self._tell(queued, UNSCHEDULABLE, message)

    def _tell(self, queued: QueuedPod, reason: str, message: str) -> None:
        news = self._conditions.report(queued, reason, message)
        now = self._clock.monotonic()
        if news or now - queued.recorded >= REPEAT_EVENT_SECONDS:
            queued.recorded = now
            self._recorder.event(queued.pod, "Warning", "FailedScheduling", message)

    # What is written.

    async def _bind_forever(self) -> None:
        while True:
            while not self._placements:
                self._to_bind.clear()
                await self._to_bind.wait()
            size = min(self._binder.batch, len(self._placements))
            await self._bind([self._placements.popleft() for _ in range(size)])

    async def _bind(self, work: list[tuple[QueuedPod, Placement]]) -> None:
        """Write placements that still make sense, and take their outcome up."""
        for queued, _ in work:
            await self._conditions.settle(queued.uid)
        valid = []
        for queued, placement in work:
            if not self._engine.has_node(placement.node):
                gone = Refused(f'node "{placement.node}" is gone', stale=True)
                self._outcome(queued, placement, gone)
            elif placement.uid in self._assumed:
                valid.append((queued, placement))
            else:
                self._outcome(queued, placement, Refused("the pod is gone", stale=True))
        if valid:
            outcomes = await self._binder.bind([placement for _, placement in valid])
            for (queued, placement), outcome in zip(valid, outcomes, strict=True):
                self._outcome(queued, placement, outcome)

    def _outcome(self, queued: QueuedPod, placement: Placement, refused: Refused | None) -> None:
        self._room += 1
        self._wake.set()
        pod = f"{placement.namespace}/{placement.name}"
        if refused is None:
            self._queue.remove(queued.uid)
            message = f"Successfully assigned {pod} to {placement.node}"
            self._recorder.event(queued.pod, "Normal", "Scheduled", message)
            return
        log.info("binding failed", extra={"pod": pod, "node": placement.node, "error": refused.message})
        if queued.uid in self._assumed:
            self._assumed.discard(queued.uid)
            self._engine.remove_pod(queued.uid)
            self._helped(placement.node)
            self._queue.back_off(queued)
            if not refused.stale:
                self._tell(queued, SCHEDULER_ERROR, f"binding rejected: {refused.message}")


def _matters(old: Pod, new: Pod) -> bool:
    """Whether a pod changed in a way that can change the decision: status and bookkeeping can't."""
    return old.spec != new.spec or old.metadata.labels != new.metadata.labels
