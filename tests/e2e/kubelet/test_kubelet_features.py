"""What a container may ask for: users, limits, networks, namespaces, time, a terminal."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest

from dromon.api.types.container import (
    ContainerPort,
    Probe,
    ResourceRequirements,
    TCPSocketAction,
    VolumeMount,
)
from dromon.api.types.pod import HostAlias
from dromon.api.types.security import Capabilities, PodSecurityContext, SecurityContext
from dromon.api.types.volume import EmptyDirVolumeSource, Volume
from dromon.base.http.client import HttpClient
from dromon.kubelet import machine

pytestmark = [pytest.mark.docker, pytest.mark.root]


async def test_users_limits_and_files_are_as_asked(site: Any) -> None:
    """Security context, sub-paths, host names, cgroup limits."""
    script = (
        "id -u; id -g; id -G; hostname; grep -c alias.test /etc/hosts; cat /sub/file; "
        "touch /ro 2>/dev/null || echo read-only; exec sleep 1000"
    )
    init = site.container("echo inner >/v/dir/file", "init")
    init.volume_mounts = [VolumeMount(name="v", mount_path="/v/dir", sub_path="deep/dir")]
    container = site.container(script)
    container.volume_mounts = [VolumeMount(name="v", mount_path="/sub", sub_path="deep/dir", read_only=True)]
    container.security_context = SecurityContext(
        run_as_user=1234,
        read_only_root_filesystem=True,
        allow_privilege_escalation=False,
        capabilities=Capabilities(drop=["ALL"]),
    )
    container.resources = ResourceRequirements(limits={"cpu": "500m", "memory": "64Mi"})
    await site.create(
        "limited",
        container,
        init_containers=[init],
        volumes=[Volume(name="v", empty_dir=EmptyDirVolumeSource())],
        security_context=PodSecurityContext(run_as_group=2345, fs_group=3456),
        host_aliases=[HostAlias(ip="192.0.2.1", hostnames=["alias.test"])],
    )
    pod = await site.running("limited")
    log = (await site.log("limited", "?container=c")).split("\n")
    assert log[:2] == ["1234", "2345"]
    assert set(log[2].split()) == {"2345", "3456"}
    assert log[3:7] == ["limited", "1", "inner", "read-only"]
    memory, quota = site.docker(
        "inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.CpuQuota}}", site.container_id(pod)
    ).split()
    assert (memory, quota) == (str(64 << 20), "50000")


async def test_too_much_memory_and_too_much_time(site: Any) -> None:
    eater = site.container("tail /dev/zero")
    eater.resources = ResourceRequirements(limits={"memory": "16Mi"})
    await site.create("eater", eater, restart_policy="Never")
    await site.create("slow", site.container("exec sleep 1000"), active_deadline_seconds=2)
    ate = await site.until("eater", lambda p: p.status.phase == "Failed")
    ended = ate.status.container_statuses[0].state.terminated
    assert ended is not None
    assert ended.exit_code == 137
    slow = await site.until("slow", lambda p: p.status.phase == "Failed")
    assert slow.status.reason == "DeadlineExceeded"
    await site.until("slow", lambda p: p.status.container_statuses[0].state.terminated is not None)


async def test_host_network_host_ports_and_a_shared_process_namespace(site: Any) -> None:
    web = site.container("echo from the pod >/index.html; exec httpd -f -p 8080 -h /", "web")
    web.ports = [ContainerPort(container_port=8080, host_port=18391)]
    web.readiness_probe = Probe(tcp_socket=TCPSocketAction(port=8080), period_seconds=1)
    peer = site.container("sleep 1; ps | grep -c '[h]ttpd -f'; exec sleep 1000", "peer")
    await site.create("ported", web, peer, share_process_namespace=True)
    await site.create("hosted", site.container("hostname; exec sleep 1000"), host_network=True)
    await site.running("ported")
    hosted = await site.running("hosted")
    assert hosted.status.pod_ip == hosted.status.host_ip == "127.0.0.1"
    assert await site.log("hosted") == os.uname().nodename + "\n"
    assert site.node is not None
    # From the machine itself a host port answers on the node's own addresses.
    client = HttpClient(machine.default_ip(), 18391)
    try:
        assert (await client.request("GET", "/index.html")).body == b"from the pod\n"
    finally:
        await client.close()
    for _ in range(100):
        if await site.log("ported", "?container=peer"):
            break
        await asyncio.sleep(0.05)
    assert await site.log("ported", "?container=peer") == "1\n"


async def test_a_terminal_has_its_size(site: Any) -> None:
    await site.create("shell", site.container("exec sleep 1000"))
    pod = await site.running("shell")
    assert site.node is not None
    runtime = site.node.agent.context.runtime
    command = ("sh", "-c", "read line; stty size; exit 3")
    session = await runtime.open_exec(site.container_id(pod), command, tty=True, stdin=True)
    await session.resize(120, 40)
    await session.write(b"go\n")
    shown = b""
    while (frame := await session.read()) is not None:
        shown += frame[1]
    assert b"40 120" in shown
    assert await session.exit_code() == 3
    await session.close()
