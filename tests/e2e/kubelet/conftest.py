"""A kubelet alone on real Docker, against a real apiserver, for the tests of this folder."""

from __future__ import annotations

import asyncio
import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dromon.api.kinds import NODES, PODS
from dromon.api.types.container import (
    Container,
)
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.base.clock import SystemClock
from dromon.client.rest import Client
from dromon.kubelet.cleanup import cleanup
from dromon.kubelet.config import KubeletConfig
from dromon.kubelet.main import DockerNode
from dromon.testing.apiserver import RunningApiServer, running_apiserver

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
    name: str = NODE
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
        return await self.until(name, lambda p: self.condition(p, "Ready") == "True")

    async def gone(self, name: str, seconds: float = 20) -> None:
        for _ in range(int(seconds * 20)):
            if all(p.metadata.name != name for p in (await self.client.list(PODS)).items):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{name} is still there")

    @staticmethod
    def condition(pod: Pod, kind: str) -> str:
        return next((c.status for c in pod.status.conditions if c.type == kind), "")

    @staticmethod
    def restarts(pod: Pod) -> int:
        return sum(s.restart_count for s in pod.status.container_statuses)

    @staticmethod
    def docker(*args: str) -> str:
        return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout.strip()

    @staticmethod
    def container_id(pod: Pod, index: int = 0) -> str:
        return pod.status.container_statuses[index].container_id.removeprefix("docker://")

    async def log(self, name: str, query: str = "") -> str:
        response = await self.client.raw("GET", f"/api/v1/namespaces/default/pods/{name}/log{query}")
        assert response.status == 200, response.body
        return response.body.decode()


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
