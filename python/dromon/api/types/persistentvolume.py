"""PersistentVolume and PersistentVolumeClaim (core/v1).

Neighbours: volume has what pods mount; storage has the classes and drivers that provide volumes.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.affinity import NodeSelector
from dromon.api.types.base import Api, Int32, Quantity, Time, always, always_list
from dromon.api.types.meta import ListMeta, ObjectMeta
from dromon.api.types.pod_status import VolumeHealthCondition
from dromon.api.types.references import ObjectReference, SecretReference
from dromon.api.types.volume import HostPathVolumeSource, PersistentVolumeClaimSpec
from dromon.api.types.volume_drivers import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    FCVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    NFSVolumeSource,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    VsphereVirtualDiskVolumeSource,
)

PACKAGE = "k8s.io.api.core.v1"


class GlusterfsPersistentVolumeSource(Api):
    """core/v1 GlusterfsPersistentVolumeSource."""

    endpoints: str = always("")
    path: str = always("")
    read_only: bool = False
    endpoints_namespace: str | None = None


class RBDPersistentVolumeSource(Api):
    """core/v1 RBDPersistentVolumeSource."""

    monitors: list[str] = always_list()
    image: str = always("")
    fs_type: str = ""
    pool: str = ""
    user: str = ""
    keyring: str = ""
    secret_ref: SecretReference | None = None
    read_only: bool = False


class ISCSIPersistentVolumeSource(Api):
    """core/v1 ISCSIPersistentVolumeSource."""

    target_portal: str = always("")
    iqn: str = always("")
    lun: Int32 = always(0)
    iscsi_interface: str = ""
    fs_type: str = ""
    read_only: bool = False
    portals: list[str] = []
    chap_auth_discovery: bool = False
    chap_auth_session: bool = False
    secret_ref: SecretReference | None = None
    initiator_name: str | None = None


class CinderPersistentVolumeSource(Api):
    """core/v1 CinderPersistentVolumeSource."""

    volume_id: str = always("", name="volumeID")
    fs_type: str = ""
    read_only: bool = False
    secret_ref: SecretReference | None = None


class CephFSPersistentVolumeSource(Api):
    """core/v1 CephFSPersistentVolumeSource."""

    monitors: list[str] = always_list()
    path: str = ""
    user: str = ""
    secret_file: str = ""
    secret_ref: SecretReference | None = None
    read_only: bool = False


class FlexPersistentVolumeSource(Api):
    """core/v1 FlexPersistentVolumeSource."""

    driver: str = always("")
    fs_type: str = ""
    secret_ref: SecretReference | None = None
    read_only: bool = False
    options: dict[str, str] = {}


class AzureFilePersistentVolumeSource(Api):
    """core/v1 AzureFilePersistentVolumeSource."""

    secret_name: str = always("")
    share_name: str = always("")
    read_only: bool = False
    secret_namespace: str | None = None


class ScaleIOPersistentVolumeSource(Api):
    """core/v1 ScaleIOPersistentVolumeSource."""

    gateway: str = always("")
    system: str = always("")
    secret_ref: SecretReference | None = None
    ssl_enabled: bool = False
    protection_domain: str = ""
    storage_pool: str = ""
    storage_mode: str = ""
    volume_name: str = ""
    fs_type: str = ""
    read_only: bool = False


class LocalVolumeSource(Api):
    """core/v1 LocalVolumeSource."""

    path: str = always("")
    fs_type: str | None = None


class StorageOSPersistentVolumeSource(Api):
    """core/v1 StorageOSPersistentVolumeSource."""

    volume_name: str = ""
    volume_namespace: str = ""
    fs_type: str = ""
    read_only: bool = False
    secret_ref: ObjectReference | None = None


class CSIPersistentVolumeSource(Api):
    """core/v1 CSIPersistentVolumeSource."""

    driver: str = always("")
    volume_handle: str = always("")
    read_only: bool = False
    fs_type: str = ""
    volume_attributes: dict[str, str] = {}
    controller_publish_secret_ref: SecretReference | None = None
    node_stage_secret_ref: SecretReference | None = None
    node_publish_secret_ref: SecretReference | None = None
    controller_expand_secret_ref: SecretReference | None = None
    node_expand_secret_ref: SecretReference | None = None


class PersistentVolumeSource(Api):
    """core/v1 PersistentVolumeSource."""

    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    host_path: HostPathVolumeSource | None = None
    glusterfs: GlusterfsPersistentVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    rbd: RBDPersistentVolumeSource | None = None
    iscsi: ISCSIPersistentVolumeSource | None = None
    cinder: CinderPersistentVolumeSource | None = None
    cephfs: CephFSPersistentVolumeSource | None = None
    fc: FCVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    flex_volume: FlexPersistentVolumeSource | None = None
    azure_file: AzureFilePersistentVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    scale_io: ScaleIOPersistentVolumeSource | None = field(default=None, name="scaleIO")
    local: LocalVolumeSource | None = None
    storageos: StorageOSPersistentVolumeSource | None = None
    csi: CSIPersistentVolumeSource | None = None


class VolumeNodeAffinity(Api):
    """core/v1 VolumeNodeAffinity."""

    required: NodeSelector | None = None


class PersistentVolumeSpec(PersistentVolumeSource):
    """core/v1 PersistentVolumeSpec."""

    capacity: dict[str, Quantity] = {}
    access_modes: list[str] = []
    claim_ref: ObjectReference | None = None
    persistent_volume_reclaim_policy: str = ""
    storage_class_name: str = ""
    mount_options: list[str] = []
    volume_mode: str | None = None
    node_affinity: VolumeNodeAffinity | None = None
    volume_attributes_class_name: str | None = None


class PersistentVolumeStatus(Api):
    """core/v1 PersistentVolumeStatus."""

    phase: str = ""
    message: str = ""
    reason: str = ""
    last_phase_transition_time: Time | None = None


class PersistentVolume(Api):
    """core/v1 PersistentVolume."""

    kind: str = always("PersistentVolume")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PersistentVolumeSpec = field(default_factory=PersistentVolumeSpec)
    status: PersistentVolumeStatus = field(default_factory=PersistentVolumeStatus)


class PersistentVolumeList(Api):
    """A page of PersistentVolume objects."""

    kind: str = always("PersistentVolumeList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[PersistentVolume] = always_list()


class PersistentVolumeClaimCondition(Api):
    """core/v1 PersistentVolumeClaimCondition."""

    type: str = always("")
    status: str = always("")
    last_probe_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class ModifyVolumeStatus(Api):
    """core/v1 ModifyVolumeStatus."""

    target_volume_attributes_class_name: str = ""
    status: str = always("")


class VolumeHealthStatus(Api):
    """core/v1 VolumeHealthStatus."""

    health_conditions: list[VolumeHealthCondition] = []
    last_transition_time: Time | None = None


class PersistentVolumeClaimStatus(Api):
    """core/v1 PersistentVolumeClaimStatus."""

    phase: str = ""
    access_modes: list[str] = []
    capacity: dict[str, Quantity] = {}
    conditions: list[PersistentVolumeClaimCondition] = []
    allocated_resources: dict[str, Quantity] = {}
    allocated_resource_statuses: dict[str, str] = {}
    current_volume_attributes_class_name: str | None = None
    modify_volume_status: ModifyVolumeStatus | None = None
    health_status: VolumeHealthStatus | None = None


class PersistentVolumeClaim(Api):
    """core/v1 PersistentVolumeClaim."""

    kind: str = always("PersistentVolumeClaim")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PersistentVolumeClaimSpec = field(default_factory=PersistentVolumeClaimSpec)
    status: PersistentVolumeClaimStatus = field(default_factory=PersistentVolumeClaimStatus)


class PersistentVolumeClaimList(Api):
    """A page of PersistentVolumeClaim objects."""

    kind: str = always("PersistentVolumeClaimList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[PersistentVolumeClaim] = always_list()
