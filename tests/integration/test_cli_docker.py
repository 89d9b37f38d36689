"""`dromon up` and `down` with Docker: two nodes, taken over after a crash, nothing left at the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dromon.base import iptables
from dromon.kubelet.network.bridge import bridge_name

pytestmark = [
    pytest.mark.docker,
    pytest.mark.root,
    pytest.mark.skipif(
        os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("docker", "iptables", "kubectl")),
        reason="needs root, docker, iptables and kubectl",
    ),
]

ROOT = Path(__file__).resolve().parents[2]
DROMON = [sys.executable, "-m", "dromon"]
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "spec": {
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {
                "name": "c",
                "image": "dromon.local/busybox:1",
                "imagePullPolicy": "Never",
                "command": ["sleep", "600"],
            }
        ],
    },
}


class Cluster:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.nodes = [path / "nodes" / name for name in ("node-1", "node-2")]

    def run(self, *command: str, stdin: str = "") -> str:
        environment = {**os.environ, "KUBECONFIG": str(self.path / "kubeconfig")}
        done = subprocess.run(
            command, input=stdin, capture_output=True, text=True, timeout=120, env=environment
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def dromon(self, *arguments: str) -> str:
        return self.run(*DROMON, *arguments, "--data-dir", str(self.path))

    def pods(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self.run("kubectl", "get", "pods", "-o", "json"))["items"]
        return items

    def containers(self) -> set[str]:
        """Ids of the pods' containers, with their sandboxes, as Docker has them."""
        rows = self.run("docker", "ps", "-a", "--no-trunc", "--format", "{{.ID}} {{.Names}}").splitlines()
        return {row.split()[0] for row in rows if any(uid in row for uid in self.uids)}

    uids: tuple[str, ...] = ()

    def traces(self) -> list[str]:
        """What of this cluster is on the host: bridges, chains and rules."""
        links = self.run("ip", "-o", "link")
        rules = self.run("iptables-save")
        names = [bridge_name(str(node)) for node in self.nodes]
        names += [iptables.instance(str(place)) for place in (self.path, *self.nodes)]
        return [name for name in names if name in links or name in rules]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    subprocess.run([str(ROOT / "deploy/images/build")], check=True, capture_output=True, timeout=120)
    cluster = Cluster(tmp_path / "data")
    yield cluster
    subprocess.run(
        [*DROMON, "down", "--purge", "--data-dir", str(cluster.path)], capture_output=True, timeout=120
    )


def test_two_nodes_survive_a_crash_and_leave_nothing(cluster: Cluster) -> None:
    networks = ("--pod-cidr", "10.77.0.0/16", "--service-cidr", "10.78.0.0/16")
    out = cluster.dromon("up", "--runtime", "docker", "--nodes", "2", "--port", "0", "--detach", *networks)
    assert "2 of 2 nodes Ready" in out
    for number in (1, 2):
        pod = {
            **POD,
            "metadata": {"name": f"p{number}"},
            "spec": {**POD["spec"], "nodeName": f"node-{number}"},
        }
        cluster.run("kubectl", "create", "-f", "-", stdin=json.dumps(pod))
    cluster.run("kubectl", "wait", "--for=condition=Ready", "pod/p1", "pod/p2", "--timeout=60s")
    pods = cluster.pods()
    cluster.uids = tuple(pod["metadata"]["uid"] for pod in pods)
    addresses = [pod["status"]["podIP"] for pod in pods]
    assert len({address.rpartition(".")[0] for address in addresses}) == 2, "a subnet a node"
    cluster.run("kubectl", "exec", "p1", "--", "ping", "-c", "1", "-W", "5", addresses[1])
    containers = cluster.containers()
    assert len(containers) == 4

    state = json.loads((cluster.path / "run" / "state.json").read_text())
    for pid in (state["pid"], *(part["pid"] for part in state["components"])):
        os.kill(pid, signal.SIGKILL)
    cluster.dromon("up", "--detach")
    time.sleep(1.0)  # a kubelet that were to recreate them would do so as soon as it is up
    assert cluster.containers() == containers
    assert [pod["metadata"]["uid"] for pod in cluster.pods()] == list(cluster.uids)
    assert cluster.traces() != []

    assert "stopped all components" in cluster.dromon("down", "--purge")
    assert cluster.containers() == set()
    assert cluster.traces() == []
    assert not cluster.path.exists()
