"""A kubelet alone on real Docker, against a real apiserver: restarts, exit codes, logs, exec, adoption."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import ssl
import subprocess
import tarfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
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
from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.volume import EmptyDirVolumeSource, Volume
from dromon.base.clock import SystemClock
from dromon.base.http.client import HttpClient
from dromon.base.http.websocket import connect
from dromon.client.rest import Client
from dromon.kubelet.cleanup import cleanup
from dromon.kubelet.config import KubeletConfig
from dromon.kubelet.main import DockerNode
from dromon.testing.apiserver import RunningApiServer, running_apiserver

pytestmark = [pytest.mark.docker, pytest.mark.root]

NODE = "kubelet-test"
CIDR = "10.91.7.0/24"
IMAGE = "dromon.test/busybox:1"


def _missing() -> str:
    if os.geteuid() != 0:
        return "needs root"
    if shutil.which("docker") is None or shutil.which("iptables") is None:
        return "needs docker and iptables"
    if not Path("/bin/busybox").exists():
        return "needs busybox-static"
    return "" if subprocess.run(["docker", "info"], capture_output=True).returncode == 0 else "needs dockerd"


@pytest.fixture(scope="session")
def image() -> str:
    """A local image with nothing but Debian's static busybox."""
    if why := _missing():
        pytest.skip(why)
    out = io.BytesIO()
    busybox = Path("/bin/busybox").read_bytes()
    names = subprocess.run(["/bin/busybox", "--list"], capture_output=True, text=True, check=True).stdout
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("bin/busybox")
        entry.size, entry.mode = len(busybox), 0o755
        tar.addfile(entry, io.BytesIO(busybox))
        for name in names.split():
            if name != "busybox":
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(link)
    subprocess.run(["docker", "import", "-", IMAGE], input=out.getvalue(), check=True, capture_output=True)
    return IMAGE


@dataclass
class Site:
    """An apiserver, a client, and one kubelet that can be stopped and started again."""

    api: RunningApiServer
    client: Client
    root: str
    image: str
    node: DockerNode | None = None

    async def start(self) -> None:
        serving = self.api.pki.server("kubelet", common_name=NODE, names=("127.0.0.1",))
        config = KubeletConfig(
            str(self.api.kubeconfig),
            NODE,
            self.root,
            bind="127.0.0.1",
            node_ip="127.0.0.1",
            cert_file=str(serving.certificate),
            key_file=str(serving.key),
            client_ca_file=str(self.api.ca_file),
            cluster_cidr="10.91.0.0/16",
        )
        self.node = DockerNode(config, SystemClock())
        async with asyncio.timeout(30):
            await self.node.start()

    async def stop(self) -> None:
        if self.node is not None:
            await self.node.close()
            self.node = None

    def container(self, script: str, name: str = "c", **more: Any) -> Container:
        return Container(name=name, image=self.image, command=["sh", "-c", script], **more)

    async def create(self, name: str, *containers: Container, **spec: Any) -> None:
        spec.setdefault("termination_grace_period_seconds", 1)
        pod = Pod(
            metadata=ObjectMeta(name=name, namespace="default"),
            spec=PodSpec(node_name=NODE, containers=list(containers), **spec),
        )
        await self.client.create(PODS, pod)

    async def until(self, name: str, check: Callable[[Pod], bool], seconds: float = 20) -> Pod:
        """The pod once `check` holds; other processes decide when that is."""
        pod: Pod | None = None
        for _ in range(int(seconds * 20)):
            pod = await self.client.get(PODS, name, "default")
            if check(pod):
                return pod
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {pod and pod.status}")

    async def running(self, name: str) -> Pod:
        return await self.until(name, lambda p: condition(p, "Ready") == "True")

    async def gone(self, name: str, seconds: float = 20) -> None:
        for _ in range(int(seconds * 20)):
            if all(p.metadata.name != name for p in (await self.client.list(PODS)).items):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name} is still there")

    async def log(self, name: str, query: str = "") -> str:
        response = await self.client.raw("GET", f"/api/v1/namespaces/default/pods/{name}/log{query}")
        assert response.status == 200, response.body
        return response.body.decode()


