"""Ending victims of preemption: the condition DisruptionTarget, then a DELETE with the pod's own grace.

Source: KEP-3329 (DisruptionTarget), as kube-scheduler writes it.

Neighbours: preempt chooses, dromon.client carries.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from dromon.api import times
from dromon.api.errors import ApiError
from dromon.api.kinds import PODS
from dromon.api.types.pod import Pod
from dromon.base.clock import Clock
from dromon.client.rest import Client, ConnectionFailed
from dromon.scheduler.preempt import BY_SCHEDULER

log = logging.getLogger(__name__)

RETRY_SECONDS = 1.0


def disruption_patch(pod: Pod, scheduler: str, now: float) -> dict[str, Any]:
    """The strategic merge patch of pods/status that says why the pod is ended.

    Args:
        now: seconds since the epoch.
    """
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": BY_SCHEDULER,
        "message": f"{scheduler}: preempting to accommodate a higher priority pod",
        "lastTransitionTime": times.format(now),
    }
    return {"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}}


class VictimWriter:
    """Implements preempt.Evictor.

    Args:
        client: of the API.
        scheduler: whose name the condition gives.
        clock: stamps conditions and paces retries.
    """

    def __init__(self, client: Client, scheduler: str, clock: Clock) -> None:
        self._client = client
        self._scheduler = scheduler
        self._clock = clock
        self._victims: deque[tuple[Pod, Callable[[], bool]]] = deque()
        self._wake = asyncio.Event()

    def end(self, victim: Pod, wanted: Callable[[], bool]) -> None:
        if victim.metadata.deletion_timestamp is None:
            self._victims.append((victim, wanted))
            self._wake.set()

    async def run(self, workers: int = 16) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            while not self._victims:
                self._wake.clear()
                await self._wake.wait()
            victim, wanted = self._victims.popleft()
            while not await self._end(victim):
                await self._clock.sleep(RETRY_SECONDS)
                if not wanted():
                    break

    async def _end(self, victim: Pod) -> bool:
        """Whether there is nothing left to do."""
        meta = victim.metadata
        patch = disruption_patch(victim, self._scheduler, self._clock.now())
        try:
            await self._client.patch(
                PODS, meta.name, meta.namespace, patch, kind="strategic", subresource="status"
            )
            await self._client.delete(PODS, meta.name, meta.namespace, uid=meta.uid)
        except ApiError as error:
            if error.code not in (404, 409):
                pod = f"{meta.namespace}/{meta.name}"
                log.warning("preemption refused", extra={"pod": pod, "error": error.message})
                return False
        except ConnectionFailed:
            return False
        return True
