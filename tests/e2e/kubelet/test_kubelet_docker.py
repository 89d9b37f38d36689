"""Restarts, exit codes, logs, exec and adoption of pods on real Docker."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path
from typing import Any

import pytest

from dromon.api.kinds import CONFIG_MAPS, EVENTS, NODES, PODS
from dromon.api.types.config import ConfigMap
from dromon.api.types.container import (
    ConfigMapEnvSource,
    Container,
    ContainerPort,
    EnvFromSource,
    ExecAction,
    HTTPGetAction,
    Lifecycle,
    LifecycleHandler,
    Probe,
    VolumeMount,
)
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod
from dromon.api.types.volume import EmptyDirVolumeSource, HostPathVolumeSource, Volume
from dromon.base.http.client import HttpClient
from dromon.base.http.websocket import connect
from dromon.kubelet.cleanup import cleanup

pytestmark = [pytest.mark.docker, pytest.mark.root]


async def test_a_killed_container_is_restarted_in_place(site: Any) -> None:
    await site.create("web", site.container("echo run; exec sleep 1000"))
    before = await site.running("web")
    site.docker("kill", site.container_id(before))
    after = await site.until("web", lambda p: site.restarts(p) == 1)
    after = await site.running("web")
    status = after.status.container_statuses[0]
    assert after.status.pod_ip == before.status.pod_ip
    assert after.metadata.uid == before.metadata.uid
    ended = status.last_state.terminated
    assert ended is not None
    assert ended.exit_code == 137
    assert ended.container_id == "docker://" + site.container_id(before)
    assert await site.log("web", "?previous=true") == "run\n"


async def test_exit_codes_decide_the_phase(site: Any) -> None:
    await site.create("well", site.container("exit 0"), restart_policy="Never")
    await site.create("ill", site.container("echo why >/dev/termination-log; exit 3"), restart_policy="Never")
    well = await site.until("well", lambda p: p.status.phase in ("Succeeded", "Failed"))
    ill = await site.until("ill", lambda p: p.status.phase in ("Succeeded", "Failed"))
    assert (well.status.phase, ill.status.phase) == ("Succeeded", "Failed")
    ended = ill.status.container_statuses[0].state.terminated
    assert ended is not None
    assert (ended.exit_code, ended.reason, ended.message) == (3, "Error", "why\n")
    assert await site.log("well") == ""


async def test_containers_share_localhost_and_an_empty_dir(site: Any) -> None:
    mount = [VolumeMount(name="content", mount_path="/content")]
    web = site.container(
        "exec httpd -f -p 8080 -h /content",
        "web",
        volume_mounts=mount,
        ports=[ContainerPort(name="http", container_port=8080)],
        readiness_probe=Probe(http_get=HTTPGetAction(path="/index.html", port="http"), period_seconds=1),
    )
    syncer = site.container(
        "echo synced >/content/index.html; until wget -qO- http://127.0.0.1:8080/index.html; do sleep 0.1; "
        "done; exec sleep 1000",
        "syncer",
        volume_mounts=mount,
    )
    await site.create("pair", web, syncer, volumes=[Volume(name="content", empty_dir=EmptyDirVolumeSource())])
    pod = await site.running("pair")
    for _ in range(100):
        if "synced" in await site.log("pair", "?container=syncer"):
            break
        await asyncio.sleep(0.05)
    assert await site.log("pair", "?container=syncer&tailLines=1") == "synced\n"
    client = HttpClient(pod.status.pod_ip, 8080)
    try:
        assert (await client.request("GET", "/index.html")).body == b"synced\n"
    finally:
        await client.close()


async def test_init_containers_run_first_and_a_config_map_may_come_late(site: Any) -> None:
    late = site.container("echo $GREETING; exec sleep 1000")
    late.env_from = [EnvFromSource(config_map_ref=ConfigMapEnvSource(name="late"))]
    init = site.container("echo init", "init")
    await site.create("late", late, init_containers=[init])
    pod = await site.until(
        "late",
        lambda p: any(
            s.state.waiting and s.state.waiting.reason == "CreateContainerConfigError"
            for s in p.status.container_statuses
        ),
    )
    assert site.condition(pod, "Initialized") == "True"
    assert await site.log("late", "?container=init") == "init\n"
    config = ConfigMap(metadata=ObjectMeta(name="late", namespace="default"), data={"GREETING": "hello"})
    await site.client.create(CONFIG_MAPS, config)
    await site.running("late")
    assert await site.log("late", "?container=c") == "hello\n"


async def test_liveness_restarts_and_hooks_run(site: Any) -> None:
    alive = Probe(exec=ExecAction(command=["test", "-e", "/alive"]), period_seconds=1, failure_threshold=1)
    lifecycle = Lifecycle(
        post_start=LifecycleHandler(exec=ExecAction(command=["touch", "/alive"])),
        pre_stop=LifecycleHandler(exec=ExecAction(command=["sh", "-c", "echo bye >/proc/1/fd/1"])),
    )
    script = "sleep 2; rm -f /alive; exec sleep 1000"
    await site.create("fragile", site.container(script, liveness_probe=alive, lifecycle=lifecycle))
    await site.until("fragile", lambda p: site.restarts(p) >= 1)
    assert "bye" in await site.log("fragile", "?previous=true")
    events = [e.reason for e in (await site.client.list(EVENTS, "default")).items]
    assert "Unhealthy" in events
    assert "Killing" in events


async def test_a_missing_image_is_told(site: Any) -> None:
    missing = Container(name="c", image="registry.invalid/none:1")
    never = Container(name="c", image="dromon.test/none:1", image_pull_policy="Never")
    await site.create("missing", missing)
    await site.create("never", never)

    def reason(pod: Pod) -> str:
        state = pod.status.container_statuses[0].state if pod.status.container_statuses else None
        return state.waiting.reason if state and state.waiting else ""

    await site.until("missing", lambda p: reason(p) in ("ErrImagePull", "ImagePullBackOff"))
    await site.until("never", lambda p: reason(p) == "ErrImageNeverPull")


async def test_a_restarted_kubelet_touches_no_healthy_pod_and_removes_orphans(site: Any) -> None:
    probe = Probe(exec=ExecAction(command=["true"]), period_seconds=1)
    await site.create("stays", site.container("exec sleep 1000", readiness_probe=probe))
    await site.create("orphan", site.container("exec sleep 1000"))
    before = await site.running("stays")
    orphan = await site.running("orphan")
    seen: list[str] = []

    async def record() -> None:
        async with await site.client.watch(PODS, "default", fields="metadata.name=stays") as events:
            async for event in events:
                if event.object is not None:
                    seen.append(site.condition(event.object, "Ready"))

    recording = asyncio.create_task(record())
    await site.stop()
    await site.client.delete(PODS, "orphan", "default", grace_period=0)
    await site.start()
    for _ in range(200):
        if not site.docker("ps", "-aq", "--filter", f"label=io.dromon.pod.uid={orphan.metadata.uid}"):
            break
        await asyncio.sleep(0.05)
    assert not site.docker("ps", "-aq", "--filter", f"label=io.dromon.pod.uid={orphan.metadata.uid}")
    after = await site.client.get(PODS, "stays", "default")
    assert after.status.container_statuses == before.status.container_statuses
    assert after.status.pod_ip == before.status.pod_ip
    assert site.docker("inspect", "-f", "{{.State.Running}}", site.container_id(before)) == "true"
    recording.cancel()
    assert set(seen) <= {"True"}, "a healthy pod was shown as not ready for a moment"
    site.docker("kill", site.container_id(before))
    await site.until("stays", lambda p: site.restarts(p) == 1)


async def test_a_dead_sandbox_is_made_again(site: Any) -> None:
    await site.create("web", site.container("exec sleep 1000"))
    before = await site.running("web")
    uid = before.metadata.uid
    sandbox = site.docker(
        "ps", "-q", "--filter", f"label=io.dromon.pod.uid={uid}", "--filter", "label=io.dromon.kind=sandbox"
    )
    site.docker("kill", sandbox)
    after = await site.until(
        "web",
        lambda p: site.restarts(p) == 1 and site.condition(p, "Ready") == "True",
    )
    assert after.status.pod_ip == before.status.pod_ip


async def test_deletion_waits_for_the_grace_and_leaves_nothing(site: Any) -> None:
    script = "trap 'exit 0' TERM; touch /trapped; while :; do sleep 0.1; done"
    trapped = Probe(exec=ExecAction(command=["test", "-e", "/trapped"]), period_seconds=1)
    polite = site.container(script, readiness_probe=trapped)
    await site.create("polite", polite, termination_grace_period_seconds=20)
    pod = await site.running("polite")
    await site.client.delete(PODS, "polite", "default")
    await site.gone("polite", seconds=10)
    assert not site.docker("ps", "-aq", "--filter", f"label=io.dromon.pod.uid={pod.metadata.uid}")
    assert not (Path(site.root) / "pods" / pod.metadata.uid).exists()


async def test_exec_speaks_the_channel_protocols(site: Any) -> None:
    await site.create("shell", site.container("exec sleep 1000"))
    await site.running("shell")
    assert site.node is not None
    pair = site.api.pki.client("asker", user="kube-apiserver-kubelet-client")
    context = ssl.create_default_context(cafile=str(site.api.ca_file))
    context.load_cert_chain(str(pair.certificate), str(pair.key))
    port = (await site.client.get(NODES, site.name)).status.daemon_endpoints.kubelet_endpoint.port
    client = HttpClient("127.0.0.1", port, ssl_context=context)
    try:
        command = "command=sh&command=-c&command=cat;echo+err+>%262;exit+7"
        target = f"/exec/default/shell/c?{command}&stdin=true&stdout=true&stderr=true"
        socket, protocol = await connect(client, target, ["v5.channel.k8s.io"])
        assert protocol == "v5.channel.k8s.io"
        await socket.send(b"\x00through\n")
        await socket.send(b"\xff\x00")
        seen: dict[int, bytes] = {}
        while (message := await socket.receive()) is not None:
            data = message.encode() if isinstance(message, str) else message
            seen[data[0]] = seen.get(data[0], b"") + data[1:]
        assert seen[1] == b"through\n"
        assert seen[2] == b"err\n"
        status = json.loads(seen[3])
        assert status["reason"] == "NonZeroExitCode"
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]
    finally:
        await client.close()


async def test_the_kubelet_api_refuses_others(site: Any) -> None:
    pair = site.api.pki.client("stranger", user="system:node:other", groups=("system:nodes",))
    context = ssl.create_default_context(cafile=str(site.api.ca_file))
    port = (await site.client.get(NODES, site.name)).status.daemon_endpoints.kubelet_endpoint.port
    anonymous = HttpClient("127.0.0.1", port, ssl_context=context)
    known = ssl.create_default_context(cafile=str(site.api.ca_file))
    known.load_cert_chain(str(pair.certificate), str(pair.key))
    stranger = HttpClient("127.0.0.1", port, ssl_context=known)
    try:
        assert (await anonymous.request("GET", "/pods")).status == 401
        assert (await anonymous.request("GET", "/healthz")).body == b"ok"
        assert (await stranger.request("GET", "/pods")).status == 403
    finally:
        await anonymous.close()
        await stranger.close()


async def test_taking_the_node_away_lets_containers_end_in_order(site: Any, tmp_path: Path) -> None:
    shared = Volume(
        name="v", host_path=HostPathVolumeSource(path=str(tmp_path / "shared"), type="DirectoryOrCreate")
    )
    script = "trap 'echo bye >/v/$0; exit 0' TERM; touch /v/up-$0; while :; do sleep 0.1; done"
    mounts = [VolumeMount(name="v", mount_path="/v")]
    both = [site.container(script, name, args=[name], volume_mounts=mounts) for name in ("a", "b")]
    await site.create("p", *both, volumes=[shared])
    await site.running("p")
    while not all((tmp_path / "shared" / f"up-{name}").exists() for name in ("a", "b")):
        await asyncio.sleep(0.05)
    await site.stop()
    messages = await asyncio.to_thread(cleanup, site.root)
    assert sum(line.startswith("container ") for line in messages) == 3, messages
    assert [(tmp_path / "shared" / name).read_text() for name in ("a", "b")] == ["bye\n", "bye\n"]
    assert not (Path(site.root) / "pods").exists()