def condition(pod: Pod, kind: str) -> str:
    return next((c.status for c in pod.status.conditions if c.type == kind), "")


def restarts(pod: Pod) -> int:
    return sum(s.restart_count for s in pod.status.container_statuses)


def docker(*args: str) -> str:
    return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout.strip()


def container_id(pod: Pod, index: int = 0) -> str:
    return pod.status.container_statuses[index].container_id.removeprefix("docker://")


@pytest.fixture
async def site(image: str, tmp_path: Path) -> AsyncIterator[Site]:
    root = str(tmp_path / "node")
    # Own uids, since containers are named by them and other runs may be on the same daemon.
    async with running_apiserver(seed=int.from_bytes(os.urandom(4), "big")) as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))
        made = Site(api, client, root, image)
        starting = asyncio.create_task(made.start())
        try:
            await assign_cidr(client)
            await starting
            yield made
        finally:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await made.stop()
            await client.close()
            failures = [m for m in await asyncio.to_thread(cleanup, root) if m.startswith("failed")]
            assert not failures


async def assign_cidr(client: Client) -> None:
    """What the controller manager does."""
    for _ in range(200):
        if any(n.metadata.name == NODE for n in (await client.list(NODES)).items):
            break
        await asyncio.sleep(0.05)
    await client.patch(NODES, NODE, "", {"spec": {"podCIDR": CIDR, "podCIDRs": [CIDR]}})


async def test_a_killed_container_is_restarted_in_place(site: Site) -> None:
    await site.create("web", site.container("echo run; exec sleep 1000"))
    before = await site.running("web")
    docker("kill", container_id(before))
    after = await site.until("web", lambda p: restarts(p) == 1)
    after = await site.running("web")
    status = after.status.container_statuses[0]
    assert after.status.pod_ip == before.status.pod_ip
    assert after.metadata.uid == before.metadata.uid
    ended = status.last_state.terminated
    assert ended is not None
    assert ended.exit_code == 137
    assert ended.container_id == "docker://" + container_id(before)
    assert await site.log("web", "?previous=true") == "run\n"


async def test_exit_codes_decide_the_phase(site: Site) -> None:
    await site.create("well", site.container("exit 0"), restart_policy="Never")
    await site.create("ill", site.container("echo why >/dev/termination-log; exit 3"), restart_policy="Never")
    well = await site.until("well", lambda p: p.status.phase in ("Succeeded", "Failed"))
    ill = await site.until("ill", lambda p: p.status.phase in ("Succeeded", "Failed"))
    assert (well.status.phase, ill.status.phase) == ("Succeeded", "Failed")
    ended = ill.status.container_statuses[0].state.terminated
    assert ended is not None
    assert (ended.exit_code, ended.reason, ended.message) == (3, "Error", "why\n")
    assert await site.log("well") == ""


async def test_containers_share_localhost_and_an_empty_dir(site: Site) -> None:
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


async def test_init_containers_run_first_and_a_config_map_may_come_late(site: Site) -> None:
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
    assert condition(pod, "Initialized") == "True"
    assert await site.log("late", "?container=init") == "init\n"
    config = ConfigMap(metadata=ObjectMeta(name="late", namespace="default"), data={"GREETING": "hello"})
    await site.client.create(CONFIG_MAPS, config)
    await site.running("late")
    assert await site.log("late", "?container=c") == "hello\n"


async def test_liveness_restarts_and_hooks_run(site: Site) -> None:
    alive = Probe(exec=ExecAction(command=["test", "-e", "/alive"]), period_seconds=1, failure_threshold=1)
    lifecycle = Lifecycle(
        post_start=LifecycleHandler(exec=ExecAction(command=["touch", "/alive"])),
        pre_stop=LifecycleHandler(exec=ExecAction(command=["sh", "-c", "echo bye >/proc/1/fd/1"])),
    )
    script = "sleep 2; rm -f /alive; exec sleep 1000"
    await site.create("fragile", site.container(script, liveness_probe=alive, lifecycle=lifecycle))
    await site.until("fragile", lambda p: restarts(p) >= 1)
    assert "bye" in await site.log("fragile", "?previous=true")
    events = [e.reason for e in (await site.client.list(EVENTS, "default")).items]
    assert "Unhealthy" in events
    assert "Killing" in events


