"""Hollow nodes against a real apiserver in the same process: the life of pods, and of their kubelets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from dromon.api.kinds import LEASES, NODES, PODS
from dromon.api.types.container import Container
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.base.clock import SystemClock
from dromon.client.rest import Client
from dromon.kubelet.hollow import HollowNodes
from dromon.kubelet.hollow_config import HollowConfig
from dromon.testing.apiserver import RunningApiServer, running_apiserver

NODES_RUNNING = 3


@dataclass
class Site:
    """An apiserver and the hollow nodes on it."""

    api: RunningApiServer
    client: Client
    config: HollowConfig
    nodes: list[HollowNodes] = field(default_factory=list)

    async def start(self) -> HollowNodes:
        made = HollowNodes(self.config, SystemClock())
        self.nodes.append(made)
        starting = asyncio.create_task(made.start())
        await assign_cidrs(self.client)
        async with asyncio.timeout(20):
            await starting
        return made

    async def create(self, name: str, node: int = 0, policy: str = "Always", **script: str) -> None:
        annotations = {f"hollow.dromon.io/{k.replace('_', '-')}": v for k, v in script.items()}
        pod = Pod(
            metadata=ObjectMeta(name=name, namespace="default", annotations=annotations),
            spec=PodSpec(
                node_name=f"node-{node}", restart_policy=policy, containers=[Container(name="c", image="i:1")]
            ),
        )
        await self.client.create(PODS, pod)

    async def until(self, name: str, check: Callable[[Pod], Any]) -> Pod:
        for _ in range(400):
            pod = await self.client.get(PODS, name, "default")
            if check(pod):
                return pod
            await asyncio.sleep(0.02)
        raise AssertionError(f"not in time: {pod.status}")

    async def gone(self, name: str) -> None:
        for _ in range(400):
            if name not in [p.metadata.name for p in (await self.client.list(PODS)).items]:
                return
            await asyncio.sleep(0.02)
        raise AssertionError(f"{name} is still there")


async def assign_cidrs(client: Client) -> None:
    """What the controller manager does."""
    for i in range(NODES_RUNNING):
        for _ in range(400):
            nodes = {n.metadata.name: n for n in (await client.list(NODES)).items}
            if f"node-{i}" in nodes:
                break
            await asyncio.sleep(0.01)
        if not nodes[f"node-{i}"].spec.pod_cidr:
            cidr = f"10.1.{i}.0/24"
            await client.patch(NODES, f"node-{i}", "", {"spec": {"podCIDR": cidr, "podCIDRs": [cidr]}})


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with running_apiserver() as api:
        serving = api.pki.server("kubelet", common_name="kubelet", names=("127.0.0.1",))
        config = HollowConfig(
            str(api.kubeconfig),
            nodes=NODES_RUNNING,
            cert_file=str(serving.certificate),
            key_file=str(serving.key),
            client_ca_file=str(api.ca_file),
        )
        client = Client.from_kubeconfig(str(api.kubeconfig))
        made = Site(api, client, config)
        try:
            yield made
        finally:
            for nodes in made.nodes:
                await nodes.close()
            await client.close()


def ready(pod: Pod) -> bool:
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)


async def test_nodes_register_become_ready_and_send_heartbeats(site: Site) -> None:
    await site.start()
    nodes = (await site.client.list(NODES)).items
    assert [n.metadata.name for n in nodes] == ["node-0", "node-1", "node-2"]
    for node in nodes:
        assert {c.type: c.status for c in node.status.conditions}["Ready"] == "True"
        assert node.status.allocatable["pods"] == "110"
        assert node.metadata.labels["kubernetes.io/hostname"] == node.metadata.name
    for _ in range(200):
        leases = {lease.metadata.name for lease in (await site.client.list(LEASES, "kube-node-lease")).items}
        if len(leases) == NODES_RUNNING:
            break
        await asyncio.sleep(0.02)
    assert leases == {"node-0", "node-1", "node-2"}


async def test_a_pod_runs_has_logs_and_is_deleted(site: Site) -> None:
    await site.start()
    await site.create("web", node=1)
    pod = await site.until("web", ready)
    assert pod.status.phase == "Running"
    assert pod.status.pod_ip.startswith("10.1.1.")
    log = await site.client.raw("GET", "/api/v1/namespaces/default/pods/web/log")
    assert log.body == b"hollow container c started, attempt 0\n"
    await site.client.delete(PODS, "web", "default")
    await site.gone("web")


async def test_scripted_ends_and_restarts(site: Site) -> None:
    await site.start()
    await site.create("well", policy="Never", run_seconds="0.05")
    await site.create("ill", policy="OnFailure", run_seconds="0.05", exit_code="2")
    well = await site.until("well", lambda p: p.status.phase == "Succeeded")
    ended = well.status.container_statuses[0].state.terminated
    assert ended is not None
    assert ended.reason == "Completed"

    def crashing(pod: Pod) -> bool:
        states = [s.state.waiting for s in pod.status.container_statuses]
        return any(w is not None and w.reason == "CrashLoopBackOff" for w in states)

    ill = await site.until("ill", crashing)
    assert ill.status.container_statuses[0].restart_count == 1
    assert ill.status.phase == "Running"


async def test_a_restarted_process_touches_no_pod(site: Site) -> None:
    first = await site.start()
    await site.create("stays")
    await site.create("other")
    before = await site.until("stays", ready)
    await site.until("other", ready)
    await first.close()
    site.nodes.remove(first)
    await site.client.delete(PODS, "other", "default")
    await site.start()
    await site.gone("other")
    after = await site.client.get(PODS, "stays", "default")
    assert after.status == before.status
    assert after.metadata.resource_version == before.metadata.resource_version


async def test_a_node_without_a_pod_cidr_says_so(site: Site) -> None:
    site.config = replace(site.config, nodes=1)
    nodes = HollowNodes(site.config, SystemClock())
    site.nodes.append(nodes)
    starting = asyncio.create_task(nodes.start())
    try:
        for _ in range(200):
            found = (await site.client.list(NODES)).items
            if found:
                break
            await asyncio.sleep(0.02)
        condition = next(c for c in found[0].status.conditions if c.type == "Ready")
        assert condition.status == "False"
        assert "podCIDR" in condition.message
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
