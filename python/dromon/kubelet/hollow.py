"""Simulated nodes: many kubelets in one process, with the API traffic of real ones and no containers.

Agent, workers, plans and statuses are the real ones; only runtime, network, volumes and probes are simulated.
All nodes share one client, one watch of pods (by spec.nodeName), one set of timers and one server. What the
API says about a node's pods is where the simulation takes up again after a restart.

Neighbours: runtime.hollow simulates containers; dromon.cli runs it for `--runtime hollow`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from dromon.api.kinds import NODES, PODS
from dromon.api.types.node import Node, NodeSystemInfo
from dromon.api.types.pod import Pod
from dromon.base.clock import Clock, SystemClock
from dromon.base.tasks import TaskSet
from dromon.client.bulk import Bulk
from dromon.client.events import EventRecorder
from dromon.client.eventwriter import EventWriter
from dromon.client.informer import Informer
from dromon.client.rest import Client
from dromon.kubelet import machine
from dromon.kubelet.agent import Agent
from dromon.kubelet.context import ApiSources, NodeContext
from dromon.kubelet.hollow_config import HollowConfig
from dromon.kubelet.network.hollow import HollowNetwork
from dromon.kubelet.node import VERSION, NodeFacts, base_units
from dromon.kubelet.registration import Registration
from dromon.kubelet.runtime.hollow import HollowProber, HollowRuntime
from dromon.kubelet.runtime.interface import Runtime
from dromon.kubelet.server.app import KubeletServer
from dromon.kubelet.statuswriter import StatusWriter
from dromon.kubelet.timers import Timers
from dromon.kubelet.worker import PodWorker

log = logging.getLogger(__name__)

ASSIGNED = "spec.nodeName!="
"""The pods that have a node."""

PATIENCE = 10.0
"""Seconds that a simulated node waits for its pod CIDR before it takes one that nobody assigned."""

WRITES = 64
"""Requests in flight at once."""

EVENTS = 100_000
"""Events that may wait to be written, of all nodes together."""

STARTS = 64
"""Nodes that register at once."""


class HollowVolumes:
    """Volumes of simulated pods: always there (volumes.interface.VolumeManager)."""

    async def mount(self, pod: Pod) -> Mapping[str, str]:
        return {}

    async def refresh(self, pod: Pod) -> None:
        pass

    async def unmount(self, pod_uid: str) -> None:
        pass


class Silence:
    """A recorder that writes nothing."""

    def event(self, obj: object, type: str, reason: str, message: str, *, field_path: str = "") -> None:
        pass


async def run(
    config: HollowConfig, *, clock: Clock | None = None, ready: Callable[[], None] | None = None
) -> None:
    """Run simulated nodes until cancelled.

    Args:
        ready: called once all nodes are Ready.
    """
    cluster = HollowNodes(config, clock or SystemClock())
    try:
        await cluster.start()
        if ready is not None:
            ready()
        await cluster.tasks.wait()
    finally:
        await cluster.close()


@dataclass(slots=True)
class _HollowNode:
    agent: Agent
    runtime: HollowRuntime
    network: HollowNetwork


class HollowNodes:
    """The nodes of one process; also what its server finds pods by (server.app.Pods)."""

    def __init__(self, config: HollowConfig, clock: Clock) -> None:
        self._config, self._clock = config, clock
        self.tasks = TaskSet(clock)
        self._client = Client.from_kubeconfig(
            config.kubeconfig, user_agent="dromon-hollow", max_connections=WRITES
        )
        self._timers = Timers(clock)
        self._statuses = StatusWriter(Bulk(self._client), clock, self._timers)
        self._events = EventWriter(self._client, clock, limit=EVENTS)
        self._server: KubeletServer | None = None
        self._nodes: dict[str, _HollowNode] = {}
        self._by_pod: dict[str, str] = {}
        self._capacity = {
            "cpu": config.cpu,
            "memory": config.memory,
            "ephemeral-storage": "100Gi",
            "pods": str(config.max_pods),
        }
        self._pods: Informer[Pod] = Informer(self._client, PODS, fields=ASSIGNED, clock=clock)
        for i in range(config.nodes):
            name = f"{config.name_prefix}{config.first + i}"
            self._nodes[name] = self._make(name, i)

    def _make(self, name: str, i: int) -> _HollowNode:
        config = self._config
        runtime = HollowRuntime(self._clock, self._timers, config.lives(name))
        network = HollowNetwork()
        recorder: EventRecorder | Silence = Silence()
        if config.events:
            recorder = EventRecorder(self._client, "kubelet", name, self._clock, self._events)
        context = NodeContext(
            node_name=name,
            hostname=name,
            host_ip=config.node_ip,
            client=self._client,
            clock=self._clock,
            timers=self._timers,
            runtime=runtime,
            network=network,
            volumes=HollowVolumes(),
            sources=ApiSources(self._client),
            prober=HollowProber(self._clock, runtime),
            recorder=recorder,
            statuses=self._statuses,
            services=lambda namespace: (),
            capacity=base_units(self._capacity),
        )
        agent: Agent

        async def facts() -> NodeFacts:
            return self._facts(name, agent)

        labels = dict(p.strip().split("=", 1) for p in config.labels.split(",") if p.strip())
        registration = Registration(
            self._client,
            self._clock,
            self._timers,
            facts,
            labels=labels,
            offset=(i * 0.618034) % 1.0,
        )
        agent = Agent(context, registration)
        return _HollowNode(agent, runtime, network)

    def _facts(self, name: str, agent: Agent) -> NodeFacts:
        info = NodeSystemInfo(
            machine_id=name,
            system_uuid=name,
            boot_id=name,
            kernel_version="hollow",
            os_image="Hollow node",
            container_runtime_version="hollow://1.0.0",
            kubelet_version=VERSION,
            kube_proxy_version=VERSION,
            operating_system="linux",
            architecture=machine.architecture(),
        )
        return NodeFacts(
            name=name,
            hostname=name,
            ip=self._config.node_ip,
            port=self._server.port if self._server else 0,
            info=info,
            capacity=self._capacity,
            allocatable=self._capacity,
            not_ready=agent.not_ready,
        )

    async def start(self) -> None:
        """Everything up to all nodes Ready."""
        self.tasks.start("timers", self._timers.run)
        self.tasks.start("statuses", self._statuses.run, restart=True)
        await self._serve()
        nodes: Informer[Node] = Informer(self._client, NODES, clock=self._clock)
        nodes.add_handler(self._node_changed)
        self._pods.add_handler(self._pod_changed)
        self.tasks.start("pods", self._pods.run, restart=True)
        self.tasks.start("nodes", nodes.run, restart=True)
        await self._pods.synced()
        gate = asyncio.Semaphore(STARTS)
        await asyncio.gather(
            *(self._start_node(i, node, gate) for i, node in enumerate(self._nodes.values()))
        )
        log.info("hollow nodes are ready", extra={"nodes": len(self._nodes)})

    async def _start_node(self, i: int, node: _HollowNode, gate: asyncio.Semaphore) -> None:
        agent = node.agent
        await node.runtime.connect(agent.runtime_changed)
        async with gate:
            agent.node_changed(await agent.registration.register())
        await agent.start(_own_cidr(i), PATIENCE)

    async def _serve(self) -> None:
        config = self._config
        if not config.cert_file:
            return
        self._server = KubeletServer(
            self,
            config.name_prefix + "*",
            bind=config.bind,
            port=config.port,
            cert_file=config.cert_file,
            key_file=config.key_file,
            client_ca_file=config.client_ca_file,
        )
        await self._server.start()

    async def close(self) -> None:
        """Stop."""
        await asyncio.gather(*(n.agent.close() for n in self._nodes.values()))
        if self._server is not None:
            await self._server.close()
        await self.tasks.close()
        await self._events.close()
        await asyncio.gather(*(n.runtime.close() for n in self._nodes.values()))
        await self._client.close()

    def _node_changed(self, old: Node | None, new: Node | None) -> None:
        if new is not None and (node := self._nodes.get(new.metadata.name)) is not None:
            node.agent.node_changed(new)

    def _pod_changed(self, old: Pod | None, new: Pod | None) -> None:
        """Give the change to the pod's node; a pod gets one once and never moves."""
        before = self._nodes.get(old.spec.node_name) if old else None
        after = self._nodes.get(new.spec.node_name) if new else None
        if before is not None and before is not after:
            before.agent.pod_changed(old, None)
        if new is None or after is None:
            if old is not None:
                self._by_pod.pop(_key(old), None)
            return
        self._by_pod[_key(new)] = new.spec.node_name
        if not self._pods.has_synced:
            after.runtime.adopt(new)
            if new.status.pod_ip and not new.spec.host_network:
                after.network.keep(new.metadata.uid, new.status.pod_ip)
        after.agent.pod_changed(old if before is after else None, new)

    # server.app.Pods

    def find(self, namespace: str, name: str) -> PodWorker | None:
        """The worker of a pod by name."""
        node = self._nodes.get(self._by_pod.get(f"{namespace}/{name}", ""))
        return node.agent.find(namespace, name) if node else None

    def workers(self) -> Iterable[PodWorker]:
        """Every pod's worker."""
        for node in self._nodes.values():
            yield from node.agent.workers()

    def runtime_of(self, worker: PodWorker) -> Runtime:
        """The runtime of the pod's node."""
        return self._nodes[worker.pod.spec.node_name].runtime


def _key(pod: Pod) -> str:
    return f"{pod.metadata.namespace}/{pod.metadata.name}"


def _own_cidr(i: int) -> str:
    """A /22 of the shared address space (RFC 6598) for a node that gets no pod CIDR."""
    return f"100.{64 + (i >> 6) % 64}.{(i & 63) * 4}.0/22"
