"""StorageClass, VolumeAttachment, CSIDriver, CSINode and CSIStorageCapacity (storage.k8s.io/v1).

Neighbours: persistentvolume has the volumes that classes provide.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.affinity import TopologySelectorTerm
from dromon.api.types.base import Api, Int32, Int64, Quantity, Time, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta
from dromon.api.types.persistentvolume import PersistentVolumeSpec

PACKAGE = "k8s.io.api.storage.v1"


class StorageClass(Api):
    """storage.k8s.io/v1 StorageClass."""

    kind: str = always("StorageClass")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    provisioner: str = always("")
    parameters: dict[str, str] = {}
    reclaim_policy: str | None = None
    mount_options: list[str] = []
    allow_volume_expansion: bool | None = None
    volume_binding_mode: str | None = None
    allowed_topologies: list[TopologySelectorTerm] = []


class StorageClassList(Api):
    """A page of StorageClass objects."""

    kind: str = always("StorageClassList")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[StorageClass] = always_list()


class VolumeAttachmentSource(Api):
    """storage.k8s.io/v1 VolumeAttachmentSource."""

    persistent_volume_name: str | None = None
    inline_volume_spec: PersistentVolumeSpec | None = None


class VolumeAttachmentSpec(Api):
    """storage.k8s.io/v1 VolumeAttachmentSpec."""

    attacher: str = always("")
    source: VolumeAttachmentSource = field(default_factory=VolumeAttachmentSource)
    node_name: str = always("")


class VolumeError(Api):
    """storage.k8s.io/v1 VolumeError."""

    time: Time | None = None
    message: str = ""
    error_code: Int32 | None = None


class VolumeAttachmentStatus(Api):
    """storage.k8s.io/v1 VolumeAttachmentStatus."""

    attached: bool = always(False)
    attachment_metadata: dict[str, str] = {}
    attach_error: VolumeError | None = None
    detach_error: VolumeError | None = None


class VolumeAttachment(Api):
    """storage.k8s.io/v1 VolumeAttachment."""

    kind: str = always("VolumeAttachment")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: VolumeAttachmentSpec = field(default_factory=VolumeAttachmentSpec)
    status: VolumeAttachmentStatus = field(default_factory=VolumeAttachmentStatus)


class VolumeAttachmentList(Api):
    """A page of VolumeAttachment objects."""

    kind: str = always("VolumeAttachmentList")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[VolumeAttachment] = always_list()


class TokenRequest(Api):
    """storage.k8s.io/v1 TokenRequest."""

    audience: str = always("")
    expiration_seconds: Int64 | None = None


class CSIDriverSpec(Api):
    """storage.k8s.io/v1 CSIDriverSpec."""

    attach_required: bool | None = None
    pod_info_on_mount: bool | None = None
    volume_lifecycle_modes: list[str] = []
    storage_capacity: bool | None = None
    fs_group_policy: str | None = None
    token_requests: list[TokenRequest] = []
    requires_republish: bool | None = None
    se_linux_mount: bool | None = None
    node_allocatable_update_period_seconds: Int64 | None = None
    service_account_token_in_secrets: bool | None = None
    prevent_pod_scheduling_if_missing: bool | None = None


class CSIDriver(Api):
    """storage.k8s.io/v1 CSIDriver."""

    kind: str = always("CSIDriver")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: CSIDriverSpec = field(default_factory=CSIDriverSpec)


class CSIDriverList(Api):
    """A page of CSIDriver objects."""

    kind: str = always("CSIDriverList")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[CSIDriver] = always_list()


class VolumeNodeResources(Api):
    """storage.k8s.io/v1 VolumeNodeResources."""

    count: Int32 | None = None


class CSINodeDriver(Api):
    """storage.k8s.io/v1 CSINodeDriver."""

    name: str = always("")
    node_id: str = always("", name="nodeID")
    topology_keys: list[str] = always_list()
    allocatable: VolumeNodeResources | None = None


class CSINodeSpec(Api):
    """storage.k8s.io/v1 CSINodeSpec."""

    drivers: list[CSINodeDriver] = always_list()


class StorageHealthCondition(Api):
    """storage.k8s.io/v1 StorageHealthCondition."""

    status: str = always("")
    reason: str = always("")
    message: str = ""
    access_mode: str | None = None
    volume_mode: str | None = None
    last_transition_time: Time | None = None


class StorageHealth(Api):
    """storage.k8s.io/v1 StorageHealth."""

    name: str = always("")
    health_conditions: list[StorageHealthCondition] = []


class CSINodeStatus(Api):
    """storage.k8s.io/v1 CSINodeStatus."""

    storage_health: list[StorageHealth] = []


class CSINode(Api):
    """storage.k8s.io/v1 CSINode."""

    kind: str = always("CSINode")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: CSINodeSpec = field(default_factory=CSINodeSpec)
    status: CSINodeStatus = field(default_factory=CSINodeStatus)


class CSINodeList(Api):
    """A page of CSINode objects."""

    kind: str = always("CSINodeList")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[CSINode] = always_list()


class CSIStorageCapacity(Api):
    """storage.k8s.io/v1 CSIStorageCapacity."""

    kind: str = always("CSIStorageCapacity")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    node_topology: LabelSelector | None = None
    storage_class_name: str = always("")
    capacity: Quantity | None = None
    maximum_volume_size: Quantity | None = None


class CSIStorageCapacityList(Api):
    """A page of CSIStorageCapacity objects."""

    kind: str = always("CSIStorageCapacityList")
    api_version: str = always("storage.k8s.io/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[CSIStorageCapacity] = always_list()
