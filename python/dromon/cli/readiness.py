"""Wait until a cluster can be used: the API answers and all nodes are Ready.

Neighbours: cli.up prints what comes of it. Only the public API is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dromon.api import times
from dromon.api.errors import ApiError
from dromon.api.kinds import LEASES, NODES
from dromon.api.types.coordination import Lease
from dromon.api.types.node import Node
from dromon.client.rest import Client, ConnectionFailed

LEASE_NAMESPACE = "kube-node-lease"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a start is: `api` once the API answers; so many nodes of all are ready."""

    api: bool
    ready: int
    nodes: int

    @property
    def complete(self) -> bool:
        return self.api and self.ready >= self.nodes


async def wait(
    kubeconfig: Path, nodes: int, since: float, tell: Callable[[Progress], None], stop: Callable[[], bool]
) -> Progress:
    """Ask until the cluster is ready or `stop()`; `tell` is called at every change.

    Args:
        since: seconds since the epoch; older heartbeats don't count: a node that was Ready before the
            machine went down is not Ready yet.
    """
    client = Client.from_kubeconfig(kubeconfig, user_agent="dromon-up")
    progress = Progress(False, 0, nodes)
    try:
        while not stop():
            now = await _look(client, progress.api, nodes, since)
            if now != progress:
                progress = now
                tell(progress)
            if progress.complete:
                break
            await asyncio.sleep(0.02 if not progress.api else min(0.05 + nodes / 2000, 0.5))
    finally:
        await client.close()
    return progress


async def _look(client: Client, api: bool, nodes: int, since: float) -> Progress:
    try:
        if not api:
            answer = await client.raw("GET", "/readyz", timeout=5.0)
            return Progress(answer.status == 200, 0, nodes)
        found = (await client.list(NODES)).items
        leases = (await client.list(LEASES, LEASE_NAMESPACE)).items
    except (ApiError, ConnectionFailed):
        return Progress(api, 0, nodes)
    return Progress(True, count_ready(found, leases, since), nodes)


def count_ready(nodes: list[Node], leases: list[Lease], since: float) -> int:
    """How many nodes are Ready and gave a sign of life after `since`."""
    renewed = {
        lease.metadata.name: lease.spec.renew_time for lease in leases if lease.spec and lease.spec.renew_time
    }
    count = 0
    for node in nodes:
        condition = ready_condition(node)
        if condition is None or condition[0] != "True":
            continue
        signs = [sign for sign in (condition[1], renewed.get(node.metadata.name)) if sign]
        if any(times.parse(sign) >= since for sign in signs):
            count += 1
    return count


def ready_condition(node: Node) -> tuple[str, str | None] | None:
    """Status and last heartbeat of a node's Ready condition."""
    for condition in node.status.conditions if node.status else []:
        if condition.type == "Ready":
            return condition.status, condition.last_heartbeat_time
    return None


def started_at() -> float:
    """The present as heartbeats will show it: they have whole seconds."""
    return float(int(time.time()))
