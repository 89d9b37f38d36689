"""Volumes of a pod and their sources (core/v1; talk, slide 20).

Neighbours: pod.PodSpec holds them, dromon.kubelet.volumes mounts them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, Quantity, always, always_list
from dromon.api.types.container import ObjectFieldSelector, ResourceFieldSelector
from dromon.api.types.meta import LabelSelector, ObjectMeta
from dromon.api.types.references import LocalObjectReference, TypedLocalObjectReference, TypedObjectReference
from dromon.api.types.volume_drivers import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    AzureFileVolumeSource,
    CephFSVolumeSource,
    CinderVolumeSource,
    CSIVolumeSource,
    FCVolumeSource,
    FlexVolumeSource,
    FlockerVolumeSource,
    GCEPersistentDiskVolumeSource,
    GlusterfsVolumeSource,
    ISCSIVolumeSource,
    NFSVolumeSource,
    PhotonPersistentDiskVolumeSource,
    PortworxVolumeSource,
    QuobyteVolumeSource,
    RBDVolumeSource,
    ScaleIOVolumeSource,
    StorageOSVolumeSource,
    VsphereVirtualDiskVolumeSource,
)

PACKAGE = "k8s.io.api.core.v1"


class ClusterTrustBundleProjection(Api):
    """core/v1 ClusterTrustBundleProjection."""

    name: str | None = None
    signer_name: str | None = None
    label_selector: LabelSelector | None = None
    optional: bool | None = None
    path: str = always("")
    user: Int64 | None = None


class KeyToPath(Api):
    """core/v1 KeyToPath."""

    key: str = always("")
    path: str = always("")
    mode: Int32 | None = None
    user: Int64 | None = None


class ConfigMapProjection(LocalObjectReference):
    """core/v1 ConfigMapProjection."""

    items: list[KeyToPath] = []
    optional: bool | None = None


class ConfigMapVolumeSource(LocalObjectReference):
    """core/v1 ConfigMapVolumeSource."""

    items: list[KeyToPath] = []
    default_mode: Int32 | None = None
    optional: bool | None = None
    default_user: Int64 | None = None


class DownwardAPIVolumeFile(Api):
    """core/v1 DownwardAPIVolumeFile."""

    path: str = always("")
    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    mode: Int32 | None = None
    user: Int64 | None = None


class DownwardAPIProjection(Api):
    """core/v1 DownwardAPIProjection."""

    items: list[DownwardAPIVolumeFile] = []


class DownwardAPIVolumeSource(Api):
    """core/v1 DownwardAPIVolumeSource."""

    items: list[DownwardAPIVolumeFile] = []
    default_mode: Int32 | None = None
    default_user: Int64 | None = None


class EmptyDirVolumeSource(Api):
    """core/v1 EmptyDirVolumeSource."""

    medium: str = ""
    size_limit: Quantity | None = None
    mode: Int32 | None = None


class VolumeResourceRequirements(Api):
    """core/v1 VolumeResourceRequirements."""

    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}


class PersistentVolumeClaimSpec(Api):
    """core/v1 PersistentVolumeClaimSpec."""

    access_modes: list[str] = []
    selector: LabelSelector | None = None
    resources: VolumeResourceRequirements = field(default_factory=VolumeResourceRequirements)
    volume_name: str = ""
    storage_class_name: str | None = None
    volume_mode: str | None = None
    data_source: TypedLocalObjectReference | None = None
    data_source_ref: TypedObjectReference | None = None
    volume_attributes_class_name: str | None = None


class PersistentVolumeClaimTemplate(Api):
    """core/v1 PersistentVolumeClaimTemplate."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PersistentVolumeClaimSpec = field(default_factory=PersistentVolumeClaimSpec)


class EphemeralVolumeSource(Api):
    """core/v1 EphemeralVolumeSource."""

    volume_claim_template: PersistentVolumeClaimTemplate | None = None


class GitRepoVolumeSource(Api):
    """core/v1 GitRepoVolumeSource."""

    repository: str = always("")
    revision: str = ""
    directory: str = ""


class HostPathVolumeSource(Api):
    """core/v1 HostPathVolumeSource."""

    path: str = always("")
    type: str | None = None


class ImageVolumeSource(Api):
    """core/v1 ImageVolumeSource."""

    reference: str = ""
    pull_policy: str = ""


class PersistentVolumeClaimVolumeSource(Api):
    """core/v1 PersistentVolumeClaimVolumeSource."""

    claim_name: str = always("")
    read_only: bool = False


class PodCertificateProjection(Api):
    """core/v1 PodCertificateProjection."""

    signer_name: str = ""
    key_type: str = ""
    max_expiration_seconds: Int32 | None = None
    credential_bundle_path: str = ""
    key_path: str = ""
    certificate_chain_path: str = ""
    user_annotations: dict[str, str] = {}
    user: Int64 | None = None


class SecretProjection(LocalObjectReference):
    """core/v1 SecretProjection."""

    items: list[KeyToPath] = []
    optional: bool | None = None


class ServiceAccountTokenProjection(Api):
    """core/v1 ServiceAccountTokenProjection."""

    audience: str = ""
    expiration_seconds: Int64 | None = None
    path: str = always("")
    user: Int64 | None = None


class VolumeProjection(Api):
    """core/v1 VolumeProjection."""

    secret: SecretProjection | None = None
    downward_api: DownwardAPIProjection | None = field(default=None, name="downwardAPI")
    config_map: ConfigMapProjection | None = None
    service_account_token: ServiceAccountTokenProjection | None = None
    cluster_trust_bundle: ClusterTrustBundleProjection | None = None
    pod_certificate: PodCertificateProjection | None = None


class ProjectedVolumeSource(Api):
    """core/v1 ProjectedVolumeSource."""

    sources: list[VolumeProjection] = always_list()
    default_mode: Int32 | None = None
    default_user: Int64 | None = None


class SecretVolumeSource(Api):
    """core/v1 SecretVolumeSource."""

    secret_name: str = ""
    items: list[KeyToPath] = []
    default_mode: Int32 | None = None
    optional: bool | None = None
    default_user: Int64 | None = None


class VolumeSource(Api):
    """core/v1 VolumeSource."""

    host_path: HostPathVolumeSource | None = None
    empty_dir: EmptyDirVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    git_repo: GitRepoVolumeSource | None = None
    secret: SecretVolumeSource | None = None
    nfs: NFSVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    glusterfs: GlusterfsVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    flex_volume: FlexVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    cephfs: CephFSVolumeSource | None = None
    flocker: FlockerVolumeSource | None = None
    downward_api: DownwardAPIVolumeSource | None = field(default=None, name="downwardAPI")
    fc: FCVolumeSource | None = None
    azure_file: AzureFileVolumeSource | None = None
    config_map: ConfigMapVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None
    quobyte: QuobyteVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    photon_persistent_disk: PhotonPersistentDiskVolumeSource | None = None
    projected: ProjectedVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    scale_io: ScaleIOVolumeSource | None = field(default=None, name="scaleIO")
    storageos: StorageOSVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    image: ImageVolumeSource | None = None


class Volume(VolumeSource):
    """core/v1 Volume."""

    name: str = always("")
