"""Controllers and portals on real Docker and iptables: replacement, balancing, readiness, proxy restarts."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

pytestmark = [pytest.mark.docker, pytest.mark.root, pytest.mark.kubectl]

SERVE = "mkdir /www; hostname > /www/index.html; touch /tmp/ready; exec httpd -f -p 8080 -h /www"
UDP = (
    "import socket; s=socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(('', 9999)); "
    "h=socket.gethostname().encode()\nwhile True: s.sendto(h, s.recvfrom(64)[1])"
)
REPLICAS = 3


def workload() -> str:
    web = {
        "name": "web",
        "image": "dromon.local/busybox:1",
        "command": ["sh", "-c", SERVE],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"exec": {"command": ["cat", "/tmp/ready"]}, "periodSeconds": 1},
    }
    # Debian's busybox has no UDP server: the host's Python serves, in the pod's network.
    udp = {
        "name": "udp",
        "image": "dromon.local/busybox:1",
        "command": ["chroot", "/host", "/usr/bin/python3", "-c", UDP],
        "volumeMounts": [{"name": "host", "mountPath": "/host", "readOnly": True}],
    }
    labels = {"App": "Nifty"}
    spec = {
        "containers": [web, udp],
        "volumes": [{"name": "host", "hostPath": {"path": "/"}}],
        "terminationGracePeriodSeconds": 1,
    }
    controller = {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": "nifty"},
        "spec": {
            "replicas": REPLICAS,
            "selector": labels,
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "nifty"},
        "spec": {
            "type": "NodePort",
            "selector": labels,
            "ports": [
                {"name": "tcp", "port": 9376, "targetPort": "http"},
                {"name": "udp", "port": 9376, "targetPort": 9999, "protocol": "UDP"},
            ],
        },
    }
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [controller, service]})


@pytest.fixture(scope="module")
def nifty(docker_cluster: Any) -> Iterator[str]:
    """A namespace with three ready replicas behind a portal."""
    space = "nifty"
    docker_cluster.kubectl("create", "namespace", space)
    docker_cluster.kubectl("create", "-n", space, "-f", "-", stdin=workload())
    wait_ready(docker_cluster, space)
    yield space
    docker_cluster.kubectl("delete", "namespace", space, "--timeout=90s")


def wait_ready(cluster: Any, space: str) -> None:
    ready = f"--for=jsonpath={{.status.readyReplicas}}={REPLICAS}"
    cluster.kubectl("wait", "-n", space, ready, "rc/nifty", "--timeout=60s")


def portal(cluster: Any, space: str) -> tuple[str, int, int]:
    """The portal's address, and the node ports for TCP and UDP."""
    spec = cluster.get("service", "nifty", "-n", space)["spec"]
    return spec["clusterIP"], spec["ports"][0]["nodePort"], spec["ports"][1]["nodePort"]


def answers(tools: Any, address: str, port: int, count: int = 60) -> set[str]:
    return {tools.fetch(address, port) for _ in range(count)}


def test_the_portal_spreads_over_all_ready_pods(docker_cluster: Any, nifty: str, tools: Any) -> None:
    address, node_port, udp_port = portal(docker_cluster, nifty)
    names = set(docker_cluster.pods(nifty))
    tools.eventually(lambda: answers(tools, address, 9376) == names, "every pod answers by TCP")
    assert {tools.ask_udp(address, 9376) for _ in range(60)} == names
    node = docker_cluster.get("nodes")["items"][0]["status"]["addresses"][0]["address"]
    assert answers(tools, node, node_port) == names
    assert tools.ask_udp(node, udp_port) in names


def test_the_portal_answers_inside_pods_and_to_a_pod_itself(docker_cluster: Any, nifty: str) -> None:
    address, _, _ = portal(docker_cluster, nifty)
    names = set(docker_cluster.pods(nifty))
    loop = f"for i in $(seq 40); do wget -qO- http://{address}:9376/; done"
    first = sorted(names)[0]
    out = docker_cluster.kubectl("exec", "-n", nifty, first, "-c", "web", "--", "sh", "-c", loop)
    assert set(out.split()) == names  # itself included: hairpin
    env = docker_cluster.kubectl("exec", "-n", nifty, first, "-c", "web", "--", "env")
    assert "KUBERNETES_SERVICE_HOST=" in env


