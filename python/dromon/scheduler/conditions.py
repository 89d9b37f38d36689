"""The PodScheduled condition of pods that have no node, and nominatedNodeName: written when they change.

Writes are bounded in number and coalesce by pod: only the newest reason of a pod is ever sent.

Neighbours: loop reports, dromon.client carries.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from dromon.api import times
from dromon.api.errors import ApiError
from dromon.api.kinds import PODS
from dromon.api.types.pod import Pod
from dromon.base.clock import Clock
from dromon.client.rest import Client, ConnectionFailed
from dromon.scheduler.queue import QueuedPod, State

log = logging.getLogger(__name__)

TYPE = "PodScheduled"
UNSCHEDULABLE = "Unschedulable"
SCHEDULING_GATED = "SchedulingGated"
SCHEDULER_ERROR = "SchedulerError"

RETRY_SECONDS = 1.0


def condition_patch(
    pod: Pod, reason: str, message: str, now: float, nominated: str = "", *, stale: bool = False
) -> dict[str, Any] | None:
    """The strategic merge patch of pods/status that says PodScheduled=False, or None when it says so already.

    Args:
        now: seconds since the epoch; the time of transition, if the status was another before.
        nominated: the node where room is being made for the pod.
        stale: the server may have another status than the pod as it is seen here.
    """
    old = next((c for c in pod.status.conditions if c.type == TYPE), None)
    moved = stale or pod.status.nominated_node_name != nominated
    if old is not None and (old.status, old.reason, old.message) == ("False", reason, message) and not moved:
        return None
    since = old.last_transition_time if old is not None and old.status == "False" else None
    condition = {
        "type": TYPE,
        "status": "False",
        "reason": reason,
        "message": message,
        "lastProbeTime": None,
        "lastTransitionTime": since or times.format(now),
    }
    # The uid keeps the patch from a new pod of the same name.
    status: dict[str, Any] = {"conditions": [condition]}
    if moved:
        status["nominatedNodeName"] = nominated or None
    return {"metadata": {"uid": pod.metadata.uid}, "status": status}


class ConditionWriter:
    """Sends condition_patch for the pods reported to it.

    Args:
        client: of the API.
        clock: stamps transitions and paces retries.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._pending: dict[str, QueuedPod] = {}
        self._writing: dict[str, asyncio.Event] = {}
        self._wake = asyncio.Event()

    def report(self, queued: QueuedPod, reason: str, message: str) -> bool:
        """The pod has no node for this reason; returns at once.

        Returns:
            Whether this is news, as against the pod's last report.
        """
        told = (reason, message, queued.nominated)
        if queued.reported == told:
            return False
        queued.reported = told
        self._pending[queued.uid] = queued
        self._wake.set()
        return True

    async def settle(self, uid: str) -> None:
        """Nothing about this pod will be written after this returns, until it is reported again.

        Awaited before a binding is written, lest an old "False" overtakes the server's "True".
        """
        self._pending.pop(uid, None)
        if (writing := self._writing.get(uid)) is not None:
            await writing.wait()

    async def run(self, workers: int = 8) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            queued = await self._next()
            done = self._writing[queued.uid] = asyncio.Event()
            try:
                written = await self._write(queued)
            finally:
                del self._writing[queued.uid]
                done.set()
                self._wake.set()
            if not written:
                await self._clock.sleep(RETRY_SECONDS)
                if queued.state in (State.PARKED, State.BACKOFF, State.GATED):
                    self._pending.setdefault(queued.uid, queued)
                    self._wake.set()

    async def _next(self) -> QueuedPod:
        """Take a pod that still waits for a node and that no other worker is writing about."""
        while True:
            uid = next((uid for uid in self._pending if uid not in self._writing), None)
            if uid is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            queued = self._pending.pop(uid)
            if queued.state is not State.GONE:
                return queued

    async def _write(self, queued: QueuedPod) -> bool:
        """Whether there is nothing left to do."""
        reason, message, nominated = queued.reported
        pod = queued.pod
        stale = bool(queued.written)
        patch = condition_patch(pod, reason, message, self._clock.now(), nominated, stale=stale)
        if patch is None:
            return True
        name, namespace = pod.metadata.name, pod.metadata.namespace
        try:
            await self._client.patch(PODS, name, namespace, patch, kind="strategic", subresource="status")
            queued.written = (reason, message, nominated)
        except ApiError as error:
            if error.code >= 500 or error.code == 429:
                return False
            if error.code not in (404, 409):
                log.warning("condition refused", extra={"pod": f"{namespace}/{name}", "error": error.message})
        except ConnectionFailed:
            return False
        return True
