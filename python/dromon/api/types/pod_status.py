"""The observed state of a pod (core/v1; talk, slide 21).

Neighbours: the kubelet writes it.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, Quantity, Time, always, always_list
from dromon.api.types.container import ResourceRequirements
from dromon.api.types.node import NodeAllocatableResourceClaimStatus

PACKAGE = "k8s.io.api.core.v1"


class ContainerExtendedResourceRequest(Api):
    """core/v1 ContainerExtendedResourceRequest."""

    container_name: str = always("")
    resource_name: str = always("")
    request_name: str = always("")


class ContainerStateRunning(Api):
    """core/v1 ContainerStateRunning."""

    started_at: Time | None = None


class ContainerStateTerminated(Api):
    """core/v1 ContainerStateTerminated."""

    exit_code: Int32 = always(0)
    signal: Int32 = 0
    reason: str = ""
    message: str = ""
    started_at: Time | None = None
    finished_at: Time | None = None
    container_id: str = field(default="", name="containerID")


class ContainerStateWaiting(Api):
    """core/v1 ContainerStateWaiting."""

    reason: str = ""
    message: str = ""


class ContainerState(Api):
    """core/v1 ContainerState."""

    waiting: ContainerStateWaiting | None = None
    running: ContainerStateRunning | None = None
    terminated: ContainerStateTerminated | None = None


class LinuxContainerUser(Api):
    """core/v1 LinuxContainerUser."""

    uid: Int64 = always(0)
    gid: Int64 = always(0)
    supplemental_groups: list[Int64] = []


class ContainerUser(Api):
    """core/v1 ContainerUser."""

    linux: LinuxContainerUser | None = None


class ResourceHealth(Api):
    """core/v1 ResourceHealth."""

    resource_id: str = always("", name="resourceID")
    health: str = ""
    message: str | None = None


class ResourceStatus(Api):
    """core/v1 ResourceStatus."""

    name: str = always("")
    resources: list[ResourceHealth] = []


class ImageVolumeStatus(Api):
    """core/v1 ImageVolumeStatus."""

    image_ref: str = ""


class VolumeStatus(Api):
    """core/v1 VolumeStatus."""

    image: ImageVolumeStatus | None = None


class VolumeMountStatus(Api):
    """core/v1 VolumeMountStatus."""

    name: str = always("")
    mount_path: str = always("")
    read_only: bool = False
    recursive_read_only: str | None = None
    volume_status: VolumeStatus | None = None


class ContainerStatus(Api):
    """core/v1 ContainerStatus."""

    name: str = always("")
    state: ContainerState = field(default_factory=ContainerState)
    last_state: ContainerState = field(default_factory=ContainerState)
    ready: bool = always(False)
    restart_count: Int32 = always(0)
    image: str = always("")
    image_id: str = always("", name="imageID")
    container_id: str = field(default="", name="containerID")
    started: bool | None = None
    allocated_resources: dict[str, Quantity] = {}
    resources: ResourceRequirements | None = None
    volume_mounts: list[VolumeMountStatus] = []
    user: ContainerUser | None = None
    allocated_resources_status: list[ResourceStatus] = []
    stop_signal: str | None = None


class HostIP(Api):
    """core/v1 HostIP."""

    ip: str = always("")


class PodCondition(Api):
    """core/v1 PodCondition."""

    type: str = always("")
    observed_generation: Int64 = 0
    status: str = always("")
    last_probe_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class PodExtendedResourceClaimStatus(Api):
    """core/v1 PodExtendedResourceClaimStatus."""

    request_mappings: list[ContainerExtendedResourceRequest] = always_list()
    resource_claim_name: str = always("")


class PodIP(Api):
    """core/v1 PodIP."""

    ip: str = always("")


class PodResourceClaimStatus(Api):
    """core/v1 PodResourceClaimStatus."""

    name: str = always("")
    resource_claim_name: str | None = None


class VolumeHealthCondition(Api):
    """core/v1 VolumeHealthCondition."""

    status: str = always("")
    reason: str = always("")
    message: str = ""


class PodVolumeHealth(Api):
    """core/v1 PodVolumeHealth."""

    name: str = always("")
    health_conditions: list[VolumeHealthCondition] = []
    last_transition_time: Time | None = None


class PodStatus(Api):
    """core/v1 PodStatus."""

    observed_generation: Int64 = 0
    phase: str = ""
    conditions: list[PodCondition] = []
    message: str = ""
    reason: str = ""
    nominated_node_name: str = ""
    host_ip: str = field(default="", name="hostIP")
    host_ips: list[HostIP] = field(default_factory=list, name="hostIPs")
    pod_ip: str = field(default="", name="podIP")
    pod_ips: list[PodIP] = field(default_factory=list, name="podIPs")
    start_time: Time | None = None
    init_container_statuses: list[ContainerStatus] = []
    container_statuses: list[ContainerStatus] = []
    qos_class: str = ""
    ephemeral_container_statuses: list[ContainerStatus] = []
    resize: str = ""
    resource_claim_statuses: list[PodResourceClaimStatus] = []
    extended_resource_claim_status: PodExtendedResourceClaimStatus | None = None
    allocated_resources: dict[str, Quantity] = {}
    resources: ResourceRequirements | None = None
    node_allocatable_resource_claim_statuses: list[NodeAllocatableResourceClaimStatus] = []
    volume_health: list[PodVolumeHealth] = []
