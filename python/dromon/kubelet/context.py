"""What the workers of one node share: the seams, the clock and facts about the node.

Neighbours: main and hollow put it together; agent, worker and operations use it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from dromon.api.errors import ApiError
from dromon.api.kinds import CONFIG_MAPS, SECRETS
from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.api.types.config import ConfigMap, Secret
from dromon.api.types.container import Container as ContainerSpec
from dromon.api.types.container import LifecycleHandler
from dromon.api.types.pod import Pod
from dromon.api.types.service import Service
from dromon.base.clock import Clock
from dromon.client.rest import Client
from dromon.kubelet.files import PodFiles
from dromon.kubelet.hosts import Dns
from dromon.kubelet.network.interface import PodNetwork
from dromon.kubelet.probes import Outcome, Prober
from dromon.kubelet.runtime.interface import Container, Runtime
from dromon.kubelet.statuswriter import StatusWriter
from dromon.kubelet.timers import Timers
from dromon.kubelet.volumes.interface import Sources, VolumeManager

T = TypeVar("T", bound=Api)


class Recorder(Protocol):
    """Writes Events without blocking (client.events.EventRecorder)."""

    def event(self, obj: Any, type: str, reason: str, message: str, *, field_path: str = "") -> None: ...


class NodeProber(Prober, Protocol):
    """Probes, and lifecycle hooks."""

    async def hook(
        self,
        handler: LifecycleHandler,
        spec: ContainerSpec,
        container: Container,
        pod_ip: str,
        seconds: float,
    ) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class NodeContext:
    """One node's surroundings.

    Attributes:
        hostname: of the machine, for pods on its network.
        host_ip: the node's InternalIP.
        services: gives what may appear in a pod's environment: namespace -> services.
        capacity: allocatable resources in base units (cpu in milli).
        files: pods' directories; None on hollow nodes.
    """

    node_name: str
    hostname: str
    host_ip: str
    client: Client
    clock: Clock
    timers: Timers
    runtime: Runtime
    network: PodNetwork
    volumes: VolumeManager
    sources: Sources
    prober: NodeProber
    recorder: Recorder
    statuses: StatusWriter
    services: Callable[[str], Iterable[Service]]
    files: PodFiles | None = None
    dns: Dns = field(default_factory=Dns)
    capacity: Mapping[str, int] = field(default_factory=dict)

    def event(self, pod: Pod, kind: str, reason: str, message: str, container: str = "") -> None:
        """Record an Event about a pod or one of its containers.

        Orphans, of which only the name is known, get none.
        """
        if not pod.spec.containers:
            return
        path = ""
        if container:
            init = any(c.name == container for c in pod.spec.init_containers)
            path = f"spec.{'initContainers' if init else 'containers'}{{{container}}}"
        self.recorder.event(pod, kind, reason, message, field_path=path)


class ApiSources:
    """ConfigMaps and Secrets read from the API when they are needed (volumes.interface.Sources)."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def config_map(self, namespace: str, name: str) -> ConfigMap | None:
        return await self._get(CONFIG_MAPS, namespace, name)

    async def secret(self, namespace: str, name: str) -> Secret | None:
        return await self._get(SECRETS, namespace, name)

    async def _get(self, resource: Resource[T], namespace: str, name: str) -> T | None:
        try:
            return await self._client.get(resource, name, namespace)
        except ApiError as error:
            if error.code == 404:
                return None
            raise
