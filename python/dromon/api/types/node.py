"""Node (core/v1).

Neighbours: the kubelet writes its status, the scheduler reads it.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.affinity import Taint
from dromon.api.types.base import Api, Int32, Int64, Quantity, Time, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.core.v1"


class AttachedVolume(Api):
    """core/v1 AttachedVolume."""

    name: str = always("")
    device_path: str = always("")


class ConfigMapNodeConfigSource(Api):
    """core/v1 ConfigMapNodeConfigSource."""

    namespace: str = always("")
    name: str = always("")
    uid: str = ""
    resource_version: str = ""
    kubelet_config_key: str = always("")


class ContainerImage(Api):
    """core/v1 ContainerImage."""

    names: list[str] = always_list()
    size_bytes: Int64 = 0


class DaemonEndpoint(Api):
    """core/v1 DaemonEndpoint."""

    port: Int32 = always(0, name="Port")


class NodeConfigSource(Api):
    """core/v1 NodeConfigSource."""

    config_map: ConfigMapNodeConfigSource | None = None


class NodePodPreemptionPolicy(Api):
    """core/v1 NodePodPreemptionPolicy."""

    disable_resize_preemption: list[str] = []


class NodeSpec(Api):
    """core/v1 NodeSpec."""

    pod_cidr: str = field(default="", name="podCIDR")
    pod_cidrs: list[str] = field(default_factory=list, name="podCIDRs")
    provider_id: str = field(default="", name="providerID")
    unschedulable: bool = False
    taints: list[Taint] = []
    config_source: NodeConfigSource | None = None
    external_id: str = field(default="", name="externalID")
    pod_preemption_policy: NodePodPreemptionPolicy | None = None


class NodeAddress(Api):
    """core/v1 NodeAddress."""

    type: str = always("")
    address: str = always("")


class NodeCondition(Api):
    """core/v1 NodeCondition."""

    type: str = always("")
    status: str = always("")
    last_heartbeat_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class NodeConfigStatus(Api):
    """core/v1 NodeConfigStatus."""

    assigned: NodeConfigSource | None = None
    active: NodeConfigSource | None = None
    last_known_good: NodeConfigSource | None = None
    error: str = ""


class NodeDaemonEndpoints(Api):
    """core/v1 NodeDaemonEndpoints."""

    kubelet_endpoint: DaemonEndpoint = field(default_factory=DaemonEndpoint)


class NodeFeatures(Api):
    """core/v1 NodeFeatures."""

    supplemental_groups_policy: bool | None = None


class NodeRuntimeHandlerFeatures(Api):
    """core/v1 NodeRuntimeHandlerFeatures."""

    recursive_read_only_mounts: bool | None = None
    user_namespaces: bool | None = None


class NodeRuntimeHandler(Api):
    """core/v1 NodeRuntimeHandler."""

    name: str = always("")
    features: NodeRuntimeHandlerFeatures | None = None


class NodeSwapStatus(Api):
    """core/v1 NodeSwapStatus."""

    capacity: Int64 | None = None


class NodeSystemInfo(Api):
    """core/v1 NodeSystemInfo."""

    machine_id: str = always("", name="machineID")
    system_uuid: str = always("", name="systemUUID")
    boot_id: str = always("", name="bootID")
    kernel_version: str = always("")
    os_image: str = always("")
    container_runtime_version: str = always("")
    kubelet_version: str = always("")
    kube_proxy_version: str = always("")
    operating_system: str = always("")
    architecture: str = always("")
    swap: NodeSwapStatus | None = None
    running_in_user_namespace: bool | None = None


class NodeStatus(Api):
    """core/v1 NodeStatus."""

    capacity: dict[str, Quantity] = {}
    allocatable: dict[str, Quantity] = {}
    phase: str = ""
    conditions: list[NodeCondition] = []
    addresses: list[NodeAddress] = []
    daemon_endpoints: NodeDaemonEndpoints = field(default_factory=NodeDaemonEndpoints)
    node_info: NodeSystemInfo = field(default_factory=NodeSystemInfo)
    images: list[ContainerImage] = []
    volumes_in_use: list[str] = []
    volumes_attached: list[AttachedVolume] = []
    config: NodeConfigStatus | None = None
    runtime_handlers: list[NodeRuntimeHandler] = []
    features: NodeFeatures | None = None
    declared_features: list[str] = []


class Node(Api):
    """core/v1 Node."""

    kind: str = always("Node")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)


class NodeList(Api):
    """A page of Node objects."""

    kind: str = always("NodeList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Node] = always_list()


class NodeAllocatableMappedResources(Api):
    """core/v1 NodeAllocatableMappedResources."""

    name: str = always("")
    quantity: Quantity | None = None


class NodeAllocatableOverheadResources(Api):
    """core/v1 NodeAllocatableOverheadResources."""

    name: str = always("")
    per_pod: Quantity | None = None
    per_container: Quantity | None = None


class NodeAllocatableResourceClaimStatus(Api):
    """core/v1 NodeAllocatableResourceClaimStatus."""

    resource_claim_name: str = always("")
    containers: list[str] = []
    mapping: list[NodeAllocatableMappedResources] = []
    overhead: list[NodeAllocatableOverheadResources] = []
