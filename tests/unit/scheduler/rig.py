"""A scheduler's loop with fakes around it, on a fake clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec

from dromon.scheduler.bind import Placement, Refused
from dromon.scheduler.classes import ClassCache
from dromon.scheduler.engine import open_engine
from dromon.scheduler.loop import Scheduler
from dromon.testing.clock import FakeClock, settle


class FakeBinder:
    """Notes placements; answers with what `refusals` has for the pod's name, or holds until `gate` is set."""

    def __init__(self) -> None:
        self.batch = 1
        self.placements: list[Placement] = []
        self.refusals: dict[str, Refused] = {}
        self.gate: asyncio.Event | None = None

    async def bind(self, placements: Sequence[Placement]) -> list[Refused | None]:
        if self.gate is not None:
            await self.gate.wait()
        self.placements += placements
        return [self.refusals.pop(p.name, None) for p in placements]

    @property
    def bound(self) -> dict[str, str]:
        return {p.name: p.node for p in self.placements}


class FakeConditions:
    """Keeps what is reported; news are news, as in the real one."""

    def __init__(self) -> None:
        self.reports: list[tuple[str, str, str]] = []
        self.settled: list[str] = []

    def report(self, queued, reason, message) -> bool:
        told = (reason, message, queued.nominated)
        if queued.reported == told:
            return False
        queued.reported = told
        self.reports.append((queued.pod.metadata.name, reason, message))
        return True

    async def settle(self, uid) -> None:
        self.settled.append(uid)


class FakeEvictor:
    """Notes victims, and whether each is wanted still."""

    def __init__(self) -> None:
        self.ended: list[str] = []
        self.wanted: list[object] = []

    def end(self, victim, wanted) -> None:
        self.ended.append(victim.metadata.name)
        self.wanted.append(wanted)


class FakeRecorder:
    def __init__(self) -> None:
        self.events: list[tuple[str, str, str]] = []

    def event(self, obj, type, reason, message) -> None:
        self.events.append((type, reason, message))


class Rig:
    """A scheduler with fakes around it; `pods` is what its informer would hold."""

    def __init__(self, engine: str, **options) -> None:
        self.clock = FakeClock()
        self.binder = FakeBinder()
        self.conditions = FakeConditions()
        self.evictor = FakeEvictor()
        self.recorder = FakeRecorder()
        self.engine = open_engine(engine, 1)
        self.pods: dict[str, object] = {}
        self.scheduler = Scheduler(
            name="default-scheduler",
            engine=self.engine,
            classes=ClassCache(self.engine, lambda namespace: ()),
            binder=self.binder,
            conditions=self.conditions,
            evictor=self.evictor,
            recorder=self.recorder,
            clock=self.clock,
            **options,
        )

    def see(self, *pods) -> None:
        """The informer sees these pods as they are now."""
        for pod in pods:
            self.scheduler.pod_changed(self.pods.get(pod.metadata.name), pod)
            self.pods[pod.metadata.name] = pod

    def lose(self, name: str) -> None:
        self.scheduler.pod_changed(self.pods.pop(name), None)

    def nodes(self, *nodes) -> None:
        for node in nodes:
            self.scheduler.node_changed(None, node)

    def nominated(self, name: str) -> str:
        """Where the pod waits for room, as its status was last reported."""
        return self.scheduler._queue.get(f"uid-{name}").reported[2]

    async def wait(self, seconds: float) -> None:
        """What is due now happens, then time passes."""
        await settle()
        await self.clock.advance(seconds)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.scheduler.run(bind_workers=4))
        try:
            await settle()
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def on(pod, node):
    """The pod, assigned."""
    return msgspec.structs.replace(pod, spec=msgspec.structs.replace(pod.spec, node_name=node))
