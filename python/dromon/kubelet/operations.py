"""Carries out the actions of a plan, one pod's at a time: the part with side effects.

Every failure ends as a remembered Blocked (what to show, when to try again) and an Event; nothing
is raised to the worker but bugs.

Neighbours: plan names the actions, memory keeps what happened, context has the seams.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging

from dromon.api.errors import ApiError
from dromon.api.kinds import PODS
from dromon.api.types.container import Container as Spec
from dromon.client.rest import ConnectionFailed
from dromon.kubelet import hosts, images, plan
from dromon.kubelet.context import NodeContext
from dromon.kubelet.env import ConfigError, Surroundings, environment
from dromon.kubelet.memory import PodMemory
from dromon.kubelet.network.interface import NetworkError
from dromon.kubelet.runtime.interface import (
    Bind,
    Container,
    Image,
    ImageMissing,
    PullFailed,
    RuntimeFailure,
    State,
)
from dromon.kubelet.spec import container_spec, file_binds, host_ports, sandbox_spec, volume_binds
from dromon.kubelet.view import CrashBackoff
from dromon.kubelet.volumes.interface import VolumeError

log = logging.getLogger(__name__)

CONFIG_RETRY = 2.0
"""Seconds before a wrongly configured container is tried again; doubles to CONFIG_RETRY_MAXIMUM."""

CONFIG_RETRY_MAXIMUM = 30.0
HOOK_TIMEOUT = 600.0
LEAST_GRACE = 2.0
"""Seconds that a container has for SIGTERM, however long its preStop hook took."""


class _Held(Exception):
    """A container can't be started now, and why is already remembered."""