async def test_a_missing_image_is_told(site: Site) -> None:
    missing = Container(name="c", image="registry.invalid/none:1")
    never = Container(name="c", image="dromon.test/none:1", image_pull_policy="Never")
    await site.create("missing", missing)
    await site.create("never", never)

    def reason(pod: Pod) -> str:
        state = pod.status.container_statuses[0].state if pod.status.container_statuses else None
        return state.waiting.reason if state and state.waiting else ""

    await site.until("missing", lambda p: reason(p) in ("ErrImagePull", "ImagePullBackOff"))
    await site.until("never", lambda p: reason(p) == "ErrImageNeverPull")


async def test_a_restarted_kubelet_touches_no_healthy_pod_and_removes_orphans(site: Site) -> None:
    await site.create("stays", site.container("exec sleep 1000"))
    await site.create("orphan", site.container("exec sleep 1000"))
    before = await site.running("stays")
    orphan = await site.running("orphan")
    await site.stop()
    await site.client.delete(PODS, "orphan", "default", grace_period=0)
    await site.start()
    for _ in range(200):
        if not docker("ps", "-aq", "--filter", f"label=io.dromon.pod.uid={orphan.metadata.uid}"):
            break
        await asyncio.sleep(0.05)
    assert not docker("ps", "-aq", "--filter", f"label=io.dromon.pod.uid={orphan.metadata.uid}")
    after = await site.client.get(PODS, "stays", "default")
    assert after.status.container_statuses == before.status.container_statuses
    assert after.status.pod_ip == before.status.pod_ip
    assert docker("inspect", "-f", "{{.State.Running}}", container_id(before)) == "true"
    docker("kill", container_id(before))
    await site.until("stays", lambda p: restarts(p) == 1)


async def test_a_dead_sandbox_is_made_again(site: Site) -> None:
    await site.create("web", site.container("exec sleep 1000"))
    before = await site.running("web")
    uid = before.metadata.uid
    sandbox = docker(
        "ps", "-q", "--filter", f"label=io.dromon.pod.uid={uid}", "--filter", "label=io.dromon.kind=sandbox"
    )
    docker("kill", sandbox)
    after = await site.until(
        "web",
        lambda p: restarts(p) == 1 and condition(p, "Ready") == "True",
    )
    assert after.status.pod_ip == before.status.pod_ip


async def test_deletion_waits_for_the_grace_and_leaves_nothing(site: Site) -> None:
    script = "trap 'exit 0' TERM; touch /trapped; while :; do sleep 0.1; done"
    trapped = Probe(exec=ExecAction(command=["test", "-e", "/trapped"]), period_seconds=1)
    polite = site.container(script, readiness_probe=trapped)
    await site.create("polite", polite, termination_grace_period_seconds=20)
    pod = await site.running("polite")
    await site.client.delete(PODS, "polite", "default")
    await site.gone("polite", seconds=10)
    assert not docker("ps", "-aq", "--filter", f"label=io.dromon.pod.uid={pod.metadata.uid}")
    assert not (Path(site.root) / "pods" / pod.metadata.uid).exists()


async def test_exec_speaks_the_channel_protocols(site: Site) -> None:
    await site.create("shell", site.container("exec sleep 1000"))
    await site.running("shell")
    assert site.node is not None
    pair = site.api.pki.client("asker", user="kube-apiserver-kubelet-client")
    context = ssl.create_default_context(cafile=str(site.api.ca_file))
    context.load_cert_chain(str(pair.certificate), str(pair.key))
    port = (await site.client.get(NODES, NODE)).status.daemon_endpoints.kubelet_endpoint.port
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


async def test_the_kubelet_api_refuses_others(site: Site) -> None:
    pair = site.api.pki.client("stranger", user="system:node:other", groups=("system:nodes",))
    context = ssl.create_default_context(cafile=str(site.api.ca_file))
    port = (await site.client.get(NODES, NODE)).status.daemon_endpoints.kubelet_endpoint.port
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
