"""Pods on real Docker: logs, exec, shared localhost and volumes, restart in place, phases."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

pytestmark = [pytest.mark.docker, pytest.mark.root, pytest.mark.kubectl]


def manifest(name: str, *containers: dict[str, Any], **spec: Any) -> str:
    for container in containers:
        container.setdefault("image", "dromon.local/busybox:1")
        container.setdefault("imagePullPolicy", "IfNotPresent")
    spec.setdefault("terminationGracePeriodSeconds", 1)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
    return json.dumps({**pod, "spec": {"containers": list(containers), **spec}})


def shell(script: str, name: str = "c", **more: Any) -> dict[str, Any]:
    return {"name": name, "command": ["sh", "-c", script], **more}


def phase(cluster: Any, space: str, name: str) -> str:
    return str(cluster.get("pod", name, "-n", space)["status"]["phase"])


def test_logs_and_exec(docker_cluster: Any, space: str) -> None:
    script = "echo first; echo oops >&2; sleep 1; echo last; sleep 3600"
    docker_cluster.kubectl("create", "-n", space, "-f", "-", stdin=manifest("talker", shell(script)))
    docker_cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/talker", "--timeout=30s")
    follow = ["timeout", "5", "kubectl", "logs", "-n", space, "-f", "talker"]
    text = subprocess.run(follow, env=docker_cluster.environment, capture_output=True, text=True, check=False)
    assert {"first", "oops", "last"} <= set(text.stdout.split())
    assert docker_cluster.kubectl("logs", "-n", space, "talker", "--tail=1") == "last\n"
    out = docker_cluster.kubectl("exec", "-n", space, "talker", "--", "sh", "-c", "echo $((6*7))")
    assert out == "42\n"
    piped = docker_cluster.kubectl("exec", "-i", "-n", space, "talker", "--", "cat", stdin="through\n")
    assert piped == "through\n"
    failed = docker_cluster.run(
        "kubectl", "exec", "-n", space, "talker", "--", "sh", "-c", "exit 7", ok=False
    )
    assert failed.returncode == 7


def test_refused_streams_say_why(docker_cluster: Any, space: str, tools: Any) -> None:
    waiting = shell("exit 0") | {"image": "dromon.local/absent:1", "imagePullPolicy": "Never"}
    docker_cluster.kubectl("create", "-n", space, "-f", "-", stdin=manifest("waiting", waiting))
    pod = "the pod has a status"
    tools.eventually(lambda: docker_cluster.pods(space)["waiting"]["status"].get("containerStatuses"), pod)
    refused = docker_cluster.run("kubectl", "exec", "-n", space, "waiting", "--", "true", ok=False)
    assert 'container not found ("c")' in refused.stderr


def test_containers_of_a_pod_share_localhost_and_an_empty_dir(docker_cluster: Any, space: str) -> None:
    mount = {"volumeMounts": [{"name": "content", "mountPath": "/www"}]}
    syncer = shell("echo synced > /www/index.html; sleep 3600", "syncer", **mount)
    server = shell("exec httpd -f -p 8080 -h /www", "server", **mount)
    volumes = [{"name": "content", "emptyDir": {}}]
    text = manifest("pair", syncer, server, volumes=volumes)
    docker_cluster.kubectl("create", "-n", space, "-f", "-", stdin=text)
    docker_cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/pair", "--timeout=30s")
    command = ["exec", "-n", space, "pair", "-c", "syncer", "--"]
    assert docker_cluster.kubectl(*command, "wget", "-qO-", "http://localhost:8080/") == "synced\n"


def test_a_killed_container_restarts_in_place(docker_cluster: Any, space: str, tools: Any) -> None:
    docker_cluster.kubectl("create", "-n", space, "-f", "-", stdin=manifest("phoenix", shell("sleep 3600")))
    docker_cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/phoenix", "--timeout=30s")
    before = docker_cluster.get("pod", "phoenix", "-n", space)
    container = before["status"]["containerStatuses"][0]["containerID"].removeprefix("docker://")
    docker_cluster.run("docker", "kill", container)

    def restarted() -> bool:
        status = docker_cluster.get("pod", "phoenix", "-n", space)["status"]["containerStatuses"][0]
        return status["restartCount"] == 1 and status["ready"]

    tools.eventually(restarted, "the container runs again with restartCount 1")
    after = docker_cluster.get("pod", "phoenix", "-n", space)
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["status"]["podIP"] == before["status"]["podIP"]


@pytest.mark.parametrize(("code", "expected"), [(0, "Succeeded"), (3, "Failed")])
def test_never_restarted_pods_end_by_exit_code(
    docker_cluster: Any, space: str, tools: Any, code: int, expected: str
) -> None:
    text = manifest("once", shell(f"exit {code}"), restartPolicy="Never")
    docker_cluster.kubectl("create", "-n", space, "-f", "-", stdin=text)
    tools.eventually(lambda: phase(docker_cluster, space, "once") == expected, f"phase {expected}")
    status = docker_cluster.get("pod", "once", "-n", space)["status"]["containerStatuses"][0]
    assert status["state"]["terminated"]["exitCode"] == code


def test_environment_config_and_secret(docker_cluster: Any, space: str, tools: Any) -> None:
    docker_cluster.kubectl("create", "configmap", "cm", "-n", space, "--from-literal=k=from-config")
    docker_cluster.kubectl("create", "secret", "generic", "s", "-n", space, "--from-literal=p=hidden")
    env = [
        {"name": "K", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k"}}},
        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "BOTH", "value": "$(K)-$(NODE)"},
    ]
    mounts = [{"name": "secret", "mountPath": "/secret", "readOnly": True}]
    container = shell("echo $BOTH; cat /secret/p; echo", env=env, volumeMounts=mounts)
    volumes = [{"name": "secret", "secret": {"secretName": "s"}}]
    text = manifest("env", container, volumes=volumes, restartPolicy="Never")
    docker_cluster.kubectl("create", "-n", space, "-f", "-", stdin=text)
    tools.eventually(lambda: phase(docker_cluster, space, "env") == "Succeeded", "phase Succeeded")
    node = docker_cluster.get("pod", "env", "-n", space)["spec"]["nodeName"]
    assert docker_cluster.kubectl("logs", "-n", space, "env").split() == [f"from-config-{node}", "hidden"]


def test_our_exec_ends_with_the_command(docker_cluster: Any, space: str) -> None:
    docker_cluster.kubectl("create", "-n", space, "-f", "-", stdin=manifest("up", shell("sleep 3600")))
    docker_cluster.kubectl("wait", "-n", space, "--for=condition=Ready", "pod/up", "--timeout=30s")
    dromon = ["dromon", "exec", "-n", space]
    command = [*dromon, "-i", "up", "--", "sh", "-c", "exit 5"]
    reading, writing = os.pipe()  # input that does not end
    done = subprocess.run(
        command,
        stdin=reading,
        env=docker_cluster.environment,
        capture_output=True,
        text=True,
        timeout=10,
        check=False,
    )
    os.close(reading)
    os.close(writing)
    assert (done.returncode, done.stderr) == (5, "command terminated with exit code 5\n")
    missing = docker_cluster.run(*dromon, "absent", "--", "true", ok=False)
    assert missing.stderr == 'Error from server (NotFound): pods "absent" not found\n'
