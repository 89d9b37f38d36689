"""Writes in groups: what arrives while a transaction is on its way shares the next one.

Transactions on their way touch different keys, and a key's writes keep their order. In one transaction no
two commits have keys of the same slot, since they would have the same revision (see layout).

Neighbours: txn makes and reads the transactions, cluster sends them, leases gives times to live.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from dromon.store.etcd.cluster import UNSENT, CallFailed, Cluster
from dromon.store.etcd.failures import Proof
from dromon.store.etcd.layout import Layout
from dromon.store.etcd.leases import Leases
from dromon.store.etcd.txn import LIMIT, Commit, outcomes, shared
from dromon.store.figures import Commits
from dromon.store.interface import NotAccepted, Put, StoreError, Unavailable

_TOGETHER = 64  # commits in one transaction: with what one of them has, within etcd's limit
_BYTES = 512 << 10  # in one transaction, where it holds several commits: etcd takes 1.5 MiB
_ON_THE_WAY = 2  # transactions: more make each smaller, and all together slower
_LOOK_AHEAD = 1_000  # commits that wait for their keys and are passed over

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Entry:
    commit: Commit
    slots: frozenset[int]
    answer: asyncio.Future[int]
    since: float


class Writer:
    """Args:
    guard: the compare that every transaction makes; when it fails, `refused` is called for the reason.
    applied: is told etcd's revision of every transaction before its callers are answered.
    """

    def __init__(
        self,
        cluster: Cluster,
        layout: Layout,
        leases: Leases,
        guard: Callable[[], Any],
        refused: Callable[[], str],
        applied: Callable[[int], None],
    ) -> None:
        self._cluster = cluster
        self._layout = layout
        self._leases = leases
        self._guard = guard
        self._refused = refused
        self._applied = applied
        self._waiting: list[_Entry] = []
        self._busy: set[bytes] = set()
        self._last: dict[bytes, asyncio.Future[int]] = {}
        self._scheduled = False
        self._sending: set[asyncio.Task[None]] = set()
        self.durable = Commits()
        self.transactions = 0
        self.commits = 0

    async def commit(self, commit: Commit) -> int:
        """Write, and return the first key's revision.

        Raises:
            CompareFailed, NotAccepted, Unavailable.
        """
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[int] = loop.create_future()
        slots = frozenset(map(self._layout.slot, commit.keys))
        self._waiting.append(_Entry(commit, slots, answer, loop.time()))
        for key in commit.keys:
            self._last[key] = answer
        if not self._scheduled:
            self._scheduled = True
            loop.call_soon(self._dispatch)
        # What is accepted is written, whoever waits for the answer.
        return await asyncio.shield(answer)

    async def settled(self, key: bytes) -> None:
        """Return when nothing that was given here before is on its way for a key."""
        while (last := self._last.get(key)) is not None:
            await asyncio.wait([last])

    async def drain(self) -> None:
        """Return when everything has been answered."""
        while self._waiting or self._sending:
            await asyncio.wait(list(self._sending)) if self._sending else await asyncio.sleep(0)

    # -- groups

    def _dispatch(self) -> None:
        self._scheduled = False
        while self._waiting and len(self._sending) < _ON_THE_WAY:
            group = self._gather()
            if not group:
                return
            task = asyncio.get_running_loop().create_task(self._send(group), name="etcd-write")
            self._sending.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._dispatch()

    def _gather(self) -> list[_Entry]:
        """Take the commits that may go together now, in order; those that may not keep their place."""
        horizon = asyncio.get_running_loop().time() - UNSENT
        group: list[_Entry] = []
        stay: list[_Entry] = []
        blocked, slots, size, largest = set(self._busy), set[int](), 0, 1
        for at, entry in enumerate(self._waiting):
            made = entry.commit
            if entry.since < horizon:
                self._finish(entry, NotAccepted("etcd does not take writes fast enough"))
                continue
            if len(group) == _TOGETHER or len(stay) > _LOOK_AHEAD:
                stay.extend(self._waiting[at:])
                break
            largest_then = max(largest, len(made.ops))
            fits = not group or (size + made.size <= _BYTES and len(group) + 1 + largest_then <= LIMIT)
            if not fits or not slots.isdisjoint(entry.slots) or not blocked.isdisjoint(made.keys):
                blocked.update(made.keys)
                stay.append(entry)
                continue
            group.append(entry)
            slots |= entry.slots
            size, largest = size + made.size, largest_then
            blocked.update(made.keys)
        self._waiting = stay
        for entry in group:
            self._busy.update(entry.commit.keys)
        return group

    async def _send(self, group: Sequence[_Entry]) -> None:
        try:
            results = await self._write([e.commit for e in group], group[0].since)
        except StoreError as error:
            results = [error] * len(group)
        except Exception as error:  # whatever it is, nobody may wait for ever
            _log.exception("etcd write failed")
            results = [Unavailable(f"the store failed: {error}")] * len(group)
        for entry, result in zip(group, results, strict=True):
            self._busy.difference_update(entry.commit.keys)
            self._finish(entry, result)

    async def _write(self, commits: Sequence[Commit], since: float) -> Sequence[int | StoreError]:
        mortal = [
            (key, op.ttl)
            for c in commits
            for op, key in zip(c.ops, c.keys, strict=True)
            if isinstance(op, Put) and op.ttl is not None
        ]
        while True:
            try:
                leases = {key: await self._leases.get(ttl, key, since) for key, ttl in mortal}
            except Unavailable as error:
                raise NotAccepted(str(error)) from None
            request = shared(commits, leases, self._guard(), self._layout)
            began = asyncio.get_running_loop().time()
            try:
                answer = await self._cluster.write(lambda m: m.kv.Txn, request, since)
            except CallFailed as error:
                if error.proof is not Proof.NO_LEASE:
                    raise Unavailable(str(error)) from None
                self._leases.forget()
                continue
            if not answer.succeeded:
                raise NotAccepted(self._refused())
            self.durable.add(len(commits), asyncio.get_running_loop().time() - began)
            self.transactions += 1
            self.commits += len(commits)
            self._applied(answer.header.revision)
            return outcomes(commits, answer, self._layout)

    def _finish(self, entry: _Entry, result: int | StoreError) -> None:
        for key in entry.commit.keys:
            if self._last.get(key) is entry.answer:
                del self._last[key]
        if entry.answer.done():
            return
        if isinstance(result, int):
            entry.answer.set_result(result)
        else:
            entry.answer.set_exception(result)
            entry.answer.exception()  # whoever waited may have left
