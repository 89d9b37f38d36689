"""The scheduler against a real apiserver over HTTPS: only the public API between them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

import pytest
from msgspec import convert

from dromon.api.kinds import EVENTS, NODES, PODS
from dromon.api.types.event import Event
from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.client.rest import Client
from dromon.scheduler import budgets
from dromon.scheduler.config import SchedulerConfig
from dromon.scheduler.main import run
from dromon.testing.apiserver import running_apiserver


class Cluster:
    """An apiserver with a scheduler, and a client that plays everybody else."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def node(self, name: str, cpu: str = "4", **spec: Any) -> None:
        node = convert({"metadata": {"name": name}, "spec": spec}, Node)
        await self.client.create(NODES, node)
        allocatable = {"cpu": cpu, "memory": "8Gi", "pods": "110"}
        status = {"status": {"allocatable": allocatable, "capacity": allocatable}}
        await self.client.patch(NODES, name, "", status, subresource="status")

    async def pod(self, name: str, cpu: str = "100m", **spec: Any) -> None:
        container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu}}}
        meta = {"name": name, "namespace": "default"}
        pod = {"metadata": meta, "spec": {"containers": [container], **spec}}
        await self.client.create(PODS, convert(pod, Pod))

    async def until(self, name: str, true: Callable[[Pod], Any]) -> Pod:
        """The pod, once it is as wanted."""
        async with asyncio.timeout(10):
            while True:
                pod = await self.client.get(PODS, name, "default")
                if true(pod):
                    return pod
                await asyncio.sleep(0.02)

    async def event(self, name: str, reason: str) -> Event:
        """The pod's event, once it is there."""
        fields = f"involvedObject.name={name},reason={reason}"
        async with asyncio.timeout(10):
            while True:
                found = (await self.client.list(EVENTS, "default", fields=fields)).items
                if found:
                    return found[0]
                await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def scheduling(kubeconfig: str, engine: Literal["rust", "python"]) -> AsyncIterator[None]:
    ready = asyncio.Event()
    config = SchedulerConfig(kubeconfig=kubeconfig, engine=engine, seed=1)
    task = asyncio.create_task(run(config, ready=ready.set))
    waiting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait((task, waiting), timeout=10, return_when=asyncio.FIRST_COMPLETED)
        assert ready.is_set()
        yield
    finally:
        waiting.cancel()
        task.cancel()
        await asyncio.gather(task, waiting, return_exceptions=True)


@pytest.fixture(params=["rust", "python"])
async def cluster(request: pytest.FixtureRequest) -> AsyncIterator[Cluster]:
    async with running_apiserver() as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))
        try:
            async with scheduling(str(api.kubeconfig), request.param):
                yield Cluster(client)
        finally:
            await client.close()


def scheduled(pod: Pod) -> Any:
    return next((c for c in pod.status.conditions if c.type == "PodScheduled"), None)


async def test_pods_get_nodes(cluster: Cluster) -> None:
    await cluster.node("a")
    await cluster.node("b")
    for i in range(10):
        await cluster.pod(f"p{i}", cpu="500m")
    pods = [await cluster.until(f"p{i}", lambda pod: pod.spec.node_name) for i in range(10)]
    nodes = [pod.spec.node_name for pod in pods]
    assert nodes.count("a") == nodes.count("b") == 5
    assert scheduled(pods[0]).status == "True"
    event = await cluster.event("p0", "Scheduled")
    assert event.message == f"Successfully assigned default/p0 to {nodes[0]}"
    assert event.source.component == "default-scheduler"


async def test_what_does_not_fit_is_explained_and_placed_when_it_does(cluster: Cluster) -> None:
    await cluster.node("a", cpu="1")
    await cluster.node("b", cpu="8", taints=[{"key": "k", "value": "v", "effect": "NoSchedule"}])
    await cluster.pod("big", cpu="2")
    message = (
        "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint {k: v}. "
        "preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling."
    )
    pod = await cluster.until("big", scheduled)
    condition = scheduled(pod)
    assert (condition.status, condition.reason) == ("False", "Unschedulable")
    assert condition.message == message
    event = await cluster.event("big", "FailedScheduling")
    assert (event.type, event.message) == ("Warning", message)
    await cluster.client.patch(NODES, "b", "", {"spec": {"taints": None}}, kind="merge")
    pod = await cluster.until("big", lambda pod: pod.spec.node_name == "b")
    assert scheduled(pod).status == "True"


async def test_a_deleted_pod_makes_room(cluster: Cluster) -> None:
    await cluster.node("a", cpu="1")
    await cluster.pod("first", cpu="1")
    await cluster.until("first", lambda pod: pod.spec.node_name)
    await cluster.pod("second", cpu="1")
    await cluster.until("second", scheduled)
    await cluster.client.delete(PODS, "first", "default", grace_period=0)
    await cluster.until("second", lambda pod: pod.spec.node_name == "a")


async def test_gates_hold_a_pod_back(cluster: Cluster) -> None:
    await cluster.node("a")
    await cluster.pod("gated", schedulingGates=[{"name": "example.com/wait"}])
    pod = await cluster.until("gated", scheduled)
    assert scheduled(pod).reason == "SchedulingGated"
    await cluster.client.patch(PODS, "gated", "default", {"spec": {"schedulingGates": None}}, kind="merge")
    await cluster.until("gated", lambda pod: pod.spec.node_name == "a")


async def test_the_server_is_asked_whether_it_has_budgets(cluster: Cluster) -> None:
    assert await budgets.served(cluster.client)