class Operations:
    """The actions of one pod."""

    def __init__(self, context: NodeContext, memory: PodMemory) -> None:
        self._ctx, self._memory = context, memory

    async def run(self, action: plan.Action) -> None:
        """Carry out one action."""
        match action:
            case plan.MountVolumes():
                await self._mount()
            case plan.CreateSandbox():
                await self._create_sandbox(action)
            case plan.AttachNetwork():
                await self._attach(action.netns)
            case plan.RemoveSandbox():
                self._memory.attached = False
                await self._remove(action.id)
            case plan.StartContainer():
                await self._start(action)
            case plan.KillContainer():
                await self._kill(action)
            case plan.RemoveContainer():
                await self._remove(action.id)
            case plan.Release():
                await self._release()
            case plan.Finalize():
                await self._finalize()

    async def _mount(self) -> None:
        memory, ctx = self._memory, self._ctx
        try:
            memory.mounts = await ctx.volumes.mount(memory.pod)
            memory.steps.pop("volumes", None)
        except (VolumeError, ApiError, ConnectionFailed, OSError) as error:
            memory.block_step("volumes", "FailedMount", str(error), ctx.clock.now())
            ctx.event(memory.pod, "Warning", "FailedMount", str(error))

    async def _create_sandbox(self, action: plan.CreateSandbox) -> None:
        memory, ctx = self._memory, self._ctx
        name = hosts.hostname(memory.pod, ctx.hostname)
        try:
            sandbox = await ctx.runtime.run_sandbox(sandbox_spec(memory.pod, action.attempt, name))
            memory.steps.pop("sandbox", None)
        except RuntimeFailure as error:
            message = f"Failed to create pod sandbox: {error}"
            memory.block_step("sandbox", "FailedCreatePodSandBox", message, ctx.clock.now())
            ctx.event(memory.pod, "Warning", "FailedCreatePodSandBox", message)
            return
        await self._attach(sandbox.netns)

    async def _attach(self, netns: str) -> None:
        memory, ctx = self._memory, self._ctx
        pod = memory.pod
        try:
            if not pod.spec.host_network:
                await ctx.network.attach(pod.metadata.uid, netns, host_ports(pod))
            memory.attached = True
            memory.steps.pop("network", None)
        except NetworkError as error:
            message = f"Failed to set up the network of the pod's sandbox: {error}"
            memory.block_step("network", "FailedCreatePodSandBox", message, ctx.clock.now())
            ctx.event(pod, "Warning", "FailedCreatePodSandBox", message)

    async def _remove(self, container_id: str) -> None:
        try:
            await self._ctx.runtime.remove(container_id)
        except RuntimeFailure as error:
            log.warning("could not remove", extra={"container": container_id[:12], "why": str(error)})
            await self._ctx.clock.sleep(1.0)

    # Starting

    async def _start(self, action: plan.StartContainer) -> None:
        pod = self._memory.pod
        spec = next(c for c in [*pod.spec.init_containers, *pod.spec.containers] if c.name == action.name)
        with contextlib.suppress(_Held):
            image = await self._image(spec)
            container_id = await self._create(spec, action, image)
            await self._begin(spec, action, container_id)

    def _hold(self, spec: Spec, reason: str, message: str, *, config: bool = False) -> _Held:
        """Remember why the container can't be started."""
        memory, now = self._memory, self._ctx.clock.now()
        if config:
            memory.block(spec.name, reason, message, now, initial=CONFIG_RETRY, maximum=CONFIG_RETRY_MAXIMUM)
        else:
            memory.block(spec.name, reason, message, now)
        self._ctx.event(memory.pod, "Warning", "Failed", f"Error: {message}", spec.name)
        return _Held()

    async def _image(self, spec: Spec) -> Image:
        """The container's image by its pull policy."""
        ctx, memory, name = self._ctx, self._memory, spec.image
        if not images.valid_reference(name):
            message = f'Failed to apply default image tag "{name}": couldn\'t parse image name "{name}"'
            raise self._hold(spec, "InvalidImageName", message)
        policy = images.pull_policy(name, spec.image_pull_policy)
        try:
            found = await ctx.runtime.image(name)
        except RuntimeFailure as error:
            raise self._hold(
                spec, "ImageInspectError", f'Failed to inspect image "{name}": {error}'
            ) from None
        if found is not None and policy != "Always":
            text = f'Container image "{name}" already present on machine'
            ctx.event(memory.pod, "Normal", "Pulled", text, spec.name)
            return found
        if policy == "Never":
            message = f'Container image "{name}" is not present with pull policy of Never'
            ctx.event(memory.pod, "Warning", "ErrImageNeverPull", message, spec.name)
            raise self._hold(spec, "ErrImageNeverPull", message)
        return await self._pull(spec)

    async def _pull(self, spec: Spec) -> Image:
        ctx, memory, name = self._ctx, self._memory, spec.image
        ctx.event(memory.pod, "Normal", "Pulling", f'Pulling image "{name}"', spec.name)
        began = ctx.clock.monotonic()
        pull = asyncio.ensure_future(ctx.runtime.pull(name))
        memory.pulls[spec.name] = pull
        try:
            image = await pull
        except PullFailed as error:
            message = f'failed to pull image "{name}": {error}'
            ctx.event(memory.pod, "Warning", "Failed", message[0].upper() + message[1:], spec.name)
            ctx.event(memory.pod, "Warning", "Failed", "Error: ErrImagePull", spec.name)
            later = ("ImagePullBackOff", f'Back-off pulling image "{name}": {error}')
            memory.block(spec.name, "ErrImagePull", message, ctx.clock.now(), later=later)
            raise _Held from None
        except asyncio.CancelledError:
            if memory.ending and pull.cancelled():
                raise _Held from None
            raise
        finally:
            memory.pulls.pop(spec.name, None)
        took = ctx.clock.monotonic() - began
        text = f'Successfully pulled image "{name}" in {took:.3f}s. Image size: {image.size} bytes.'
        ctx.event(memory.pod, "Normal", "Pulled", text, spec.name)
        return image

    async def _create(self, spec: Spec, action: plan.StartContainer, image: Image) -> str:
        ctx, pod = self._ctx, self._memory.pod
        uid = pod.metadata.uid
        around = Surroundings(
            pod_ip=ctx.host_ip if pod.spec.host_network else ctx.network.address(uid) or "",
            host_ip=ctx.host_ip,
            services=ctx.services(pod.metadata.namespace),
            allocatable=ctx.capacity,
        )
        try:
            variables = await environment(pod, spec, around, ctx.sources)
            binds: tuple[Bind, ...] = ()
            if ctx.files is not None:
                binds = await asyncio.to_thread(self._binds, spec, action, variables, around.pod_ip)
            request = container_spec(
                pod,
                spec,
                attempt=action.attempt,
                sandbox=action.sandbox,
                image=image,
                environment=variables,
                binds=binds,
                memory_capacity=ctx.capacity.get("memory", 0),
            )
        except (ConfigError, ApiError, ConnectionFailed, OSError) as error:
            raise self._hold(spec, "CreateContainerConfigError", str(error), config=True) from None
        if self._memory.ending:
            raise _Held
        try:
            return await ctx.runtime.create(request)
        except ImageMissing as error:
            raise self._hold(spec, "CreateContainerError", str(error), config=True) from None
        except RuntimeFailure as error:
            raise self._hold(spec, "CreateContainerError", str(error)) from None

    def _binds(
        self, spec: Spec, action: plan.StartContainer, variables: dict[str, str], ip: str
    ) -> tuple[Bind, ...]:
        """Volumes and the node's own files. Blocks for some small files."""
        ctx, pod = self._ctx, self._memory.pod
        assert ctx.files is not None
        uid = pod.metadata.uid
        if pod.spec.host_network:
            with open("/etc/hosts", encoding="utf-8", errors="replace") as file:
                etc_hosts = file.read() + hosts.host_aliases(pod)
        else:
            etc_hosts = hosts.etc_hosts(pod, ip, hosts.hostname(pod, ctx.hostname), ctx.dns.domain)
        own = {
            "/etc/hosts": ctx.files.write(uid, "etc-hosts", etc_hosts),
            "/etc/resolv.conf": ctx.files.write(uid, "resolv.conf", hosts.resolv_conf(pod, ctx.dns)),
        }
        message = spec.termination_message_path or "/dev/termination-log"
        own[message] = ctx.files.make_message(uid, spec.name, action.attempt)
        return volume_binds(spec, self._memory.mounts or {}, variables) + file_binds(spec, own)

    async def _begin(self, spec: Spec, action: plan.StartContainer, container_id: str) -> None:
        """Start the made container and run its postStart hook."""
        ctx, memory = self._ctx, self._memory
        ctx.event(memory.pod, "Normal", "Created", f"Created container: {spec.name}", spec.name)
        memory.blocked.pop(spec.name, None)
        if action.finished_at:
            before = memory.backoff.get(spec.name, CrashBackoff())
            memory.backoff[spec.name] = before.next(action.finished_at, ctx.clock.now())
        try:
            await ctx.runtime.start(container_id)
        except RuntimeFailure as error:
            ctx.event(memory.pod, "Warning", "Failed", f"Error: {error}", spec.name)
            return
        ctx.event(memory.pod, "Normal", "Started", f"Started container {spec.name}", spec.name)
        handler = spec.lifecycle.post_start if spec.lifecycle else None
        if handler is None:
            return
        pod_ip = ctx.host_ip if memory.pod.spec.host_network else ctx.network.address(memory.pod.metadata.uid)
        run = await self._find(container_id)
        if run is None:
            return
        outcome = await ctx.prober.hook(handler, spec, run, pod_ip or "", HOOK_TIMEOUT)
        if not outcome.ok:
            text = f"PostStartHook failed: {outcome.message}"
            ctx.event(memory.pod, "Warning", "FailedPostStartHook", text, spec.name)
            await self._stop(container_id, plan.grace_period(memory.pod))

    async def _find(self, container_id: str) -> Container | None:
        try:
            runs = await self._ctx.runtime.list(self._memory.pod.metadata.uid)
        except RuntimeFailure:
            return None
        return next((r for r in runs if r.id == container_id and r.state is State.RUNNING), None)

    # Ending

    async def _kill(self, action: plan.KillContainer) -> None:
        ctx, memory = self._ctx, self._memory
        began = ctx.clock.monotonic()
        first = action.id not in memory.told
        memory.told.add(action.id)
        deadline = memory.killing[action.id] = ctx.clock.now() + action.grace
        try:
            if first:
                ctx.event(memory.pod, "Normal", "Killing", action.message, action.name)
                await self._pre_stop(action)
            spent = ctx.clock.monotonic() - began
            least = min(LEAST_GRACE, action.grace)
            await self._stop(action.id, max(action.grace - spent, least))
        finally:
            if memory.killing.get(action.id) == deadline:
                del memory.killing[action.id]

    async def _pre_stop(self, action: plan.KillContainer) -> None:
        ctx, pod = self._ctx, self._memory.pod
        every = [*pod.spec.init_containers, *pod.spec.containers]
        spec = next((c for c in every if c.name == action.name), None)
        handler = spec.lifecycle.pre_stop if spec and spec.lifecycle else None
        run = await self._find(action.id) if handler else None
        if spec is None or handler is None or run is None:
            return
        pod_ip = ctx.host_ip if pod.spec.host_network else ctx.network.address(pod.metadata.uid)
        outcome = await ctx.prober.hook(handler, spec, run, pod_ip or "", action.grace)
        if not outcome.ok:
            text = f"PreStopHook failed: {outcome.message}"
            ctx.event(pod, "Warning", "FailedPreStopHook", text, action.name)

    async def _stop(self, container_id: str, grace: float) -> None:
        try:
            await self._ctx.runtime.stop(container_id, grace)
        except RuntimeFailure as error:
            log.warning("could not stop", extra={"container": container_id[:12], "why": str(error)})
            await self._ctx.clock.sleep(1.0)

    async def _release(self) -> None:
        """Give back what the pod held of the node beyond its containers."""
        memory, ctx = self._memory, self._ctx
        uid = memory.pod.metadata.uid
        try:
            await ctx.network.detach(uid)
            await ctx.volumes.unmount(uid)
        except (NetworkError, VolumeError, OSError) as error:
            memory.block_step("volumes", "FailedUnmount", str(error), ctx.clock.now())
            log.warning("could not release", extra={"pod": uid, "why": str(error)})
            return
        memory.attached, memory.mounts = False, None
        memory.released = True

    async def _finalize(self) -> None:
        """Forget the pod, and delete its API object for good: nothing of it is left on the node."""
        memory, ctx = self._memory, self._ctx
        meta = memory.pod.metadata
        if ctx.files is not None:
            await asyncio.to_thread(ctx.files.remove, meta.uid)
        if not memory.gone:
            await ctx.statuses.flush(meta.uid)
            try:
                await ctx.client.delete(PODS, meta.name, meta.namespace, grace_period=0, uid=meta.uid)
            except ApiError as error:
                if error.code not in (404, 409):
                    memory.block_step("final", "FailedDelete", error.message, ctx.clock.now())
                    log.warning("could not delete", extra={"pod": meta.uid, "why": error.message})
                    return
            except ConnectionFailed as error:
                memory.block_step("final", "FailedDelete", str(error), ctx.clock.now())
                return
        memory.finalized = True
