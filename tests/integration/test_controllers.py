"""The controllers against a real apiserver: what happens in a cluster, nodes of its own left aside."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from dromon.api import kinds, times
from dromon.api.errors import ApiError
from dromon.api.types.config import ConfigMap
from dromon.api.types.container import Container, ContainerPort
from dromon.api.types.coordination import Lease, LeaseSpec
from dromon.api.types.meta import ObjectMeta, OwnerReference
from dromon.api.types.namespace import Namespace
from dromon.api.types.node import Node, NodeCondition, NodeStatus
from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.api.types.workload import PodTemplateSpec, ReplicationController, ReplicationControllerSpec
from dromon.base.clock import SystemClock
from dromon.client.rest import Client
from dromon.controllers.config import ControllerManagerConfig
from dromon.controllers.main import run
from dromon.testing.apiserver import RunningApiServer, running_apiserver

LIMIT = 20.0


@dataclass
class Cluster:
    api: RunningApiServer
    client: Client


@contextlib.asynccontextmanager
async def managed(api: RunningApiServer, **settings: Any) -> AsyncIterator[None]:
    """Controllers that run until the block ends."""
    config = ControllerManagerConfig(
        kubeconfig=str(api.kubeconfig), root_ca_file=str(api.ca_file), **settings
    )
    up = asyncio.Event()
    task = asyncio.create_task(run(config, ready=up.set))
    try:
        await asyncio.wait_for(up.wait(), LIMIT)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def cluster() -> AsyncIterator[Cluster]:
    async with running_apiserver() as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))
        async with managed(api):
            yield Cluster(api, client)
        await client.close()


async def eventually(check: Callable[[], Awaitable[Any]], why: str = "") -> Any:
    """Ask until the answer is true; fail after LIMIT seconds."""
    result = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LIMIT):
            while not (result := await check()):
                await asyncio.sleep(0.02)
    assert result, why or f"not within {LIMIT} s"
    return result


async def absent(client: Client, resource: Any, name: str, namespace: str = "") -> bool:
    try:
        await client.get(resource, name, namespace)
    except ApiError as error:
        if error.code == 404:
            return True
        raise
    return False


def controller(name: str = "nifty-rc", replicas: int = 3, **labels: str) -> ReplicationController:
    labels = labels or {"App": "Nifty"}
    ports = [ContainerPort(name="http", container_port=8080)]
    return ReplicationController(
        metadata=ObjectMeta(name=name, namespace="default"),
        spec=ReplicationControllerSpec(
            replicas=replicas,
            selector=labels,
            template=PodTemplateSpec(
                metadata=ObjectMeta(labels=labels),
                spec=PodSpec(containers=[Container(name="web", image="nifty", ports=ports)]),
            ),
        ),
    )


async def pods(client: Client, labels: str = "App=Nifty", namespace: str = "default") -> list[Pod]:
    """Those that are not on their way out."""
    found = await client.list(kinds.PODS, namespace, labels=labels)
    return [p for p in found.items if p.metadata.deletion_timestamp is None]


async def run_pod(client: Client, pod: Pod, ip: str, ready: bool = True) -> None:
    """What a kubelet would report."""
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "lastTransitionTime": times.format(SystemClock().now()),
    }
    status = {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}], "conditions": [condition]}
    await client.patch(
        kinds.PODS, pod.metadata.name, pod.metadata.namespace, {"status": status}, subresource="status"
    )


async def test_replicas_are_made_replaced_and_removed(cluster: Cluster) -> None:
    client = cluster.client
    await client.create(kinds.REPLICATION_CONTROLLERS, controller())

    async def count(wanted: int) -> list[Pod]:
        found = await pods(client)
        return found if len(found) == wanted else []

    made = await eventually(lambda: count(3))
    for pod in made:
        assert pod.metadata.name.startswith("nifty-rc-")
        assert len(pod.metadata.name) == len("nifty-rc-") + 5
        (owner,) = pod.metadata.owner_references
        assert (owner.kind, owner.name, owner.controller) == ("ReplicationController", "nifty-rc", True)

    await client.delete(kinds.PODS, made[0].metadata.name, "default", grace_period=0)

    async def replaced() -> bool:
        found = await pods(client)
        return len(found) == 3 and made[0].metadata.name not in {p.metadata.name for p in found}

    await eventually(replaced)

    await client.patch(kinds.REPLICATION_CONTROLLERS, "nifty-rc", "default", {"spec": {"replicas": 1}})
    await eventually(lambda: count(1))

    async def reported() -> bool:
        rc = await client.get(kinds.REPLICATION_CONTROLLERS, "nifty-rc", "default")
        return (
            rc.status.replicas == 1
            and rc.status.fully_labeled_replicas == 1
            and rc.status.observed_generation == rc.metadata.generation
        )

    await eventually(reported)
    events = await client.list(kinds.EVENTS, "default")
    assert {"SuccessfulCreate", "SuccessfulDelete"} <= {e.reason for e in events.items}


async def test_availability_is_reported(cluster: Cluster) -> None:
    client = cluster.client
    await client.create(kinds.REPLICATION_CONTROLLERS, controller(replicas=2))

    async def both() -> list[Pod]:
        found = await pods(client)
        return found if len(found) == 2 else []

    for i, pod in enumerate(await eventually(both)):
        await run_pod(client, pod, f"10.1.1.{i + 2}", ready=i == 0)

    async def one() -> bool:
        status = (await client.get(kinds.REPLICATION_CONTROLLERS, "nifty-rc", "default")).status
        return status.ready_replicas == status.available_replicas == 1

    await eventually(one)


async def test_adoption_and_release(cluster: Cluster) -> None:
    client = cluster.client
    orphan = Pod(
        metadata=ObjectMeta(name="stray", namespace="default", labels={"App": "Nifty"}),
        spec=PodSpec(containers=[Container(name="web", image="nifty")]),
    )
    await client.create(kinds.PODS, orphan)
    await client.create(kinds.REPLICATION_CONTROLLERS, controller(replicas=2))

    async def adopted() -> bool:
        owners = (await client.get(kinds.PODS, "stray", "default")).metadata.owner_references
        return bool(owners) and owners[0].name == "nifty-rc" and len(await pods(client)) == 2

    await eventually(adopted)
    await client.patch(kinds.PODS, "stray", "default", {"metadata": {"labels": {"App": "Other"}}})

    async def released() -> bool:
        stray = await client.get(kinds.PODS, "stray", "default")
        return not stray.metadata.owner_references and len(await pods(client)) == 2

    await eventually(released)


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
async def test_dependents_go_with_their_owner(cluster: Cluster, propagation: str) -> None:
    client = cluster.client
    await client.create(kinds.REPLICATION_CONTROLLERS, controller(replicas=3))

    async def three() -> bool:
        return len(await pods(client)) == 3

    await eventually(three)
    await client.delete(kinds.REPLICATION_CONTROLLERS, "nifty-rc", "default", propagation=propagation)

    async def nothing() -> bool:
        found = await client.list(kinds.PODS, "default")
        return not found.items and await absent(client, kinds.REPLICATION_CONTROLLERS, "nifty-rc", "default")

    await eventually(nothing)


async def test_orphans_stay(cluster: Cluster) -> None:
    client = cluster.client
    await client.create(kinds.REPLICATION_CONTROLLERS, controller(replicas=2))

    async def two() -> bool:
        return len(await pods(client)) == 2

    await eventually(two)
    await client.delete(kinds.REPLICATION_CONTROLLERS, "nifty-rc", "default", propagation="Orphan")

    async def orphaned() -> bool:
        gone = await absent(client, kinds.REPLICATION_CONTROLLERS, "nifty-rc", "default")
        left = await pods(client)
        return gone and len(left) == 2 and not any(p.metadata.owner_references for p in left)

    await eventually(orphaned)


async def test_owner_that_never_was_takes_its_dependent_along(cluster: Cluster) -> None:
    owner = OwnerReference(api_version="v1", kind="ConfigMap", name="nobody", uid="no-such-uid")
    made = ConfigMap(metadata=ObjectMeta(name="left", namespace="default", owner_references=[owner]))
    await cluster.client.create(kinds.CONFIG_MAPS, made)
    await eventually(lambda: absent(cluster.client, kinds.CONFIG_MAPS, "left", "default"))


async def test_a_service_follows_its_pods(cluster: Cluster) -> None:
    client = cluster.client
    service = Service(
        metadata=ObjectMeta(name="nifty-svc", namespace="default", labels={"App": "Nifty"}),
        spec=ServiceSpec(selector={"App": "Nifty"}, ports=[ServicePort(port=9376, target_port="http")]),
    )
    await client.create(kinds.SERVICES, service)
    await client.create(kinds.REPLICATION_CONTROLLERS, controller(replicas=2))

    async def both() -> list[Pod]:
        found = await pods(client)
        return found if len(found) == 2 else []

    first, second = await eventually(both)
    await run_pod(client, first, "10.1.1.2")
    await run_pod(client, second, "10.1.1.3", ready=False)

    async def split() -> bool:
        if await absent(client, kinds.ENDPOINTS, "nifty-svc", "default"):
            return False
        subsets = (await client.get(kinds.ENDPOINTS, "nifty-svc", "default")).subsets
        return [
            ([a.ip for a in s.addresses], [a.ip for a in s.not_ready_addresses], [p.port for p in s.ports])
            for s in subsets
        ] == [(["10.1.1.2"], ["10.1.1.3"], [8080])]

    await eventually(split)

    async def sliced() -> bool:
        found = await client.list(
            kinds.ENDPOINT_SLICES, "default", labels="kubernetes.io/service-name=nifty-svc"
        )
        if len(found.items) != 1:
            return False
        (slice_,) = found.items
        ready = {e.addresses[0]: e.conditions.ready for e in slice_.endpoints}
        return ready == {"10.1.1.2": True, "10.1.1.3": False} and slice_.ports[0].port == 8080

    await eventually(sliced)
    await client.delete(kinds.SERVICES, "nifty-svc", "default")
    await eventually(lambda: absent(client, kinds.ENDPOINTS, "nifty-svc", "default"))

    async def no_slices() -> bool:
        found = await client.list(
            kinds.ENDPOINT_SLICES, "default", labels="kubernetes.io/service-name=nifty-svc"
        )
        return not found.items

    await eventually(no_slices)


async def test_a_namespace_is_furnished_and_emptied(cluster: Cluster) -> None:
    client = cluster.client
    await client.create(kinds.NAMESPACES, Namespace(metadata=ObjectMeta(name="play")))

    async def furnished() -> bool:
        missing = await absent(client, kinds.SERVICE_ACCOUNTS, "default", "play")
        if missing or await absent(client, kinds.CONFIG_MAPS, "kube-root-ca.crt", "play"):
            return False
        published = await client.get(kinds.CONFIG_MAPS, "kube-root-ca.crt", "play")
        return published.data == {"ca.crt": cluster.api.ca_file.read_text()}

    await eventually(furnished)
    await client.delete(kinds.SERVICE_ACCOUNTS, "default", "play")
    await eventually(furnished)
    rc = controller(replicas=2)
    rc.metadata.namespace = "play"
    await client.create(kinds.REPLICATION_CONTROLLERS, rc)

    async def running() -> bool:
        return len(await pods(client, namespace="play")) == 2

    await eventually(running)
    await client.delete(kinds.NAMESPACES, "play")
    await eventually(lambda: absent(client, kinds.NAMESPACES, "play"))
    for resource in (kinds.PODS, kinds.CONFIG_MAPS, kinds.REPLICATION_CONTROLLERS, kinds.SERVICE_ACCOUNTS):
        assert not (await client.list(resource, "play")).items


def node(name: str) -> Node:
    now = times.format(SystemClock().now())
    ready = NodeCondition(type="Ready", status="True", last_heartbeat_time=now, last_transition_time=now)
    return Node(metadata=ObjectMeta(name=name), status=NodeStatus(conditions=[ready]))


async def register(client: Client, name: str) -> None:
    """What a kubelet does first."""
    made = await client.create(kinds.NODES, node(name))
    if not made.status.conditions:
        made.status = node(name).status
        await client.patch(kinds.NODES, name, "", {"status": made.status}, subresource="status")
    lease = Lease(
        metadata=ObjectMeta(name=name, namespace="kube-node-lease"),
        spec=LeaseSpec(holder_identity=name, renew_time=times.micro(SystemClock().now())),
    )
    await client.create(kinds.LEASES, lease)


async def test_nodes_get_subnets_of_their_own(cluster: Cluster) -> None:
    client = cluster.client
    for i in range(3):
        await register(client, f"node-{i}")

    async def given() -> list[str]:
        found = [n.spec.pod_cidr for n in (await client.list(kinds.NODES)).items]
        return found if all(found) else []

    assert sorted(await eventually(given)) == ["10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24"]


async def test_silent_node_is_tainted_and_its_pods_evicted() -> None:
    async with running_apiserver() as api, managed(api, node_monitor_grace=0.5):
        client = Client.from_kubeconfig(str(api.kubeconfig))
        await register(client, "silent")
        await register(client, "alive")
        alive = True

        async def beat() -> None:
            while alive:
                renew = {"spec": {"renewTime": times.micro(SystemClock().now())}}
                await client.patch(kinds.LEASES, "alive", "kube-node-lease", renew)
                await asyncio.sleep(0.1)

        beating = asyncio.create_task(beat())
        pod = Pod(
            metadata=ObjectMeta(name="web", namespace="default"),
            spec=PodSpec(node_name="silent", containers=[Container(name="web", image="nifty")]),
        )
        pod = await client.create(kinds.PODS, pod)
        await run_pod(client, pod, "10.1.1.2")
        for key in ("not-ready", "unreachable"):
            # Shorten what admission made of it: five minutes are too long for a test.
            pod = await client.get(kinds.PODS, "web", "default")
            assert f"node.kubernetes.io/{key}" in {t.key for t in pod.spec.tolerations}

        async def lost() -> bool:
            silent = await client.get(kinds.NODES, "silent")
            taints = {(t.key, t.effect) for t in silent.spec.taints}
            return {
                ("node.kubernetes.io/unreachable", "NoSchedule"),
                ("node.kubernetes.io/unreachable", "NoExecute"),
            } <= taints

        await eventually(lost)
        silent = await client.get(kinds.NODES, "silent")
        ready = next(c for c in silent.status.conditions if c.type == "Ready")
        assert (ready.status, ready.reason) == ("Unknown", "NodeStatusUnknown")

        async def not_ready() -> bool:
            conditions = (await client.get(kinds.PODS, "web", "default")).status.conditions
            return any(c.type == "Ready" and c.status == "False" for c in conditions)

        await eventually(not_ready)
        assert not (await client.get(kinds.NODES, "alive")).spec.taints
        alive = False
        await beating
        await client.close()


async def test_pods_of_a_node_that_is_gone_are_collected() -> None:
    async with running_apiserver() as api, managed(api, orphan_quarantine=0.2):
        client = Client.from_kubeconfig(str(api.kubeconfig))
        await register(client, "brief")
        pod = Pod(
            metadata=ObjectMeta(name="web", namespace="default"),
            spec=PodSpec(node_name="brief", containers=[Container(name="web", image="nifty")]),
        )
        await client.create(kinds.PODS, pod)
        await client.delete(kinds.NODES, "brief")
        await eventually(lambda: absent(client, kinds.PODS, "web", "default"))
        await client.close()


async def test_a_second_manager_takes_over_without_a_second_set_of_pods() -> None:
    async with running_apiserver() as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))
        await client.create(kinds.REPLICATION_CONTROLLERS, controller(replicas=5))

        async def five() -> list[Pod]:
            found = await pods(client)
            return found if len(found) == 5 else []

        async with managed(api):
            before = {p.metadata.uid for p in await eventually(five)}
        async with managed(api):
            await client.patch(
                kinds.REPLICATION_CONTROLLERS, "nifty-rc", "default", {"metadata": {"labels": {"a": "b"}}}
            )

            async def seen() -> bool:
                events = await client.list(kinds.REPLICATION_CONTROLLERS, "default")
                return events.items[0].status.replicas == 5

            await eventually(seen)
            assert {p.metadata.uid for p in await pods(client)} == before
        await client.close()
