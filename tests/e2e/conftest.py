"""A real cluster of one Docker node made by the real command, shared by the end-to-end tests of a session."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dromon.testing.cluster import Cluster

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "dromon.local/busybox:1"


def usable() -> str:
    """Why end-to-end tests can't run here; "" where they can."""
    if os.geteuid() != 0:
        return "needs root"
    for tool in ("docker", "iptables"):
        if shutil.which(tool) is None:
            return f"needs {tool}"
    if subprocess.run(["docker", "info"], capture_output=True, timeout=30, check=False).returncode:
        return "needs a Docker daemon that answers"
    return ""


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


class DockerCluster(Cluster):
    """A cluster whose node runs Docker containers; its networks tell it from others on this machine."""

    networks = ("10.95.", "10.94.")

    def start(self) -> None:
        """Start, or start again, the cluster."""
        pods, services = (f"{network}0.0/16" for network in self.networks)
        self.up("--runtime", "docker", "--pod-cidr", pods, "--service-cidr", services)

    def traces(self) -> list[str]:
        """What the machine has of this cluster: rules, addresses, routes, and containers of its pods."""
        commands = (("iptables-save",), ("ip", "-o", "address"), ("ip", "route"))
        lines = [line for command in commands for line in self.run(*command).stdout.splitlines()]
        found = [line for line in lines if any(network in line for network in self.networks)]
        listed = self.run("docker", "ps", "-a", "--format", "{{.Names}}").stdout.splitlines()
        return found + [line for line in listed if any(uid in line for uid in self.uids)]

    def remember(self, namespace: str) -> None:
        """Note the UIDs of a namespace's pods, by which their containers are named."""
        self.uids |= {pod["metadata"]["uid"] for pod in self.pods(namespace).values()}

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.uids: set[str] = set()

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


@pytest.fixture(scope="session")
def docker_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerCluster]:
    """One node that runs Docker containers."""
    reason = usable()
    if reason:
        pytest.skip(reason)
    subprocess.run([str(ROOT / "deploy/images/build")], check=True, capture_output=True, timeout=120)
    cluster = DockerCluster(tmp_path_factory.mktemp("docker"))
    try:
        cluster.start()
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
