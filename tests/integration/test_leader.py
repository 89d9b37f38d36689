"""Two real schedulers and one lease: a leader that was stopped does nothing when it goes on, and says so."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from msgspec import convert

from dromon.api.kinds import EVENTS, LEASES, NODES, PODS
from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.apiserver.server import ApiServer
from dromon.base import pki
from dromon.base.http.messages import Reply, Request
from dromon.client.rest import Client
from dromon.testing.apiserver import RunningApiServer, running_apiserver

TIMES = {"lease-duration": "3s", "renew-deadline": "2s", "retry-period": "400ms"}
ELECTION = "dromon/kube-scheduler/leader-election"


@dataclass(frozen=True)
class Seen:
    """A request that reached the server."""

    user: str
    agent: str
    method: str
    path: str

    @property
    def acts(self) -> bool:
        """Whether it is the scheduler's work, and not its election."""
        return self.method not in ("GET", "HEAD") and self.agent != ELECTION


class Scheduler:
    """A scheduler's process, and who it is to the server."""

    def __init__(self, process: asyncio.subprocess.Process, user: str) -> None:
        self.process = process
        self.user = user

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)


class Scene:
    """The server, what reached it, and a stream of pods that want nodes."""

    def __init__(self, api: RunningApiServer, client: Client, logs: Path) -> None:
        self.api = api
        self.client = client
        self.seen: list[Seen] = []
        self.logs = logs
        self.trap: Scheduler | None = None

    async def start(self, name: str) -> Scheduler:
        user = f"system:kube-scheduler:{name}"
        with (self.logs / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "dromon", "scheduler"),
                *("--kubeconfig", str(self.api.kubeconfig_for(user, ("system:masters",)))),
                *("--bind-concurrency", "1"),  # so that more waits to be written whenever it is stopped
                *(f"--leader-elect-{flag}={value}" for flag, value in TIMES.items()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return Scheduler(process, user)

    async def node(self) -> None:
        await self.client.create(NODES, convert({"metadata": {"name": "big"}}, Node))
        room = {"cpu": "1000", "memory": "1000Gi", "pods": "100000"}
        status = {"status": {"allocatable": room, "capacity": room}}
        await self.client.patch(NODES, "big", "", status, subresource="status")

    async def feed(self) -> None:
        number = 0
        while True:
            number += 1
            pod = {"metadata": {"name": f"p{number}", "namespace": "default"}}
            await self.client.create(
                PODS, convert({**pod, "spec": {"containers": [{"name": "c", "image": "i"}]}}, Pod)
            )
            if number % 50 == 0:
                await asyncio.sleep(0.2)

    async def holder(self) -> str:
        found = (await self.client.list(LEASES, "kube-system")).items
        return next((lease.spec.holder_identity or "" for lease in found), "")

    def arrived(self, seen: Seen) -> None:
        """Note a request; who walked into the trap is stopped in the middle of its work."""
        self.seen.append(seen)
        if self.trap is not None and seen.acts and seen.user == self.trap.user:
            self.trap.signal(signal.SIGSTOP)
            self.trap = None

    def acting(self, since: int) -> set[str]:
        return {seen.user for seen in self.seen[since:] if seen.acts}


async def until(true: Callable[[], Any], what: str) -> None:
    """Wait for other processes, whose clock can't be injected."""
    try:
        async with asyncio.timeout(60):
            while not true():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"not within 60 s: {what}")


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    scenes: list[Scene] = []
    handle = ApiServer._handle

    async def recording(server: ApiServer, request: Request) -> Reply:
        user = pki.subject(request.certificate)[0] if request.certificate else ""
        if "scheduler" in user:
            scenes[0].arrived(Seen(user, request.headers.get("user-agent"), request.method, request.path))
        return await handle(server, request)

    monkeypatch.setattr(ApiServer, "_handle", recording)
    async with running_apiserver() as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))
        made = Scene(api, client, tmp_path)
        scenes.append(made)
        await made.node()
        feed = asyncio.create_task(made.feed())
        try:
            yield made
        finally:
            feed.cancel()
            await asyncio.gather(feed, return_exceptions=True)
            await client.close()


@pytest.fixture
async def two(scene: Scene) -> AsyncIterator[tuple[Scheduler, Scheduler]]:
    made = await scene.start("one"), await scene.start("two")
    try:
        yield made
    finally:
        for scheduler in made:
            with contextlib.suppress(ProcessLookupError):
                scheduler.process.kill()
            await scheduler.process.wait()


async def test_a_stopped_leader_writes_nothing_when_it_goes_on(
    scene: Scene, two: tuple[Scheduler, Scheduler]
) -> None:
    for _ in range(2):
        since = len(scene.seen)
        await until(lambda since=since: len(scene.acting(since)) == 1, "one of them schedules")
        (user,) = scene.acting(since)
        leader, other = two if user == two[0].user else two[::-1]
        scene.trap = leader
        await until(lambda: scene.trap is None, "it is stopped while it writes")
        since = len(scene.seen)
        await until(lambda since=since, user=other.user: user in scene.acting(since), "the other takes over")
        since = len(scene.seen)
        leader.signal(signal.SIGCONT)
        # It is heard of again: it looks at the lease, as one who waits does.
        await until(
            lambda since=since, user=user: (
                sum(s.user == user and s.path.endswith("/kube-scheduler") for s in scene.seen[since:]) >= 3
            ),
            "the stopped one stands by",
        )
        wrote = [seen for seen in scene.seen[since:] if seen.user == user and seen.acts]
        assert wrote == []
        assert scene.acting(since) == {other.user}


async def test_a_leader_that_ends_gives_the_lease_back(
    scene: Scene, two: tuple[Scheduler, Scheduler]
) -> None:
    await until(lambda: scene.acting(0), "one of them schedules")
    (user,) = scene.acting(0)
    leader, other = two if user == two[0].user else two[::-1]
    held = await scene.holder()
    leader.signal(signal.SIGTERM)
    assert await leader.process.wait() == 0
    since = len(scene.seen)
    await until(lambda: scene.acting(since) == {other.user}, "the other takes over")
    assert await scene.holder() not in ("", held)
    released = [s for s in scene.seen if s.user == user and s.method == "PUT" and "leases" in s.path]
    assert released, "renewals, and the last one gave it back"
    events = (await scene.client.list(EVENTS, "kube-system", fields="reason=LeaderElection")).items
    assert {event.message.split()[-2] for event in events} == {"became"}
    assert {event.involved_object.name for event in events} == {"kube-scheduler"}
    assert {event.source.component for event in events} == {"kube-scheduler"}
