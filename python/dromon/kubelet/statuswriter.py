"""Writes pod statuses to the API: only when something changed, the newest wins, again after a failure.

Neighbours: worker gives it statuses, statuspatch computes what to send, context holds one per process.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field

from dromon.api.errors import ApiError
from dromon.api.kinds.pod import PODS
from dromon.api.types.pod import Pod
from dromon.api.types.pod_status import PodStatus
from dromon.base.backoff import Backoff
from dromon.base.clock import Clock
from dromon.client.rest import Client, ConnectionFailed
from dromon.kubelet.statuspatch import status_patch
from dromon.kubelet.timers import Timers

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    """One pod: what the API has as far as we know, and what it should have."""

    pod: Pod
    wanted: PodStatus
    written: Pod | None = None
    sent: PodStatus | None = None
    lost: int = -1
    queued: bool = False
    writing: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(0.5, 30.0))
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class StatusWriter:
    """The statuses of one process's pods.

    Args:
        concurrency: writes in flight at once.
    """

    def __init__(self, client: Client, clock: Clock, timers: Timers, concurrency: int = 8) -> None:
        self._client, self._clock, self._timers = client, clock, timers
        self._concurrency = concurrency
        self._entries: dict[str, _Entry] = {}
        self._queue: deque[str] = deque()
        self._work = asyncio.Event()

    def set(self, pod: Pod, status: PodStatus) -> None:
        """Make the API's status of `pod` (as last seen in a watch) be `status`, soon."""
        uid = pod.metadata.uid
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = _Entry(pod, status)
        entry.pod, entry.wanted = pod, status
        if _version(pod) > entry.lost and self._differs(entry):
            entry.idle.clear()
            if not entry.queued and not entry.writing:
                self._enqueue(uid)
        elif not entry.queued and not entry.writing:
            entry.idle.set()

    async def flush(self, uid: str) -> None:
        """Return when the pod's status is written, or can't be any more."""
        entry = self._entries.get(uid)
        if entry is not None:
            await entry.idle.wait()

    def forget(self, uid: str) -> None:
        """The pod is gone."""
        entry = self._entries.pop(uid, None)
        if entry is not None:
            entry.idle.set()
            self._timers.cancel((self, uid))

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._concurrency):
                group.create_task(self._drain())

    def _enqueue(self, uid: str) -> None:
        entry = self._entries.get(uid)
        if entry is None or entry.queued:
            return
        entry.queued = True
        self._queue.append(uid)
        self._work.set()

    def _differs(self, entry: _Entry) -> bool:
        """Whether there is something to write; what the server made of our last write is not fought."""
        answered = entry.written is not None and _version(entry.written) >= _version(entry.pod)
        if answered and entry.sent == entry.wanted:
            return False
        return bool(status_patch(self._known(entry), entry.wanted))

    def _known(self, entry: _Entry) -> PodStatus:
        """The newest status that the API is known to have: of the watch, or of our last write's answer."""
        if entry.written is not None and _version(entry.written) > _version(entry.pod):
            return entry.written.status
        return entry.pod.status

    async def _drain(self) -> None:
        while True:
            while not self._queue:
                self._work.clear()
                await self._work.wait()
            uid = self._queue.popleft()
            entry = self._entries.get(uid)
            if entry is None:
                continue
            entry.queued, entry.writing = False, True
            try:
                await self._write(uid, entry)
            finally:
                entry.writing = False

    async def _write(self, uid: str, entry: _Entry) -> None:
        while self._differs(entry):
            wanted = entry.wanted
            patch = status_patch(self._known(entry), wanted)
            meta = entry.pod.metadata
            body = {"metadata": {"uid": uid}, "status": patch}
            try:
                entry.written = await self._client.patch(
                    PODS, meta.name, meta.namespace, body, kind="strategic", subresource="status"
                )
                entry.sent = wanted
                entry.backoff.reset()
            except ApiError as error:
                if error.code in (404, 409):
                    entry.lost = _version(entry.pod)
                    break
                self._later(uid, entry, error)
                return
            except ConnectionFailed as error:
                self._later(uid, entry, error)
                return
        entry.idle.set()

    def _later(self, uid: str, entry: _Entry, error: Exception) -> None:
        meta = entry.pod.metadata
        log.warning(
            "could not write pod status", extra={"pod": f"{meta.namespace}/{meta.name}", "why": str(error)}
        )
        self._timers.at((self, uid), entry.backoff.next(), lambda: self._enqueue(uid))


def _version(pod: Pod) -> int:
    version = pod.metadata.resource_version
    return int(version) if version.isdigit() else 0
