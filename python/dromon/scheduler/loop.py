"""The scheduling loop: what is seen goes into the engine and the queue, what is decided goes to the API.

Everything but the writing of bindings, conditions and deletions happens between two awaits, so a decision
always sees all changes that arrived before it and no change comes between a refusal and its parking.

Neighbours: main wires it to informers; queue, engine, classes, preempt, bind, conditions, explain do their
part each; parking says which changes make a parked pod worth another attempt.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from msgspec import structs

from dromon.api.types.namespace import Namespace
from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.base.clock import Clock
from dromon.scheduler import model
from dromon.scheduler.bind import Binder, Placement, Refused
from dromon.scheduler.classes import ClassCache
from dromon.scheduler.conditions import SCHEDULER_ERROR, SCHEDULING_GATED, UNSCHEDULABLE, ConditionWriter
from dromon.scheduler.engine import Engine, Refusal
from dromon.scheduler.explain import GATED, explain, with_preemption
from dromon.scheduler.inputs import NodeInfo
from dromon.scheduler.parking import Parking
from dromon.scheduler.preempt import Evictor, Preemptor, Recorder
from dromon.scheduler.queue import QueuedPod, SchedulingQueue

log = logging.getLogger(__name__)

DEFAULT_NAME = "default-scheduler"
BATCH = 256
"""Decisions between two turns of the event loop."""
REPEAT_EVENT_SECONDS = 60.0
"""An unchanged reason is recorded as an Event at most this often per pod."""


class Scheduler:
    """One scheduler's state and loop.

    Args:
        name: pods with this spec.schedulerName are taken.
        engine: empty; belongs to this object from now on.
        classes: compiles for the same engine.
        binder, conditions, evictor, recorder: where decisions go.
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
        evictor: Evictor,
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
        self._placed: dict[str, Pod] = {}
        self._assumed: set[str] = set()
        self._placements: deque[tuple[QueuedPod, Placement]] = deque()
        self._preemptor = Preemptor(engine, evictor, recorder, self._placed)
        self._wake = asyncio.Event()
        self._parking = Parking(engine, self._queue, self._wake)
        self._to_bind = asyncio.Event()

    # What is seen: handlers of the informers.

    def node_changed(self, old: Node | None, new: Node | None) -> None:
        """A node was added, changed or deleted; heartbeats that change nothing cost a comparison."""
        if new is None:
            if old is not None:
                self._node_gone(old.metadata.name)
            return
        info = model.node_info(new)
        known = self._nodes.get(info.name)
        if known != info:
            self._nodes[info.name] = info
            self._engine.set_node(info)
            if known is None or structs.replace(known, images=info.images) != info:
                moved = known is not None and known.labels != info.labels
                self._parking.node_changed(info.name, moved=moved)

    def _node_gone(self, name: str) -> None:
        self._nodes.pop(name, None)
        self._engine.remove_node(name)
        for queued in self._preemptor.nominees(name):
            self._preemptor.withdraw(queued)
            self._displaced(queued)
        self._parking.node_changed(name, moved=True)

    def _displaced(self, queued: QueuedPod) -> None:
        """The node to which the pod was nominated won't be free for it: it looks for another."""
        if queued.reported:
            self._conditions.report(queued, *queued.reported[:2])
        if self._queue.wake(queued):
            self._wake.set()

    def _end_nomination(self, queued: QueuedPod) -> None:
        """The pod needs no room made for it any more: others may have what was kept for it."""
        node = queued.nominated
        self._preemptor.withdraw(queued)
        if node:
            self._parking.node_changed(node)

    def _dequeue(self, uid: str) -> None:
        queued = self._queue.get(uid)
        self._queue.remove(uid)
        if queued is not None:
            self._end_nomination(queued)

    def namespace_changed(self, old: Namespace | None, new: Namespace | None) -> None:
        """A namespace was added, changed or deleted: its labels matter to namespace selectors."""
        if new is not None:
            if old is None or old.metadata.labels != new.metadata.labels:
                labels = tuple(sorted(new.metadata.labels.items()))
                self._engine.set_namespace(new.metadata.name, labels)
                self._parking.stirred(everybody=True)
        elif old is not None:
            self._engine.remove_namespace(old.metadata.name)
            self._parking.stirred(everybody=True)

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
        self._dequeue(uid)
        self._assumed.discard(uid)
        pod = self._placed.pop(uid, None)
        node = self._engine.pod_node(uid)
        if node is not None:
            self._engine.remove_pod(uid)
            self._left(uid, pod, node)

    def _left(self, uid: str, pod: Pod | None, node: str) -> None:
        """The pod counts on the node no more."""
        self._parking.pod_left(pod, node)
        for queued in self._preemptor.gone(uid, node):
            if self._queue.wake(queued):
                self._wake.set()

    def _pod_assigned(self, pod: Pod) -> None:
        uid = pod.metadata.uid
        self._dequeue(uid)
        self._assumed.discard(uid)
        before, old = self._engine.pod_node(uid), self._placed.get(uid)
        self._placed[uid] = pod
        node = pod.spec.node_name
        if self._engine.add_pod(uid, self._classes.of(pod), node, model.started(pod)):
            self._parking.stirred()
            if before == node:
                self._parking.pod_left(old, node)
            elif before is not None:
                self._left(uid, old, before)

    def _pod_waits(self, pod: Pod) -> None:
        uid = pod.metadata.uid
        if uid in self._assumed and self._queue.get(uid) is None:
            return  # bound, only its watch does not know yet
        if pod.metadata.deletion_timestamp is not None:
            self._dequeue(uid)
            return
        queued = self._queue.get(uid)
        gated, priority = model.is_gated(pod), pod.spec.priority or 0
        if queued is None:
            queued = self._queue.add(uid, pod, self._classes.of(pod), priority, gated=gated)
            if pod.status.nominated_node_name:
                self._preemptor.nominate(queued, pod.status.nominated_node_name)
        elif _matters(queued.pod, pod):
            self._queue.update(queued, pod, self._classes.of(pod), priority, gated=gated)
            if queued.nominated:
                self._preemptor.nominate(queued, queued.nominated)
        else:
            queued.pod = pod
            return
        if gated:
            self._conditions.report(queued, SCHEDULING_GATED, GATED)
        else:
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
            self._parking.settle()
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
                self._placed[queued.uid] = queued.pod
                self._end_nomination(queued)
                self._placements.append((queued, Placement(queued.uid, meta.namespace, meta.name, result)))
            else:
                self._refuse(queued, result)
        if self._placements:
            self._to_bind.set()
            self._parking.stirred()

    def _refuse(self, queued: QueuedPod, refusal: Refusal) -> None:
        message = explain(refusal, self._engine.node_count())
        self._queue.park(queued)
        if refusal:
            before = queued.nominated
            why_not, displaced = self._preemptor.attempt(queued)
            message = with_preemption(message, why_not)
            for other in displaced:
                self._displaced(other)
            if before and queued.nominated != before:
                self._parking.node_changed(before)
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
            self._left(queued.uid, self._placed.pop(queued.uid, None), placement.node)
            self._queue.back_off(queued)
            if not refused.stale:
                self._tell(queued, SCHEDULER_ERROR, f"binding rejected: {refused.message}")


def _matters(old: Pod, new: Pod) -> bool:
    """Whether a pod changed in a way that can change the decision: status and bookkeeping can't."""
    return old.spec != new.spec or old.metadata.labels != new.metadata.labels
