"""A simulated runtime: containers that start, run and end by the clock, with no process behind them.

What becomes of a container is drawn by runtime.lives, unless its pod's annotations script it:

- hollow.dromon.io/start-seconds: how long a start takes.
- hollow.dromon.io/run-seconds: how long it runs before it ends (init containers: 0 unless drawn).
- hollow.dromon.io/exit-code: what it ends with.
- hollow.dromon.io/create-error: it can't be made, with this text.

Each may be given for one container: hollow.dromon.io/run-seconds.<container>.

Neighbours: interface.Runtime is what it implements; dromon.kubelet.hollow runs many nodes of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from functools import lru_cache

from dromon.api import times
from dromon.api.types.container import Container as Spec
from dromon.api.types.container import LifecycleHandler, Probe
from dromon.api.types.pod import Pod
from dromon.base.clock import Clock
from dromon.kubelet.probes import Outcome
from dromon.kubelet.runtime.interface import (
    Container,
    ContainerGone,
    ContainerSpec,
    ExecResult,
    Image,
    LogOptions,
    PodRef,
    RuntimeFailure,
    SandboxSpec,
    Session,
    State,
    Usage,
)
from dromon.kubelet.runtime.lives import STEADY, Life, Lives
from dromon.kubelet.timers import Timers

PREFIX = "hollow.dromon.io/"
NO_PROCESS = "hollow nodes run no processes"


def setting(annotations: Mapping[str, str], name: str, container: str) -> str:
    """A container's setting: its own, else the pod's, else ""."""
    return annotations.get(f"{PREFIX}{name}.{container}", annotations.get(PREFIX + name, ""))


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None


class HollowRuntime:
    """The simulated containers of one node.

    Args:
        timers: shared by the process; containers' ends are deadlines on it.
        lives: what becomes of containers whose pods say nothing; None: they start at once and run on.
    """

    scheme = "hollow"

    def __init__(self, clock: Clock, timers: Timers, lives: Lives | None = None) -> None:
        self._clock, self._timers = clock, timers
        self._draws = lives if lives is not None else Lives(STEADY, "")
        self._lives: dict[str, Life] = {}
        self._pulled: set[str] = set()
        self._pods: dict[str, dict[str, Container]] = {}
        self._where: dict[str, str] = {}
        self._specs: dict[str, ContainerSpec] = {}
        self._on_change: Callable[[str], None] = lambda uid: None

    async def connect(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change

    async def close(self) -> None:
        for container_id in self._where:
            self._timers.cancel((self, container_id))

    async def check(self) -> str:
        return ""

    async def version(self) -> str:
        return "hollow://1.0.0"

    async def images(self) -> list[Image]:
        return []

    async def image(self, reference: str) -> Image | None:
        return None if self._draws.pulls and reference not in self._pulled else _image(reference)

    async def pull(self, reference: str, credentials: Mapping[str, str] | None = None) -> Image:
        seconds = self._draws.pull()
        if seconds:
            await self._clock.sleep(seconds)
        self._pulled.add(reference)
        return _image(reference)

    async def list(self, pod_uid: str = "") -> list[Container]:
        if pod_uid:
            return [*self._pods.get(pod_uid, {}).values()]
        return [c for pod in self._pods.values() for c in pod.values()]

    def adopt(self, pod: Pod) -> None:
        """Simulate that a pod's containers outlived a restart of this process, as its status has them."""
        if pod.status.phase in ("Succeeded", "Failed"):
            return
        ref = PodRef(pod.metadata.namespace, pod.metadata.name, pod.metadata.uid)
        statuses = [*pod.status.init_container_statuses, *pod.status.container_statuses]
        if not any(s.container_id for s in statuses):
            return
        sandbox = self._sandbox(ref, 0)
        for status in statuses:
            running, ended = status.state.running, status.state.terminated or status.last_state.terminated
            run = Container(
                id=status.container_id.partition("://")[2],
                pod=ref,
                name=status.name,
                attempt=status.restart_count,
                state=State.RUNNING if running else State.EXITED,
                sandbox=sandbox.id,
                image=status.image,
                image_id=status.image_id.partition("://")[2],
            )
            if running is not None and running.started_at:
                since = times.parse(running.started_at)
                self._put(replace(run, created_at=since, started_at=since))
                self._lives[run.id] = self._draws.next()
                init = any(c.name == run.name for c in pod.spec.init_containers)
                spec = ContainerSpec(
                    ref, run.name, run.attempt, sandbox.id, run.image,
                    init=init, annotations=pod.metadata.annotations,
                )  # fmt: skip
                self._schedule_end(run.id, spec, self._clock.now() - since)
            elif ended is not None and run.id:
                finished = times.parse(ended.finished_at) if ended.finished_at else 0.0
                self._put(replace(run, exit_code=ended.exit_code, finished_at=finished))

    async def run_sandbox(self, spec: SandboxSpec) -> Container:
        return self._sandbox(spec.pod, spec.attempt)

    def _sandbox(self, pod: PodRef, attempt: int) -> Container:
        now = self._clock.now()
        container_id = _id(pod.uid, "", attempt)
        sandbox = Container(
            container_id, pod, "", attempt, State.RUNNING, now, now, netns=f"hollow:{container_id[:12]}"
        )
        self._put(sandbox)
        return sandbox

    async def create(self, spec: ContainerSpec) -> str:
        container_id = _id(spec.pod.uid, spec.name, spec.attempt)
        error = setting(spec.annotations, "create-error", spec.name)
        if error:
            raise RuntimeFailure(error)
        self._specs[container_id] = spec
        self._lives[container_id] = self._draws.next()
        self._put(
            Container(
                container_id,
                spec.pod,
                spec.name,
                spec.attempt,
                State.CREATED,
                self._clock.now(),
                sandbox=spec.sandbox,
                image=spec.image,
                image_id=_image(spec.image).id,
                hash=spec.hash,
                grace=spec.grace,
            )
        )
        return container_id

    async def start(self, container_id: str) -> None:
        spec = self._specs.pop(container_id, None)
        if spec is None:
            raise ContainerGone(f"no such container: {container_id}")
        delay = _seconds(setting(spec.annotations, "start-seconds", spec.name))
        if delay is None:
            delay = self._lives[container_id].start
        if delay:
            await self._clock.sleep(delay)
        self._put(replace(self._get(container_id), state=State.RUNNING, started_at=self._clock.now()))
        self._schedule_end(container_id, spec, 0.0)

    def _schedule_end(self, container_id: str, spec: ContainerSpec, age: float) -> None:
        drawn = self._lives.get(container_id)
        life = _seconds(setting(spec.annotations, "run-seconds", spec.name))
        if life is None and drawn is not None:
            life = drawn.run
        if life is None and spec.init:
            life = 0.0
        if life is None:
            return
        code = drawn.exit_code if drawn is not None else 0
        with contextlib.suppress(ValueError):
            code = int(setting(spec.annotations, "exit-code", spec.name) or code)
        self._timers.at((self, container_id), life - age, lambda: self.exit(container_id, code))

    def exit(self, container_id: str, code: int) -> None:
        """Let a running container end now."""
        if container_id not in self._where:
            return
        run = self._get(container_id)
        if run.state is State.RUNNING:
            ended = replace(run, state=State.EXITED, exit_code=code, finished_at=self._clock.now(), netns="")
            self._put(ended)
            self._timers.cancel((self, container_id))
            self._on_change(run.pod.uid)

    async def stop(self, container_id: str, grace: float, signal: str = "") -> None:
        if container_id in self._where:
            self.exit(container_id, 0)

    async def remove(self, container_id: str) -> None:
        uid = self._where.pop(container_id, None)
        self._timers.cancel((self, container_id))
        self._specs.pop(container_id, None)
        self._lives.pop(container_id, None)
        if uid is not None:
            pod = self._pods[uid]
            del pod[container_id]
            if not pod:
                del self._pods[uid]

    async def exec(self, container_id: str, command: tuple[str, ...], limit: int = 16_384) -> ExecResult:
        raise RuntimeFailure(NO_PROCESS)

    async def open_exec(
        self, container_id: str, command: tuple[str, ...], *, tty: bool, stdin: bool
    ) -> Session:
        raise RuntimeFailure(NO_PROCESS)

    async def open_attach(self, container_id: str, *, tty: bool, stdin: bool) -> Session:
        raise RuntimeFailure(NO_PROCESS)

    async def logs(self, container_id: str, options: LogOptions) -> AsyncIterator[bytes]:
        """Two lines at most, as the simulation knows them: when it began and when it ended."""
        run = self._get(container_id)
        lines = []
        if run.started_at:
            lines.append((run.started_at, f"hollow container {run.name} started, attempt {run.attempt}"))
        if run.state is State.EXITED:
            lines.append((run.finished_at, f"hollow container {run.name} ended with {run.exit_code}"))
        lines = [line for line in lines if options.since is None or line[0] >= options.since]
        if options.tail is not None:
            lines = lines[len(lines) - options.tail :] if options.tail else []
        data = b"".join(
            ((times.micro(at) + " " if options.timestamps else "") + text + "\n").encode()
            for at, text in lines
        )
        yield data[: options.limit_bytes]
        while (
            options.follow and container_id in self._where and self._get(container_id).state is State.RUNNING
        ):
            await self._clock.sleep(1.0)

    def ready_at(self, container_id: str) -> float:
        """From when on the container's readiness probe succeeds, seconds since the epoch."""
        run, life = self._get(container_id), self._lives.get(container_id)
        return run.started_at + (life.ready if life is not None else 0.0)

    async def usage(self, container_id: str) -> Usage | None:
        return Usage(0, 0)

    def _get(self, container_id: str) -> Container:
        uid = self._where.get(container_id)
        if uid is None:
            raise ContainerGone(f"no such container: {container_id}")
        return self._pods[uid][container_id]

    def _put(self, container: Container) -> None:
        self._where[container.id] = container.pod.uid
        self._pods.setdefault(container.pod.uid, {})[container.id] = container


class HollowProber:
    """Every probe of a simulated container is well, but for readiness before its time."""

    def __init__(self, clock: Clock, runtime: HollowRuntime) -> None:
        self._clock, self._runtime = clock, runtime

    async def probe(self, probe: Probe, spec: Spec, container: Container, pod_ip: str) -> Outcome:
        if probe is spec.readiness_probe and self._clock.now() < self._runtime.ready_at(container.id):
            return Outcome(False, "the simulated container is not ready yet")
        return Outcome(True)

    async def hook(
        self, handler: LifecycleHandler, spec: Spec, container: Container, pod_ip: str, seconds: float
    ) -> Outcome:
        await asyncio.sleep(0)
        return Outcome(True)


@lru_cache(maxsize=256)
def _image(reference: str) -> Image:
    return Image("sha256:" + hashlib.sha256(reference.encode()).hexdigest(), (reference,))


def _id(uid: str, name: str, attempt: int) -> str:
    return hashlib.sha256(f"{uid}/{name}/{attempt}".encode()).hexdigest()
