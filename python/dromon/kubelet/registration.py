"""Keeps the Node object and its Lease up to date.

The status is computed often and written when it changed, or after five minutes; the Lease says every ten
seconds that the node lives (KEP-589). Both run on shared timers: a thousand simulated nodes cost no task.

Neighbours: node has the objects, agent owns it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from dromon.api import times
from dromon.api.errors import ApiError
from dromon.api.kinds import LEASES, NODES
from dromon.api.types.coordination import Lease
from dromon.api.types.node import Node, NodeStatus
from dromon.base.backoff import Backoff
from dromon.base.clock import Clock
from dromon.client.rest import Client, ConnectionFailed
from dromon.kubelet.node import (
    LEASE_NAMESPACE,
    NodeFacts,
    lease_object,
    node_labels,
    node_object,
    node_status,
    same_status,
)
from dromon.kubelet.statuspatch import status_patch
from dromon.kubelet.timers import Timers

log = logging.getLogger(__name__)

LEASE_PERIOD = 10.0
STATUS_PERIOD = 10.0
STATUS_REPORT = 300.0


class Registration:
    """One node's objects.

    Args:
        facts: finds out what is true now.
        offset: 0 to 1, spreads many nodes' heartbeats over the period.
    """

    def __init__(
        self,
        client: Client,
        clock: Clock,
        timers: Timers,
        facts: Callable[[], Awaitable[NodeFacts]],
        *,
        labels: Mapping[str, str],
        provider_id: str = "",
        offset: float = 0.0,
    ) -> None:
        self._client, self._clock, self._timers, self._facts = client, clock, timers, facts
        self._labels, self._provider_id, self._offset = labels, provider_id, offset
        self._node: Node | None = None
        self._lease: Lease | None = None
        self._reported_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock = asyncio.Lock()

    async def register(self) -> Node:
        """Create the Node, or take the one that is there over; tries until it works."""
        backoff = Backoff(0.2, 10.0)
        while True:
            try:
                self._node = await self._register()
                self._reported_at = self._clock.monotonic()
                return self._node
            except (ApiError, ConnectionFailed) as error:
                log.warning("could not register the node", extra={"why": str(error)})
            await self._clock.sleep(backoff.next())

    async def _register(self) -> Node:
        facts = await self._facts()
        now = self._clock.now()
        try:
            return await self._client.create(NODES, node_object(facts, self._labels, self._provider_id, now))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
        node = await self._client.get(NODES, facts.name)
        labels = node_labels(facts, self._labels)
        if any(node.metadata.labels.get(k) != v for k, v in labels.items()):
            node = await self._client.patch(NODES, facts.name, "", {"metadata": {"labels": labels}})
        return await self._write(node, node_status(facts, node.status, now))

    def start(self) -> None:
        """Begin to send heartbeats."""
        self._beat()
        self._timers.at((self, "status"), STATUS_PERIOD * (1 + self._offset), self._tick)

    async def close(self) -> None:
        """Stop them."""
        for key in ("lease", "status"):
            self._timers.cancel((self, key))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def seen(self, node: Node) -> None:
        """A watch shows the node."""
        self._node = node

    async def report(self) -> None:
        """Write the status if it changed, or if it was not written for long."""
        async with self._lock:
            node = self._node
            if node is None:
                return
            facts = await self._facts()
            status = node_status(facts, node.status, self._clock.now())
            old = self._clock.monotonic() - self._reported_at >= STATUS_REPORT
            if old or not same_status(status, node.status):
                try:
                    self._node = await self._write(node, status)
                    self._reported_at = self._clock.monotonic()
                except ApiError as error:
                    if error.code == 404:
                        log.warning("the node is gone from the API, registering again")
                        self._node = await self._register()
                    else:
                        raise

    async def _write(self, node: Node, status: NodeStatus) -> Node:
        patch = status_patch(node.status, status)
        if not patch:
            return node
        return await self._client.patch(
            NODES, node.metadata.name, "", {"status": patch}, kind="strategic", subresource="status"
        )

    def _tick(self) -> None:
        self._timers.at((self, "status"), STATUS_PERIOD, self._tick)
        self._spawn(self.report())

    def _beat(self) -> None:
        first = self._lease is None
        period = LEASE_PERIOD * (1 - self._offset / 2) if first else LEASE_PERIOD
        self._timers.at((self, "lease"), period, self._beat)
        self._spawn(self._renew())

    def _spawn(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except (ApiError, ConnectionFailed) as error:
                log.warning("heartbeat failed", extra={"why": str(error)})
            except Exception:
                log.exception("heartbeat failed")

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _renew(self) -> None:
        """Renew the Lease, making it if it is missing."""
        node = self._node
        if node is None:
            return
        now = self._clock.now()
        for _ in range(3):
            try:
                if self._lease is None:
                    made = lease_object(node.metadata.name, node.metadata.uid, now)
                    self._lease = await self._client.create(LEASES, made)
                else:
                    spec = msgspec.structs.replace(self._lease.spec, renew_time=times.micro(now))
                    renewed = msgspec.structs.replace(self._lease, spec=spec)
                    self._lease = await self._client.update(LEASES, renewed)
                return
            except ApiError as error:
                if error.reason == "AlreadyExists" or error.code == 409:
                    self._lease = await self._client.get(LEASES, node.metadata.name, LEASE_NAMESPACE)
                elif error.code == 404 and self._lease is not None:
                    self._lease = None
                else:
                    raise