def test_pods_reach_each_other_without_nat(docker_cluster: Any, nifty: str) -> None:
    pods = sorted(docker_cluster.pods(nifty).values(), key=lambda p: p["metadata"]["name"])
    other = pods[1]["status"]["podIP"]
    name = pods[0]["metadata"]["name"]
    url = f"http://{other}:8080/"
    out = docker_cluster.kubectl("exec", "-n", nifty, name, "-c", "web", "--", "wget", "-qO-", url)
    assert out.strip() == pods[1]["metadata"]["name"]


def test_the_portal_follows_readiness_within_a_second(docker_cluster: Any, nifty: str, tools: Any) -> None:
    address, _, _ = portal(docker_cluster, nifty)
    names = set(docker_cluster.pods(nifty))
    victim = sorted(names)[0]
    command = ["exec", "-n", nifty, victim, "-c", "web", "--"]

    def ready() -> bool:
        conditions = docker_cluster.pods(nifty)[victim]["status"]["conditions"]
        return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)

    docker_cluster.kubectl(*command, "rm", "/tmp/ready")
    tools.eventually(lambda: not ready(), "the pod is not ready", 15)
    time.sleep(1)  # the promise is one second
    assert victim not in answers(tools, address, 9376)
    docker_cluster.kubectl(*command, "touch", "/tmp/ready")
    tools.eventually(ready, "the pod is ready again", 15)
    time.sleep(1)
    assert answers(tools, address, 9376) == names


def test_no_endpoints_is_refused(docker_cluster: Any, nifty: str, tools: Any) -> None:
    docker_cluster.kubectl("create", "service", "clusterip", "empty", "--tcp=80:80", "-n", nifty)
    address = docker_cluster.get("service", "empty", "-n", nifty)["spec"]["clusterIP"]

    def refused() -> bool:
        try:
            tools.fetch(address, 80, timeout=3)
        except OSError as error:
            return "refused" in str(error).lower()
        return False

    tools.eventually(refused, "connection refused", 10)


def test_a_deleted_pod_is_replaced(docker_cluster: Any, nifty: str) -> None:
    before = set(docker_cluster.pods(nifty))
    victim = sorted(before)[0]
    docker_cluster.kubectl("delete", "pod", victim, "-n", nifty)
    wait_ready(docker_cluster, nifty)
    after = set(docker_cluster.pods(nifty))
    assert victim not in after
    assert len(after & before) == REPLICAS - 1


@pytest.mark.parametrize("component", ["proxy", "kubelet", "controller-manager", "scheduler", "apiserver"])
def test_a_killed_component_comes_back_and_no_pod_is_touched(
    docker_cluster: Any, nifty: str, tools: Any, component: str
) -> None:
    address, _, _ = portal(docker_cluster, nifty)
    before = docker_cluster.container_ids(nifty)
    name, pid = next((n, p) for n, p in docker_cluster.processes().items() if n.startswith(component))
    os.kill(pid, signal.SIGKILL)
    assert tools.fetch(address, 9376)  # the data path does not depend on it

    def back() -> bool:
        again = docker_cluster.processes().get(name, pid)
        os.kill(again, 0)
        return again != pid

    tools.eventually(back, f"{component} runs again")
    tools.eventually(lambda: docker_cluster.container_ids(nifty) == before, "the same containers")
    docker_cluster.kubectl("scale", "rc", "nifty", f"--replicas={REPLICAS}", "-n", nifty)
    wait_ready(docker_cluster, nifty)
    assert tools.fetch(address, 9376)


def test_all_killed_then_up_adopts_what_runs(docker_cluster: Any, nifty: str, tools: Any) -> None:
    address, _, _ = portal(docker_cluster, nifty)
    before = docker_cluster.container_ids(nifty)
    processes = docker_cluster.processes()
    for name in sorted(processes, key=lambda n: n != "supervisor"):
        try:
            os.kill(processes[name], signal.SIGKILL)
        except ProcessLookupError:
            continue
    docker_cluster.start()
    tools.eventually(lambda: docker_cluster.container_ids(nifty) == before, "the same containers")
    names = set(docker_cluster.pods(nifty))
    tools.eventually(lambda: answers(tools, address, 9376) == names, "every pod answers")


def test_down_leaves_nothing_behind(docker_cluster: Any, nifty: str) -> None:
    """Last in the file: the cluster is gone after it, and comes up again for the fixtures' clean-up."""
    docker_cluster.remember(nifty)
    assert docker_cluster.traces()
    docker_cluster.down()
    assert docker_cluster.traces() == []
    docker_cluster.start()
    docker_cluster.kubectl("create", "namespace", nifty)
