"""A real cluster of one Docker node made by the real command, shared by the end-to-end tests of a session."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DROMON = Path(sys.executable).parent / "dromon"
IMAGE = "dromon.local/busybox:1"


def usable() -> str:
    """Why end-to-end tests can't run here; "" where they can."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("docker", "iptables", "kubectl"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    if subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode:
        return "needs a Docker daemon that answers"
    return ""


def find_kubectl() -> str:
    """The plain kubectl 1.32 where a dispatcher hides it, else the one on PATH."""
    found = shutil.which("kubectl") or "kubectl"
    plain = Path(found).resolve().parent / "kubectl.1.32"
    return str(plain) if plain.exists() else found


def eventually(check: Callable[[], Any], what: str, timeout: float = 30) -> Any:
    """The first true answer of `check`; fails the test after `timeout` seconds.

    End-to-end tests wait for other processes, whose clock can't be injected.
    """
    deadline = time.monotonic() + timeout
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = check()
            if last:
                return last
        except (OSError, AssertionError, KeyError, IndexError, subprocess.SubprocessError) as error:
            last = error
        time.sleep(0.1)
    pytest.fail(f"{what}: not within {timeout} s (last: {last!r})")


class DockerCluster:
    """A running cluster with kubectl, dromon and docker at hand."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {**os.environ, "KUBECONFIG": str(directory / "kubeconfig")}

    def run(
        self, *command: str, stdin: str | None = None, ok: bool = True, timeout: float = 90
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; with `ok` a failure fails the test with what it printed."""
        done = subprocess.run(
            command,
            env=self.environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if ok and done.returncode:
            pytest.fail(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def kubectl(self, *arguments: str, stdin: str | None = None, ok: bool = True) -> str:
        """kubectl's output."""
        done = self.run(find_kubectl(), *arguments, stdin=stdin, ok=ok)
        return done.stdout if ok else done.stdout + done.stderr

    def up(self) -> None:
        """Start, or start again, the cluster of this directory."""
        where = ["--data-dir", str(self.directory)]
        up = ["up", "--detach", "--runtime", "docker", "--port", "0"]
        self.run(str(DROMON), *up, *where, timeout=120)

    def down(self) -> None:
        """End the cluster and remove all that it made."""
        self.run(str(DROMON), "down", "--purge", "--data-dir", str(self.directory), ok=False, timeout=120)

    def get(self, *arguments: str) -> Any:
        """kubectl get -o json, decoded."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def pods(self, namespace: str, selector: str = "") -> dict[str, Any]:
        """Pods of a namespace by name."""
        arguments = ["pods", "-n", namespace] + (["-l", selector] if selector else [])
        return {p["metadata"]["name"]: p for p in self.get(*arguments)["items"]}

    def container_ids(self, namespace: str) -> dict[str, str]:
        """Container ID of each pod's first container, by the pod's UID."""
        return {
            p["metadata"]["uid"]: p["status"]["containerStatuses"][0]["containerID"]
            for p in self.pods(namespace).values()
        }

    def processes(self) -> dict[str, int]:
        """Process ids of the cluster's components, by component."""
        state = json.loads((self.directory / "run" / "state.json").read_text())
        return {"supervisor": state["pid"], **{c["name"]: c["pid"] for c in state["components"]}}


@pytest.fixture(scope="session")
def docker_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerCluster]:
    """One node that runs Docker containers."""
    reason = usable()
    if reason:
        pytest.skip(reason)
    subprocess.run([str(ROOT / "deploy/images/build")], check=True, capture_output=True, timeout=120)
    cluster = DockerCluster(tmp_path_factory.mktemp("docker"))
    try:
        cluster.up()
        yield cluster
    finally:
        cluster.down()


@pytest.fixture
def space(docker_cluster: DockerCluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own."""
    name = "e-" + request.node.name.lower().replace("_", "-").partition("[")[0][:50].rstrip("-")
    docker_cluster.kubectl("create", "namespace", name)
    yield name
    docker_cluster.kubectl("delete", "namespace", name, "--timeout=60s")


def fetch(address: str, port: int, timeout: float = 1.0) -> str:
    """The body of GET / over HTTP, one new connection each time."""
    with urllib.request.urlopen(f"http://{address}:{port}/", timeout=timeout) as response:
        return str(response.read().decode().strip())


def ask_udp(address: str, port: int, timeout: float = 1.0) -> str:
    """The answer to one datagram."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.connect((address, port))
        client.send(b"?")
        return client.recv(512).decode().strip()


@pytest.fixture
def tools() -> Any:
    """The helpers of this module, for tests that can't import a conftest."""

    class Tools:
        image = IMAGE

    Tools.fetch = staticmethod(fetch)  # type: ignore[attr-defined]
    Tools.ask_udp = staticmethod(ask_udp)  # type: ignore[attr-defined]
    Tools.eventually = staticmethod(eventually)  # type: ignore[attr-defined]
    return Tools
