"""The Docker runtime: calls by the docker package in a bounded thread pool, streams on asyncio.

Inspections are cached until an event says that the container changed, so that looking at a pod costs one
request. Container deaths arrive as events; nothing polls.

Neighbours: docker_config translates, docker_stream streams; interface.Runtime is what it implements.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from dromon.base.backoff import Backoff
from dromon.kubelet.runtime import docker_config as conf
from dromon.kubelet.runtime.docker_calls import DockerCalls, default_host
from dromon.kubelet.runtime.docker_stream import DockerSession, Endpoint, frames
from dromon.kubelet.runtime.interface import (
    Container,
    ContainerGone,
    ContainerSpec,
    ExecResult,
    Image,
    ImageMissing,
    LogOptions,
    PullFailed,
    RuntimeFailure,
    SandboxSpec,
    Usage,
)

log = logging.getLogger(__name__)

STOP_POLL = 1.0
"""Seconds between looks at a stopping container, should its event be missed."""


class DockerRuntime:
    """Containers of one node on a Docker daemon.

    Args:
        cluster: identity of the node's root directory; only containers with this label exist for us.
        node: name of the node, for people who look at labels.
        pause_image: what sandboxes run.
        host: the daemon's URL; "" for DOCKER_HOST or the default socket.
        oom_floor: the lowest oom_score_adj that the machine allows.
    """

    scheme = "docker"

    def __init__(
        self, cluster: str, node: str, pause_image: str, host: str = "", oom_floor: int = -1000
    ) -> None:
        self._cluster, self._node, self._pause = cluster, node, pause_image
        self._oom_floor = oom_floor
        self._host = host or default_host()
        self._endpoint = Endpoint(self._host)
        self._calls = DockerCalls(self._host)
        self._known: dict[str, Container] = {}
        self._signals: dict[str, str] = {}
        self._on_change: Callable[[str], None] = lambda uid: None
        self._exits: dict[str, set[asyncio.Event]] = {}
        self._events: asyncio.Task[None] | None = None
        self._down = ""

    async def connect(self, on_change: Callable[[str], None]) -> None:
        self._on_change = on_change
        await self._calls.connect()
        self._events = asyncio.get_running_loop().create_task(self._watch(), name="docker-events")

    async def close(self) -> None:
        if self._events is not None:
            self._events.cancel()
            await asyncio.gather(self._events, return_exceptions=True)
        self._calls.close()

    async def check(self) -> str:
        return self._down

    async def version(self) -> str:
        return "docker://" + str((await self._calls.call("version"))["Version"])

    # Images

    async def images(self) -> list[Image]:
        return [
            Image(i["Id"], (*(i.get("RepoTags") or ()), *(i.get("RepoDigests") or ())), int(i["Size"]))
            for i in await self._calls.call("images")
        ]

    async def image(self, reference: str) -> Image | None:
        try:
            return conf.image_of(await self._calls.call("inspect_image", reference))
        except ContainerGone:
            return None

    async def pull(self, reference: str, credentials: Mapping[str, str] | None = None) -> Image:
        repository, tag = conf.split_reference(reference)
        try:
            await self._calls.pull(repository, tag, dict(credentials) if credentials else None)
        except RuntimeFailure as error:
            raise PullFailed(str(error)) from error
        image = await self.image(reference)
        if image is None:
            raise PullFailed(f"{reference} was pulled but is not there")
        return image

    async def import_image(self, tar: bytes, reference: str, changes: tuple[str, ...]) -> None:
        """Make an image of a root file system (a tar archive) with Dockerfile instructions."""
        repository, tag = conf.split_reference(reference)
        await self._calls.call(
            "import_image_from_data", tar, repository=repository, tag=tag, changes=list(changes)
        )

    # Containers

    async def list(self, pod_uid: str = "") -> list[Container]:
        labels = [f"{conf.CLUSTER}={self._cluster}"]
        if pod_uid:
            labels.append(f"{conf.UID}={pod_uid}")
        rows = await self._calls.call("containers", all=True, filters={"label": labels})
        result = []
        for row in rows:
            with contextlib.suppress(ContainerGone):
                result.append(await self._inspect(row["Id"], row["State"]))
        return result

    async def _inspect(self, container_id: str, state: str) -> Container:
        """The container, from the cache when it is still in the state that the daemon's list says."""
        known = self._known.get(container_id)
        if known is not None and (known.state.value == state or (known.finished_at and state == "created")):
            return known
        inspection = await self._calls.call("inspect_container", container_id)
        container = conf.container_of(inspection)
        self._known[container_id] = container
        self._signals[container_id] = inspection["Config"].get("StopSignal") or "SIGTERM"
        return container

    async def run_sandbox(self, spec: SandboxSpec) -> Container:
        name = conf.container_name(spec.pod, "", spec.attempt)
        request = conf.sandbox_request(spec, self._pause, self._cluster, self._node, self._oom_floor)
        container_id = await self._create(name, request)
        try:
            await self._calls.call("start", container_id)
        except RuntimeFailure:
            await self.remove(container_id)
            raise
        return await self._inspect(container_id, "running")

    async def create(self, spec: ContainerSpec) -> str:
        name = conf.container_name(spec.pod, spec.name, spec.attempt)
        return await self._create(
            name, conf.container_request(spec, self._cluster, self._node, self._oom_floor)
        )

    async def _create(self, name: str, request: dict[str, Any]) -> str:
        """Create by name; a dead leftover of ours with that name makes way."""
        for last in (False, True):
            try:
                return str((await self._calls.call("create_container_from_config", request, name))["Id"])
            except ContainerGone as error:
                raise ImageMissing(str(error)) from error
            except RuntimeFailure as error:
                if last or "is already in use" not in str(error):
                    raise
            left = await self._calls.call("inspect_container", name)
            if left["State"]["Running"] or left["Config"]["Labels"].get(conf.CLUSTER) != self._cluster:
                raise RuntimeFailure(f"the container name {name} is in use by {left['Id'][:12]}")
            await self.remove(left["Id"])
        raise AssertionError("unreachable")

    async def start(self, container_id: str) -> None:
        self._known.pop(container_id, None)
        await self._calls.call("start", container_id)

    async def stop(self, container_id: str, grace: float, signal: str = "") -> None:
        ended = asyncio.Event()
        self._exits.setdefault(container_id, set()).add(ended)
        try:
            loop = asyncio.get_running_loop()
            deadline = loop.time() + grace
            if not await self._signal(container_id, signal or self._signals.get(container_id, "SIGTERM")):
                return
            while (left := deadline - loop.time()) > 0:
                if await self._ended(container_id, ended, min(left, STOP_POLL)):
                    return
            await self._signal(container_id, "SIGKILL")
            while not await self._ended(container_id, ended, STOP_POLL):
                log.warning("container does not die", extra={"container": container_id[:12]})
        finally:
            self._known.pop(container_id, None)
            waiting = self._exits.get(container_id, set())
            waiting.discard(ended)
            if not waiting:
                self._exits.pop(container_id, None)

    async def _signal(self, container_id: str, signal: str) -> bool:
        """Whether it was running and got the signal."""
        try:
            await self._calls.call("kill", container_id, signal)
        except ContainerGone:
            return False
        except RuntimeFailure as error:
            if "is not running" in str(error):
                return False
            raise
        return True

    async def _ended(self, container_id: str, ended: asyncio.Event, wait: float) -> bool:
        try:
            async with asyncio.timeout(wait):
                await ended.wait()
            return True
        except TimeoutError:
            pass
        try:
            return not (await self._calls.call("inspect_container", container_id))["State"]["Running"]
        except ContainerGone:
            return True

    async def remove(self, container_id: str) -> None:
        with contextlib.suppress(ContainerGone):
            try:
                await self._calls.call("remove_container", container_id, force=True, v=True)
            except RuntimeFailure as error:
                if "already in progress" not in str(error):
                    raise
        self._known.pop(container_id, None)
        self._signals.pop(container_id, None)

    # Streams

    async def exec(self, container_id: str, command: tuple[str, ...], limit: int = 16_384) -> ExecResult:
        session = await self.open_exec(container_id, command, tty=False, stdin=False)
        output = b""
        try:
            while (frame := await session.read()) is not None:
                output = (output + frame[1])[:limit]
            return ExecResult(await session.exit_code(), output)
        finally:
            await session.close()

    async def open_exec(
        self, container_id: str, command: tuple[str, ...], *, tty: bool, stdin: bool
    ) -> DockerSession:
        made = await self._calls.call("exec_create", container_id, [*command], tty=tty, stdin=stdin)
        exec_id = made["Id"]
        reader, writer = await self._endpoint.open(
            "POST", f"/exec/{exec_id}/start", {"Detach": False, "Tty": tty}, hijack=True
        )

        async def resize(width: int, height: int) -> None:
            await self._calls.call("exec_resize", exec_id, height=height, width=width)

        async def exit_code() -> int:
            for _ in range(50):
                seen = await self._calls.call("exec_inspect", exec_id)
                if not seen["Running"] and seen["ExitCode"] is not None:
                    return int(seen["ExitCode"])
                await asyncio.sleep(0.05)
            return 137

        return DockerSession(reader, writer, tty=tty, resize=resize, exit_code=exit_code)

    async def open_attach(self, container_id: str, *, tty: bool, stdin: bool) -> DockerSession:
        query = urlencode({"stream": 1, "stdin": int(stdin), "stdout": 1, "stderr": 1})
        reader, writer = await self._endpoint.open(
            "POST", f"/containers/{container_id}/attach?{query}", hijack=True
        )

        async def resize(width: int, height: int) -> None:
            await self._calls.call("resize", container_id, height=height, width=width)

        async def exit_code() -> int:
            return 0

        return DockerSession(reader, writer, tty=tty, resize=resize, exit_code=exit_code)

    async def logs(self, container_id: str, options: LogOptions) -> AsyncIterator[bytes]:
        inspection = await self._calls.call("inspect_container", container_id)
        query: dict[str, Any] = {
            "stdout": 1,
            "stderr": 1,
            "tail": "all" if options.tail is None else options.tail,
        }
        if options.follow:
            query["follow"] = 1
        if options.timestamps:
            query["timestamps"] = 1
        if options.since is not None:
            query["since"] = f"{options.since:.9f}"
        target = f"/containers/{quote(container_id)}/logs?{urlencode(query)}"
        reader, writer = await self._endpoint.open("GET", target)
        left = options.limit_bytes
        try:
            async for _, data in frames(reader, bool(inspection["Config"]["Tty"])):
                if left is not None:
                    data = data[:left]
                    left -= len(data)
                yield data
                if left == 0:
                    return
        finally:
            writer.close()

    async def usage(self, container_id: str) -> Usage | None:
        try:
            stats = await self._calls.call("stats", container_id, stream=False, one_shot=True)
            memory = stats["memory_stats"]
            idle = memory.get("stats", {}).get(
                "total_inactive_file", memory.get("stats", {}).get("inactive_file", 0)
            )
            return Usage(
                int(stats["cpu_stats"]["cpu_usage"]["total_usage"]), int(memory["usage"]) - int(idle)
            )
        except (RuntimeFailure, KeyError):
            return None

    # Events

    async def _watch(self) -> None:
        """Follow the daemon's events; after a break, say that anything may have changed."""
        backoff = Backoff(0.5, 10.0)
        wanted = {"label": [f"{conf.CLUSTER}={self._cluster}"], "type": ["container"]}
        while True:
            # The daemon answers before it listens: a second of the past closes the gap.
            query = {"filters": json.dumps(wanted), "since": int(time.time()) - 1}
            target = "/events?" + urlencode(query)
            try:
                async for event in self._endpoint.lines(target, self._missed):
                    self._down = ""
                    backoff.reset()
                    self._event(event)
                self._down = "the event stream of the Docker daemon ended"
            except RuntimeFailure as error:
                self._down = str(error)
            except Exception as error:  # whatever it is, deaths must not go unnoticed from now on
                self._down = f"the event stream of the Docker daemon broke: {error!r}"
            log.warning("lost the Docker daemon", extra={"why": self._down})
            await asyncio.sleep(backoff.next())
            with contextlib.suppress(RuntimeFailure):
                await self._calls.call("ping")
                self._down = ""

    def _missed(self) -> None:
        self._known.clear()
        self._on_change("")

    def _event(self, event: Mapping[str, Any]) -> None:
        action = str(event.get("Action", ""))
        if action not in ("die", "start", "destroy", "stop", "oom", "restart", "pause", "unpause"):
            return
        container_id = event["Actor"]["ID"]
        self._known.pop(container_id, None)
        if action in ("die", "destroy"):
            for waiting in self._exits.get(container_id, ()):
                waiting.set()
        uid = event["Actor"]["Attributes"].get(conf.UID, "")
        if uid:
            self._on_change(uid)
