"""One pod on one node: observe, plan, act, report; again whenever something happens.

A worker is idle state, not a task: `trigger` starts a short-lived task that runs until nothing is new, so
that thousands of pods at rest cost nothing. Slow steps run beside it, one per key, and trigger it again.

Neighbours: agent makes workers and feeds them; plan and status decide, operations acts, probes watches.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Callable
from functools import partial

import msgspec

from dromon.api import times
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod
from dromon.api.types.pod_status import PodStatus
from dromon.kubelet import plan
from dromon.kubelet.context import NodeContext
from dromon.kubelet.memory import PodMemory
from dromon.kubelet.operations import Operations
from dromon.kubelet.probes import ProbeSet
from dromon.kubelet.records import group, lost_run
from dromon.kubelet.runtime.interface import Container, LogOptions, PodRef, RuntimeFailure, State
from dromon.kubelet.status import DONE, pod_status
from dromon.kubelet.view import CrashBackoff, Failure, Notes, View, is_sidecar

log = logging.getLogger(__name__)

OWN_CONDITIONS = frozenset({"PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady"})
LIST_RETRY = 2.0
"""Seconds before a runtime that failed to answer is asked again."""


class PodWorker:
    """Drives one pod.

    Args:
        on_done: called with the uid when nothing of the pod is left, here and in the API.
    """

    def __init__(self, context: NodeContext, pod: Pod, on_done: Callable[[str], None]) -> None:
        self._ctx = context
        self._memory = PodMemory(pod)
        self._operations = Operations(context, self._memory)
        self._on_done = on_done
        self._ops: dict[str, asyncio.Task[None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._dirty = False
        self._closed = False
        self._reported: PodStatus | None = None
        self._runs: dict[str, tuple[Container, ...]] = {}
        self._messages: dict[str, str] = {}
        self._lost: dict[str, Container] = {}
        self._ref = PodRef(pod.metadata.namespace, pod.metadata.name, pod.metadata.uid)
        self._probes = ProbeSet(
            context.prober,
            context.timers,
            context.clock,
            changed=self.trigger,
            unhealthy=self._unhealthy,
            address=self._address,
        )

    @property
    def pod(self) -> Pod:
        """As last seen in the API."""
        return self._memory.pod

    @property
    def reported(self) -> PodStatus:
        """The last status computed, the API's before there is one."""
        return self._reported or self.pod.status

    def runs(self, container: str) -> tuple[Container, ...]:
        """The runs of a container as last observed, newest first."""
        return self._runs.get(container, ())

    def now(self) -> float:
        """Seconds since the epoch by the node's clock."""
        return self._ctx.clock.now()

    def update(self, pod: Pod) -> None:
        """The API has a new state of the pod; what says no more than we told it needs no look."""
        before, self._memory.pod = self._memory.pod, pod
        seen = pod.status == self._reported and pod.spec == before.spec
        if not (seen and _same(pod.metadata, before.metadata)):
            self.trigger()

    def gone(self) -> None:
        """The API does not have the pod any more."""
        self._memory.gone = True
        self.trigger()

    def adopt(self, attached: bool) -> None:
        """The sandbox was there before us, and has its network."""
        self._memory.attached = attached

    def trigger(self) -> None:
        """Look at the pod soon."""
        self._dirty = True
        if self._task is None and not self._closed:
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Stop looking and acting; containers stay as they are."""
        self._closed = True
        self._probes.close()
        self._ctx.timers.cancel(self)
        tasks = [*self._ops.values(), *([self._task] if self._task else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def refresh_volumes(self) -> None:
        """Bring volumes that show API objects up to date."""
        if self._memory.mounts is not None and not self._memory.ending:
            await self._ctx.volumes.refresh(self.pod)

    def _address(self) -> str:
        if self.pod.spec.host_network:
            return self._ctx.host_ip
        return self._ctx.network.address(self.pod.metadata.uid) or ""

    async def _run(self) -> None:
        try:
            while self._dirty and not self._closed:
                self._dirty = False
                await self._sync()
        except RuntimeFailure as error:
            log.warning("could not look at pod", extra={"pod": self.pod.metadata.uid, "why": str(error)})
            self._ctx.timers.at(self, LIST_RETRY, self.trigger)
        except Exception:
            log.exception("pod worker failed", extra={"pod": self.pod.metadata.uid})
            self._ctx.timers.at(self, LIST_RETRY, self.trigger)
        finally:
            self._task = None
            if self._dirty and not self._closed:
                self.trigger()

    async def _sync(self) -> None:
        memory, ctx = self._memory, self._ctx
        busy = frozenset(self._ops)
        observed = await ctx.runtime.list(memory.pod.metadata.uid)
        now = ctx.clock.now()
        pod = self._base()
        wake = self._deadline(pod, now)
        runs = group(observed)
        await self._read_messages(pod, runs)
        self._add_lost(pod, runs, now)
        self._runs = {name: tuple(each) for name, each in runs.items()}
        self._watch(pod)  # first: what an adopted run's probes said before must count in its first status
        view = self._view(pod, observed, busy)
        status = pod_status(pod, view, now, host_ip=ctx.host_ip, scheme=ctx.runtime.scheme)
        self._report(pod, status)
        todo = plan.plan(pod, view, now)
        for action in todo.actions:
            self._launch(action)
        self._wake([w for w in (wake, todo.wake_at) if w is not None], now)
        if memory.gone and memory.finalized and not self._ops:
            self._forget()

    def _forget(self) -> None:
        """Nothing of the pod is left."""
        uid = self.pod.metadata.uid
        self._closed = True
        self._probes.close()
        self._ctx.timers.cancel(self)
        self._ctx.statuses.forget(uid)
        self._on_done(uid)

    def _base(self) -> Pod:
        """The pod with the status that was computed last, and with others' conditions as the API has them."""
        pod, reported = self._memory.pod, self._reported
        if reported is None or pod.status.phase in DONE:
            return pod
        foreign = [c for c in pod.status.conditions if c.type not in OWN_CONDITIONS]
        theirs = {c.type for c in foreign}
        own = [c for c in reported.conditions if c.type not in theirs]
        status = msgspec.structs.replace(reported, conditions=own + foreign)
        return msgspec.structs.replace(pod, status=status)

    def _deadline(self, pod: Pod, now: float) -> float | None:
        """When activeDeadlineSeconds ends; past it the pod has failed."""
        limit = pod.spec.active_deadline_seconds
        if limit is None or not pod.status.start_time or pod.status.phase in DONE:
            return None
        end = times.parse(pod.status.start_time) + limit
        if now < end:
            return end
        if self._memory.failure is None:
            text = "Pod was active on the node longer than the specified deadline"
            self._memory.failure = Failure("DeadlineExceeded", text)
            self._ctx.event(pod, "Normal", "DeadlineExceeded", text)
        return None

    async def _read_messages(self, pod: Pod, runs: dict[str, list[Container]]) -> None:
        """Attach to ended containers what they left as their termination message."""
        if self._ctx.files is None:
            return
        specs = {c.name: c for c in (*pod.spec.init_containers, *pod.spec.containers)}
        for name, each in runs.items():
            for i, run in enumerate(each):
                if run.state is not State.EXITED:
                    continue
                if run.id not in self._messages:
                    text = self._ctx.files.message(run.pod.uid, name, run.attempt)
                    spec = specs.get(name)
                    policy = spec.termination_message_policy if spec else ""
                    if not text and run.exit_code and policy == "FallbackToLogsOnError":
                        text = await self._last_words(run)
                    self._messages[run.id] = text
                each[i] = dataclasses.replace(run, message=self._messages[run.id])

    async def _last_words(self, run: Container) -> str:
        """The end of a container's log: at most 80 lines and 2048 bytes."""
        data = b""
        try:
            async for chunk in self._ctx.runtime.logs(run.id, LogOptions(tail=80)):
                data = (data + chunk)[-2048:]
        except RuntimeFailure:
            return ""
        return data.decode("utf-8", "replace")

    def _add_lost(self, pod: Pod, runs: dict[str, list[Container]], now: float) -> None:
        """Add runs that the API remembers and the runtime has lost (somebody removed the container)."""
        if pod.metadata.deletion_timestamp or self._memory.gone or pod.status.phase in DONE:
            return
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses):
            if any(r.attempt >= status.restart_count for r in runs.get(status.name, ())):
                self._lost.pop(status.name, None)
                continue
            record = self._lost.get(status.name) or lost_run(self._ref, status, now)
            if record is None or any(r.attempt >= record.attempt for r in runs.get(status.name, ())):
                self._lost.pop(status.name, None)
                continue
            self._lost[status.name] = record
            runs.setdefault(status.name, []).insert(0, record)

    def _view(self, pod: Pod, observed: list[Container], busy: frozenset[str]) -> View:
        memory = self._memory
        sandboxes = [c for c in observed if c.is_sandbox]
        sandboxes.sort(key=lambda c: (c.state is State.RUNNING, c.attempt, c.created_at), reverse=True)
        return View(
            sandboxes=tuple(sandboxes),
            containers=self._runs,
            notes={name: self._notes(name) for name in (*self._runs, *memory.blocked)},
            busy=busy,
            killing=memory.killing,
            mounted=memory.mounts is not None,
            attached=memory.attached,
            address=self._address(),
            blocked=memory.steps,
            gone=memory.gone,
            terminal=pod.status.phase in DONE,
            failure=memory.failure,
            released=memory.released,
            finalized=memory.finalized,
        )

    def _notes(self, name: str) -> Notes:
        memory = self._memory
        runs = self._runs.get(name)
        container_id = runs[0].id if runs else ""
        ready, started, condemned, grace = self._probes.results(container_id)
        return Notes(
            backoff=memory.backoff.get(name, CrashBackoff()),
            blocked=memory.blocked.get(name),
            container_id=container_id,
            ready=ready,
            started=started,
            condemned=condemned,
            condemned_grace=grace,
        )

    def _watch(self, pod: Pod) -> None:
        """Probe what runs; once the pod ends, give up slow starts and all probes but readiness."""
        memory = self._memory
        done = pod.status.phase in DONE
        memory.ending = bool(pod.metadata.deletion_timestamp or memory.gone or done or memory.failure)
        if memory.ending:
            for pull in memory.pulls.values():
                pull.cancel()
        running = []
        for spec in (*pod.spec.containers, *(c for c in pod.spec.init_containers if is_sidecar(c))):
            runs = self._runs.get(spec.name)
            if runs and runs[0].state is State.RUNNING:
                running.append((spec, runs[0]))
        self._probes.reconcile(running, self._was, readiness_only=memory.ending)

    def _was(self, run: Container) -> tuple[bool, bool]:
        """Whether the API has this very run as (ready, started)."""
        status = self._memory.pod.status
        for known in (*status.init_container_statuses, *status.container_statuses):
            if known.container_id == f"{self._ctx.runtime.scheme}://{run.id}":
                return known.ready, bool(known.started)
        return False, False

    def _report(self, pod: Pod, status: PodStatus) -> None:
        """Give the status to the writer, and tell of containers that begin to wait."""
        memory, ctx = self._memory, self._ctx
        before = {s.name: s for s in (*pod.status.init_container_statuses, *pod.status.container_statuses)}
        for now in (*status.init_container_statuses, *status.container_statuses):
            waiting = now.state.waiting
            old = before.get(now.name)
            if waiting is None or (old and old.state.waiting and old.state.waiting.reason == waiting.reason):
                continue
            if waiting.reason == "CrashLoopBackOff":
                text = f"Back-off restarting failed container {now.name} in pod "
                meta = pod.metadata
                text += f"{meta.name}_{meta.namespace}({meta.uid})"
                ctx.event(pod, "Warning", "BackOff", text, now.name)
            elif waiting.reason == "ImagePullBackOff":
                ctx.event(pod, "Normal", "BackOff", waiting.message, now.name)
        if status.phase in DONE and pod.status.phase not in DONE:
            self._dirty = True
        self._reported = status
        if pod.spec.containers and not memory.gone:
            ctx.statuses.set(memory.pod, status)

    def _launch(self, action: plan.Action) -> None:
        """Begin an action; one with the same key in flight goes on, but for a kill with less grace."""
        key = action.key
        before = self._ops.get(key)
        if before is not None:
            if not isinstance(action, plan.KillContainer):
                return
            before.cancel()
        if isinstance(action, plan.RemoveSandbox) and not self._memory.ending:
            text = "Pod sandbox changed, it will be killed and re-created."
            self._ctx.event(self.pod, "Normal", "SandboxChanged", text)
        task = self._ops[key] = asyncio.get_running_loop().create_task(self._operate(key, action))
        task.add_done_callback(partial(self._operated, key))

    async def _operate(self, key: str, action: plan.Action) -> None:
        try:
            await self._operations.run(action)
        except Exception:
            log.exception("operation failed", extra={"pod": self.pod.metadata.uid, "operation": key})
            await self._ctx.clock.sleep(LIST_RETRY)

    def _operated(self, key: str, task: asyncio.Task[None]) -> None:
        if self._ops.get(key) is task:
            del self._ops[key]
        self.trigger()

    def _wake(self, moments: list[float], now: float) -> None:
        if moments:
            self._ctx.timers.at(self, min(moments) - now + 0.001, self.trigger)
        else:
            self._ctx.timers.cancel(self)

    def _unhealthy(self, container: str, kind: str, message: str) -> None:
        text = f"{kind.capitalize()} probe failed: {message}"
        self._ctx.event(self.pod, "Warning", "Unhealthy", text, container)


def _same(new: ObjectMeta, old: ObjectMeta) -> bool:
    """Whether metadata differs in nothing but its version."""
    return msgspec.structs.replace(new, resource_version=old.resource_version) == old
