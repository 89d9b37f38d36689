"""Writes pod statuses to the API: only when something changed, the newest wins, again after a failure.

Statuses that come while a write is in flight leave together with the next one, as one request where the
server has bulk verbs; a status that comes alone leaves at once.

Neighbours: worker gives it statuses, statuspatch computes what to send, client.bulk carries, context holds
one writer per process.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import msgspec

from dromon.api.errors import ApiError
from dromon.api.kinds.pod import PODS
from dromon.api.types.pod import Pod
from dromon.api.types.pod_status import PodStatus
from dromon.base.backoff import Backoff
from dromon.base.clock import Clock
from dromon.client.bulk import Bulk, Identity, Outcome
from dromon.kubelet.statuspatch import status_patch
from dromon.kubelet.timers import Timers

log = logging.getLogger(__name__)

BATCH = 250
"""Statuses in one request: more would keep the first ones waiting."""

WRITERS = 2
"""Requests in flight: one on its way while the server works on the other."""


@dataclass(slots=True)
class _Entry:
    """One pod: what the API has as far as we know, and what it should have.

    Attributes:
        pod: as last seen in a watch.
        wanted: the status to be.
        sent, answered: the status of our last write that the server took, and the version that it gave it.
        lost: the version to which a write was refused; an older pod is not written again.
    """

    pod: Pod
    wanted: PodStatus
    sent: PodStatus | None = None
    answered: int = -1
    lost: int = -1
    queued: bool = False
    writing: bool = False
    backoff: Backoff = field(default_factory=lambda: Backoff(0.5, 30.0))
    idle: asyncio.Event = field(default_factory=asyncio.Event)


class StatusWriter:
    """The statuses of one process's pods."""

    def __init__(self, bulk: Bulk, clock: Clock, timers: Timers) -> None:
        self._bulk, self._clock, self._timers = bulk, clock, timers
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
        if entry.queued or entry.writing:
            entry.idle.clear()
        elif _version(pod) > entry.lost and _may_differ(entry):
            entry.idle.clear()
            self._enqueue(uid)
        else:
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
            for _ in range(WRITERS):
                group.create_task(self._drain())

    def _enqueue(self, uid: str) -> None:
        entry = self._entries.get(uid)
        if entry is None or entry.queued:
            return
        entry.queued = True
        self._queue.append(uid)
        self._work.set()

    async def _drain(self) -> None:
        while True:
            while not self._queue:
                self._work.clear()
                await self._work.wait()
            await self._write([self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))])

    async def _write(self, uids: list[str]) -> None:
        """Write one batch; what changed meanwhile is queued again."""
        entries, patches = self._take(uids)
        if not entries:
            return
        taken = [(entry, entry.wanted, _version(entry.pod)) for entry in entries]
        try:
            outcomes = await self._bulk.patch_status(PODS, patches)
        finally:
            for entry in entries:
                entry.writing = False
        for (entry, wanted, version), outcome in zip(taken, outcomes, strict=True):
            self._done(entry, wanted, version, outcome)

    def _take(self, uids: list[str]) -> tuple[list[_Entry], list[dict[str, Any]]]:
        """What of a batch is still to be written, with its patches."""
        entries: list[_Entry] = []
        patches: list[dict[str, Any]] = []
        for uid in uids:
            entry = self._entries.get(uid)
            if entry is None:
                continue
            entry.queued = False
            patch = _patch(entry)
            if not patch:
                entry.idle.set()
                continue
            meta = entry.pod.metadata
            identity = {"name": meta.name, "namespace": meta.namespace, "uid": uid}
            patches.append({"metadata": identity, "status": patch})
            entry.writing = True
            entries.append(entry)
        return entries, patches

    def _done(self, entry: _Entry, wanted: PodStatus, version: int, outcome: Outcome) -> None:
        """Take up what became of a write of `wanted`, made when the pod's version was `version`."""
        if isinstance(outcome, Identity):
            entry.sent, entry.answered = wanted, _number(outcome.resource_version)
            entry.backoff.reset()
        elif isinstance(outcome, ApiError) and outcome.code in (404, 409):
            entry.lost = version
        else:
            self._later(entry, outcome)
            return
        if entry.wanted is not wanted and _version(entry.pod) > entry.lost and _patch(entry):
            self._enqueue(entry.pod.metadata.uid)
        else:
            entry.idle.set()

    def _later(self, entry: _Entry, error: Exception) -> None:
        meta, uid = entry.pod.metadata, entry.pod.metadata.uid
        log.warning(
            "could not write pod status", extra={"pod": f"{meta.namespace}/{meta.name}", "why": str(error)}
        )
        self._timers.at((self, uid), entry.backoff.next(), lambda: self._enqueue(uid))


def _may_differ(entry: _Entry) -> bool:
    """Whether a look at the difference is worth it."""
    wanted, sent = entry.wanted, entry.sent
    if sent is not None and entry.answered >= _version(entry.pod):
        return sent != wanted
    return entry.pod.status != wanted


def _patch(entry: _Entry) -> dict[str, Any]:
    """What there is to write; {} for nothing. What the server made of our last write is not fought."""
    if not _may_differ(entry):
        return {}
    known = entry.pod.status
    if entry.sent is not None and entry.answered >= _version(entry.pod):
        known = _as_sent(known, entry.sent)
    return status_patch(known, entry.wanted)


def _as_sent(seen: PodStatus, sent: PodStatus) -> PodStatus:
    """The API's status after our last write: others' conditions stayed, all else is as it was sent."""
    ours = {c.type for c in sent.conditions}
    others = [c for c in seen.conditions if c.type not in ours]
    return msgspec.structs.replace(sent, conditions=sent.conditions + others) if others else sent


def _version(pod: Pod) -> int:
    return _number(pod.metadata.resource_version)


def _number(version: str) -> int:
    return int(version) if version.isdigit() else 0
