"""The hollow runtime by the clock, Docker's terms both ways, and the pause program."""

from __future__ import annotations

import asyncio
import io
import json
import os
import platform
import signal
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.pod_status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStatus,
    PodStatus,
)
from dromon.base.backoff import Backoff
from dromon.kubelet.pause import elf, image_tar
from dromon.kubelet.runtime import docker_config as conf
from dromon.kubelet.runtime.docker import DockerRuntime
from dromon.kubelet.runtime.docker_cleanup import stop_seconds
from dromon.kubelet.runtime.docker_stream import frames
from dromon.kubelet.runtime.hollow import HollowRuntime
from dromon.kubelet.runtime.interface import (
    Bind,
    ContainerGone,
    ContainerSpec,
    Limits,
    LogOptions,
    PodRef,
    Privileges,
    SandboxSpec,
    State,
)
from dromon.kubelet.timers import Timers
from dromon.testing.clock import FakeClock, settle

REF = PodRef("default", "web", "u1")


class Hollow:
    """A hollow runtime whose clock the test moves."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.timers = Timers(self.clock)
        self.runtime = HollowRuntime(self.clock, self.timers)
        self.changed: list[str] = []
        self.task = asyncio.ensure_future(self.timers.run())

    async def begin(self, init: bool = False, **annotations: str) -> str:
        await self.runtime.connect(self.changed.append)
        sandbox = await self.runtime.run_sandbox(SandboxSpec(REF, 0, "web"))
        script = {f"hollow.dromon.io/{k.replace('_', '-')}": v for k, v in annotations.items()}
        spec = ContainerSpec(REF, "c", 0, sandbox.id, "i", init=init, annotations=script)
        container_id = await self.runtime.create(spec)
        await self.runtime.start(container_id)
        return container_id

    async def state(self) -> tuple[State, int]:
        [run] = [c for c in await self.runtime.list("u1") if not c.is_sandbox]
        return run.state, run.exit_code


@pytest.fixture
async def hollow() -> Any:
    made = Hollow()
    await settle()
    yield made
    made.task.cancel()
    await asyncio.gather(made.task, return_exceptions=True)


async def test_a_hollow_container_runs_until_it_is_stopped(hollow: Hollow) -> None:
    container_id = await hollow.begin()
    await hollow.clock.advance(100_000)
    assert await hollow.state() == (State.RUNNING, 0)
    await hollow.runtime.stop(container_id, 30)
    assert await hollow.state() == (State.EXITED, 0)
    assert hollow.changed == ["u1"]
    await hollow.runtime.remove(container_id)
    with pytest.raises(ContainerGone):
        await anext(hollow.runtime.logs(container_id, LogOptions()))


async def test_annotations_script_a_hollow_life(hollow: Hollow) -> None:
    await hollow.begin(run_seconds="5", exit_code="3")
    await hollow.clock.advance(4.9)
    assert await hollow.state() == (State.RUNNING, 0)
    await hollow.clock.advance(0.2)
    assert await hollow.state() == (State.EXITED, 3)


async def test_hollow_init_containers_end_at_once(hollow: Hollow) -> None:
    await hollow.begin(init=True)
    await hollow.clock.advance(0)
    assert await hollow.state() == (State.EXITED, 0)


async def test_a_hollow_node_takes_up_what_the_api_says(hollow: Hollow) -> None:
    running = ContainerState(running=ContainerStateRunning(started_at="2023-11-14T22:00:00Z"))
    status = ContainerStatus(name="c", state=running, restart_count=2, container_id="hollow://abc", image="i")
    pod = Pod(
        metadata=ObjectMeta(name="web", namespace="default", uid="u1"),
        spec=PodSpec(),
        status=PodStatus(phase="Running", container_statuses=[status]),
    )
    hollow.runtime.adopt(pod)
    found = {c.name: c for c in await hollow.runtime.list("u1")}
    assert (found["c"].id, found["c"].attempt, found["c"].state) == ("abc", 2, State.RUNNING)
    assert found[""].state is State.RUNNING


def inspection(**state: Any) -> dict[str, Any]:
    labels = {
        conf.KIND: "container",
        conf.NAMESPACE: "default",
        conf.NAME: "web",
        conf.UID: "u1",
        conf.CONTAINER: "c",
        conf.ATTEMPT: "2",
        conf.SANDBOX: "s0",
    }
    full = {
        "Status": "exited", "Running": False, "ExitCode": 0, "Pid": 0, "Error": "", "OOMKilled": False,
        "StartedAt": "2023-11-14T22:13:20.123456789Z", "FinishedAt": "2023-11-14T22:13:21Z",
    }  # fmt: skip
    return {
        "Id": "abc",
        "Created": "2023-11-14T22:13:19Z",
        "Image": "sha256:1",
        "Config": {"Labels": labels, "Image": "i:1"},
        "State": {**full, **state},
    }


def test_docker_states() -> None:
    ended = conf.container_of(inspection(ExitCode=137, OOMKilled=True))
    assert (ended.state, ended.exit_code, ended.oom_killed, ended.attempt) == (State.EXITED, 137, True, 2)
    assert int(ended.started_at) == 1_700_000_000
    zero = "0001-01-01T00:00:00Z"
    made = conf.container_of(inspection(Status="created", StartedAt=zero, FinishedAt=zero))
    assert made.state is State.CREATED
    failed = conf.container_of(
        inspection(Status="created", StartedAt=zero, FinishedAt=zero, ExitCode=127, Error="no such file")
    )
    assert (failed.state, failed.error) == (State.EXITED, "no such file")
    assert failed.finished_at == failed.created_at


def test_a_container_joins_its_sandbox() -> None:
    spec = ContainerSpec(
        REF, "c", 1, "s0", "i:1", command=("sh",), binds=(Bind("/a:b", "/c", True, "rslave"),),
        limits=Limits(memory=64 << 20, oom_score_adj=-997), pid_mode="sandbox",
        privileges=Privileges(user="1:2", no_new_privileges=True),
    )  # fmt: skip
    request = conf.container_request(spec, "cluster", "node", oom_floor=0)
    host = request["HostConfig"]
    assert (host["NetworkMode"], host["IpcMode"], host["PidMode"]) == ("container:s0",) * 3
    assert (host["Memory"], host["MemorySwap"], host["OomScoreAdj"]) == (64 << 20, 64 << 20, 0)
    assert host["Mounts"][0]["Source"] == "/a:b"
    assert request["Entrypoint"] == ["sh"]
    assert "Cmd" not in request
    assert request["Labels"][conf.CLUSTER] == "cluster"
    assert conf.container_name(REF, "c", 1) == "k8s_c_web_default_u1_1"


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("busybox", ("busybox", "latest")),
        ("a/b:1", ("a/b", "1")),
        ("host:5000/a/b", ("host:5000/a/b", "latest")),
        ("host:5000/a/b:2", ("host:5000/a/b", "2")),
        ("a@sha256:" + "0" * 64, ("a", "sha256:" + "0" * 64)),
    ],
)
def test_image_references_are_split(reference: str, parts: tuple[str, str]) -> None:
    assert conf.split_reference(reference) == parts


async def test_dockers_stream_is_taken_apart() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data(b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err\x01\0\0\0\0\0\0\x09cut")
    reader.feed_eof()
    assert [f async for f in frames(reader, raw=False)] == [(1, b"out"), (2, b"err")]


def test_the_pause_image_holds_one_static_program() -> None:
    with tarfile.open(fileobj=io.BytesIO(image_tar("x86_64"))) as tar:
        [entry] = tar.getmembers()
        file = tar.extractfile(entry)
        assert file is not None
        assert (entry.name, entry.mode) == ("pause", 0o755)
        assert file.read() == elf("x86_64")
    with pytest.raises(KeyError):
        elf("pdp11")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program is for x86-64")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_pause_ends_on_a_signal_and_outlives_children(tmp_path: Path, number: signal.Signals) -> None:
    program = tmp_path / "pause"
    program.write_bytes(elf("x86_64"))
    program.chmod(0o755)
    with subprocess.Popen([program]) as process:
        os.kill(process.pid, signal.SIGCHLD)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        process.send_signal(number)
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("grace", "left", "seconds"),
    [("1", 20.0, 1), ("0", 20.0, 0), ("600", 20.0, 10), ("600", 2.5, 2), ("30", -1.0, 0), ("", 20.0, 10)],
)
def test_the_grace_at_a_clusters_end_is_bounded(grace: str, left: float, seconds: int) -> None:
    assert stop_seconds(grace, left) == seconds


async def test_no_event_ends_the_watch_for_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dromon.kubelet.runtime.docker.Backoff", lambda *limits: Backoff(0.001, 0.001))
    whole = {"Action": "die", "Actor": {"ID": "c", "Attributes": {conf.UID: "u"}}}
    answers = [{"Action": "die"}, whole]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.0 200 OK\r\n\r\n")
        if answers:
            writer.write(json.dumps(answers.pop(0)).encode() + b"\n")
        await writer.drain()
        writer.close()

    seen: asyncio.Queue[str] = asyncio.Queue()
    async with await asyncio.start_unix_server(serve, tmp_path / "d.sock"):
        runtime = DockerRuntime("cluster", "node", "pause", f"unix://{tmp_path}/d.sock")
        runtime._on_change = seen.put_nowait
        runtime._events = asyncio.create_task(runtime._watch())
        async with asyncio.timeout(10):
            assert [await seen.get() for _ in range(3)] == ["", "", "u"]
        await runtime.close()
