"""Take each part away in turn, under a running workload, and say what that did to it.

Neighbours: cluster does it, observe counts, __main__ prints the table.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from dromon.client.rest import Client, ConnectionFailed
from dromon.testing.ha.cluster import PATIENCE, Cluster, until
from dromon.testing.ha.observe import Jobs, Traffic

REPLICAS = 12
QUORUM_LIMIT = 10.0
"""Seconds within which a request must be refused while etcd has no majority."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: was done.
        seen: what was measured.
        asked: what was asked for.
        good: whether it was reached.
    """

    what: str
    seen: str
    asked: str
    good: bool


class Scenario:
    """See the module.

    Args:
        cluster: that is up and ready.
        client: of an administrator, for all servers.
        say: takes a line whenever something is done.
        timed: judge by seconds, too; a test on a loaded machine must not.
    """

    def __init__(self, cluster: Cluster, client: Client, say: Callable[[str], None], timed: bool) -> None:
        self._cluster = cluster
        self._client = client
        self._say = say
        self._jobs = Jobs(client)
        self._traffic = Traffic(client)
        # Holders say that they stop before their lease runs out, which leaves time to begin.
        self._failover = cluster.spans.lease if timed else PATIENCE
        self._refusal = QUORUM_LIMIT if timed else PATIENCE

    async def run(self) -> AsyncIterator[Row]:
        """Carry everything out; a row as soon as it is known."""
        tasks = [asyncio.create_task(self._jobs.run()), asyncio.create_task(self._traffic.run())]
        try:
            await self._jobs.create("first", REPLICAS)
            await self._until("the first pods run", self._jobs.running)
            for step in (
                self.scheduler_killed,
                self.manager_killed,
                self.manager_paused,
                self.etcd_member_killed,
                self.majority_killed,
                self.servers_killed,
                self.in_the_end,
            ):
                async for row in step():
                    yield row
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def scheduler_killed(self) -> AsyncIterator[Row]:
        """Pods that are made after the leader's death get nodes from the other."""
        leader = await self._cluster.leader(self._client, "scheduler")
        async with self._taken(leader):
            seconds = await self._work("after-scheduler", self._jobs.placed)
            heir = await self._cluster.leader(self._client, "scheduler")
        yield self._moved(f"{leader} (leader) killed", f"pods placed by {heir}", seconds)

    async def manager_killed(self) -> AsyncIterator[Row]:
        """Pods that are asked for after the leader's death are made by the other."""
        leader = await self._cluster.leader(self._client, "controllers")
        async with self._taken(leader):
            seconds = await self._work("after-manager", self._jobs.made)
            heir = await self._cluster.leader(self._client, "controllers")
        yield self._moved(f"{leader} (leader) killed", f"pods made by {heir}", seconds)

    async def manager_paused(self) -> AsyncIterator[Row]:
        """A leader that is stopped in the middle of its work and goes on later makes nothing twice."""
        leader = await self._cluster.leader(self._client, "controllers")
        self._say(f"stopping {leader} while it makes pods")
        await self._jobs.create("paused", 10 * REPLICAS)
        self._cluster.pause(leader)
        try:
            seconds = await self._until("its pods are made", lambda: self._jobs.made("paused"))
            heir = await self._cluster.leader(self._client, "controllers")
        finally:
            self._say(f"{leader} goes on")
            self._cluster.go_on(leader)
        await asyncio.sleep(2 * self._cluster.spans.retry)
        await self._until("its pods have nodes", lambda: self._jobs.placed("paused"))
        surplus = self._jobs.surplus()
        seen = f"{heir} took over after {seconds:.1f} s, made twice: {surplus or 'nothing'}"
        yield Row(f"{leader} (leader) stopped, later resumed", seen, "nothing twice", not surplus)

    async def etcd_member_killed(self) -> AsyncIterator[Row]:
        """One member of three, and the one that hurts most."""
        leader = await self._cluster.etcd_leader()
        self._traffic.look()
        async with self._taken(leader):
            seconds = await self._work("after-etcd", self._jobs.placed)
            await asyncio.sleep(3)
        counts = self._traffic.look()
        yield Row(
            f"{leader} (etcd's leader) killed",
            f"{counts}; new pods placed in {seconds:.1f} s",
            "no request fails twice",
            counts.failed == 0 and counts.done > 0,
        )

    async def majority_killed(self) -> AsyncIterator[Row]:
        """Without a majority nothing may succeed, nor hang; with it back, all goes on."""
        gone = ("etcd-1", "etcd-2")
        for name in gone:
            self._say(f"killing {name}")
            self._cluster.kill(name)
        began = time.monotonic()
        try:
            servers = self._cluster.network.servers()
            asked = [self._refused(server, what) for server in servers for what in ("write", "read")]
            for row in await asyncio.gather(*asked):
                yield row
            # Long enough for both leaders to give up.
            await asyncio.sleep(max(0.0, began + self._cluster.spans.renew + 2 - time.monotonic()))
        finally:
            for name in gone:
                self._say(f"starting {name} again")
                self._cluster.start(name)
        self._traffic.look()

        async def served() -> bool:
            return self._traffic.look().done > 0

        back = await until("requests succeed again", served)
        seconds = await self._work("after-majority", self._jobs.placed)
        seen = f"requests served after {back:.1f} s, then new pods placed in {seconds:.1f} s"
        yield Row("both members back", seen, "full recovery", True)

    async def _refused(self, server: str, what: str) -> Row:
        path = "/api/v1/namespaces/default/configmaps"
        body = b'{"metadata":{"generateName":"lost-"}}' if what == "write" else b""
        async with self._cluster.client(server) as client:
            began = time.monotonic()
            try:
                answer = await client.raw(
                    "POST" if body else "GET",
                    path,
                    body=body,
                    headers={"Content-Type": "application/json"} if body else {},
                    timeout=PATIENCE,
                )
                code, after = str(answer.status), answer.headers.get("retry-after")
            except ConnectionFailed as error:
                code, after = str(error), ""
            seconds = time.monotonic() - began
        good = code in ("503", "504") and seconds <= self._refusal
        seen = f"{code} after {seconds:.1f} s" + (f", Retry-After {after}" if after else "")
        asked = f"503 or 504 within {self._refusal:g} s"
        return Row(f"two etcd members killed: {what} to {server}", seen, asked, good)

    async def servers_killed(self) -> AsyncIterator[Row]:
        """Each API server in turn: clients and components go on with the other."""
        for name in ("api-1", "api-2"):
            self._traffic.look()
            async with self._taken(name):
                seconds = await self._work(f"after-{name}", self._jobs.placed)
            counts = self._traffic.look()
            yield Row(
                f"{name} killed",
                f"{counts}; new pods placed in {seconds:.1f} s",
                "no request fails twice",
                counts.failed == 0 and counts.done > 0,
            )

    async def in_the_end(self) -> AsyncIterator[Row]:
        """What all of it left: every pod once, running, and everything in its place."""
        await self._until("all pods run", self._jobs.running)
        await self._cluster.ready()
        surplus = self._jobs.surplus()
        yield Row(
            "in the end", f"made twice: {surplus or 'nothing'}", "no pod made twice, all run", not surplus
        )

    @contextlib.asynccontextmanager
    async def _taken(self, name: str) -> AsyncIterator[None]:
        """Kill a machine's program, and start it again afterwards."""
        self._say(f"killing {name}")
        self._cluster.kill(name)
        try:
            yield
        finally:
            self._say(f"starting {name} again")
            self._cluster.start(name)
        if name.startswith("api-"):
            server = next(
                url for url in self._cluster.network.servers() if self._cluster.machine(name).address in url
            )
            async with self._cluster.client(server) as client:
                await until(f"{name} serves again", lambda: _healthy(client))
        elif name.startswith("etcd-"):
            await asyncio.sleep(2)  # it has to catch up before another one may go

    async def _work(self, name: str, done: Callable[[str], bool]) -> float:
        """Ask for pods; the seconds from now until the part of the cluster in question has done its work."""
        began = time.monotonic()
        await until("pods are asked for", lambda: self._asked(name))
        await self._until(f"the pods of {name}", lambda: done(name))
        return time.monotonic() - began

    async def _asked(self, name: str) -> bool:
        await self._jobs.create(name, REPLICAS)
        return True

    async def _until(self, what: str, true: Callable[[], bool]) -> float:
        async def check() -> bool:
            return true()

        return await until(what, check)

    def _moved(self, what: str, how: str, seconds: float) -> Row:
        limit = self._failover
        return Row(what, f"{how} after {seconds:.1f} s", f"within {limit:g} s", seconds <= limit)


async def _healthy(client: Client) -> bool:
    return (await client.raw("GET", "/readyz", timeout=2)).status == 200
