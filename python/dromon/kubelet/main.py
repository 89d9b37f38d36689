"""A kubelet over Docker, put together and run.

Order: runtime, pause image, server (its port is in the node's status), registration, watches, agent.
When the API can't be reached, what runs goes on running.

Neighbours: config has the settings, agent does the work, dromon.cli starts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterable
from pathlib import Path

from dromon.api.kinds import NODES, PODS, SERVICES
from dromon.api.types.node import Node
from dromon.api.types.service import Service
from dromon.base.backoff import Backoff
from dromon.base.clock import Clock, SystemClock
from dromon.base.tasks import TaskSet
from dromon.client.bulk import Bulk
from dromon.client.events import EventRecorder
from dromon.client.informer import Informer
from dromon.client.rest import Client
from dromon.kubelet import machine
from dromon.kubelet.agent import Agent
from dromon.kubelet.config import KubeletConfig
from dromon.kubelet.context import ApiSources, NodeContext
from dromon.kubelet.files import PodFiles, identity
from dromon.kubelet.hosts import Dns
from dromon.kubelet.images import ensure_pause
from dromon.kubelet.network.bridge import BridgeNetwork
from dromon.kubelet.node import NodeFacts, base_units
from dromon.kubelet.prober import NetworkProber
from dromon.kubelet.registration import Registration
from dromon.kubelet.runtime.docker import DockerRuntime
from dromon.kubelet.runtime.interface import Image, RuntimeFailure
from dromon.kubelet.server.app import KubeletServer
from dromon.kubelet.statuswriter import StatusWriter
from dromon.kubelet.timers import Timers
from dromon.kubelet.volumes.manager import Volumes

log = logging.getLogger(__name__)


async def run(
    config: KubeletConfig, *, clock: Clock | None = None, ready: Callable[[], None] | None = None
) -> None:
    """Run a node until cancelled; containers go on.

    Args:
        ready: called once the node is Ready.
    """
    if config.runtime != "docker":
        raise ValueError(f"runtime {config.runtime!r} is not known: docker, or `dromon hollow`")
    node = DockerNode(config, clock or SystemClock())
    try:
        await node.start()
        if ready is not None:
            ready()
        await node.tasks.wait()
    finally:
        await node.close()


class DockerNode:
    """Everything of one kubelet process.

    Attributes:
        agent: the node, once `start` has returned.
    """

    def __init__(self, config: KubeletConfig, clock: Clock) -> None:
        self._config, self._clock = config, clock
        root = Path(config.root_dir).resolve()
        # Volumes with secrets lie below, readable by whatever user a container has.
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._root = str(root)
        self.tasks = TaskSet(clock)
        self._client = Client.from_kubeconfig(config.kubeconfig, user_agent="dromon-kubelet")
        self._timers = Timers(clock)
        self._recorder = EventRecorder(self._client, "kubelet", config.node_name, clock)
        self._statuses = StatusWriter(Bulk(self._client), clock, self._timers)
        self._runtime = DockerRuntime(
            identity(self._root, create=True),
            config.node_name,
            config.pause_image,
            config.docker_host,
            machine.lowest_oom_score(),
        )
        self._capacity = machine.capacity(self._root, config.max_pods)
        self._allocatable = machine.allocatable(self._root, config.max_pods)
        self._ip = config.node_ip or machine.default_ip()
        self._services: Informer[Service] = Informer(
            self._client, SERVICES, indexes={"namespace": lambda s: [s.metadata.namespace]}, clock=clock
        )
        self._server: KubeletServer | None = None
        self._info = machine.system_info("")
        self.agent = self._make_agent()

    def _make_agent(self) -> Agent:
        config, client = self._config, self._client
        sources = ApiSources(client)
        units = base_units(self._allocatable)
        host_resolv = ""
        with contextlib.suppress(OSError):
            host_resolv = Path("/etc/resolv.conf").read_text()
        context = NodeContext(
            node_name=config.node_name,
            hostname=machine.hostname(),
            host_ip=self._ip,
            client=client,
            clock=self._clock,
            timers=self._timers,
            runtime=self._runtime,
            network=BridgeNetwork(self._root, cluster_cidr=config.cluster_cidr),
            volumes=Volumes(self._root, sources, allocatable=units),
            sources=sources,
            prober=NetworkProber(self._runtime),
            recorder=self._recorder,
            statuses=self._statuses,
            services=self._services_for,
            files=PodFiles(self._root),
            dns=Dns(_words(config.cluster_dns), config.cluster_domain, host_resolv),
            capacity=units,
        )
        labels = dict(pair.split("=", 1) for pair in _words(config.node_labels))
        registration = Registration(
            client, self._clock, self._timers, self._facts, labels=labels, provider_id=config.provider_id
        )
        return Agent(context, registration)

    async def start(self) -> None:
        """Everything up to a Ready node."""
        config, tasks = self._config, self.tasks
        tasks.start("timers", self._timers.run)
        await self._connect()
        await self._serve()
        tasks.start("statuses", self._statuses.run, restart=True)
        tasks.start("services", self._services.run, restart=True)
        node = await self.agent.registration.register()
        self.agent.node_changed(node)
        nodes: Informer[Node] = Informer(
            self._client, NODES, fields=f"metadata.name={config.node_name}", clock=self._clock
        )
        nodes.add_handler(lambda old, new: self.agent.node_changed(new) if new else None)
        pods = Informer(self._client, PODS, fields=f"spec.nodeName={config.node_name}", clock=self._clock)
        pods.add_handler(self.agent.pod_changed)
        tasks.start("node", nodes.run, restart=True)
        tasks.start("pods", pods.run, restart=True)
        await asyncio.gather(pods.synced(), self._services.synced())
        await self.agent.start()
        log.info("node is ready", extra={"node": config.node_name, "ip": self._ip})

    async def _connect(self) -> None:
        """Reach the runtime, however long it takes."""
        backoff = Backoff(0.5, 10.0)
        connected = False
        while True:
            try:
                if not connected:
                    await self._runtime.connect(self.agent.runtime_changed)
                    connected = True
                await ensure_pause(self._runtime, self._config.pause_image)
                self._info = machine.system_info(await self._runtime.version())
                return
            except RuntimeFailure as error:
                log.warning("the container runtime is not usable yet", extra={"why": str(error)})
                await self._clock.sleep(backoff.next())

    async def _serve(self) -> None:
        config = self._config
        if not config.cert_file:
            return
        self._server = KubeletServer(
            self.agent,
            config.node_name,
            bind=config.bind,
            port=config.port,
            cert_file=config.cert_file,
            key_file=config.key_file,
            client_ca_file=config.client_ca_file,
        )
        await self._server.start()

    async def close(self) -> None:
        """Stop, touching no container."""
        await self.agent.close()
        if self._server is not None:
            await self._server.close()
        await self.tasks.close()
        await self._recorder.close()
        await self._runtime.close()
        await self._client.close()

    def _services_for(self, namespace: str) -> Iterable[Service]:
        kubernetes = self._services.get("default", "kubernetes")
        found = self._services.by_index("namespace", namespace)
        return found if namespace == "default" or kubernetes is None else [*found, kubernetes]

    async def _facts(self) -> NodeFacts:
        runtime_fault = await self._runtime.check()
        not_ready = f"container runtime is down: {runtime_fault}" if runtime_fault else self.agent.not_ready
        images: tuple[Image, ...] = ()
        with contextlib.suppress(RuntimeFailure):
            images = tuple(await self._runtime.images())
        return NodeFacts(
            name=self._config.node_name,
            hostname=machine.hostname(),
            ip=self._ip,
            port=self._server.port if self._server else 0,
            info=self._info,
            capacity=self._capacity,
            allocatable=self._allocatable,
            not_ready=not_ready,
            pressure=machine.pressure(self._root),
            images=images,
        )


def _words(text: str) -> tuple[str, ...]:
    """Comma-separated words."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
