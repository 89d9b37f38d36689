"""Volume sources of clouds and network file systems (core/v1).

Neighbours: volume.VolumeSource has one field for each.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, always, always_list
from dromon.api.types.references import LocalObjectReference

PACKAGE = "k8s.io.api.core.v1"


class AWSElasticBlockStoreVolumeSource(Api):
    """core/v1 AWSElasticBlockStoreVolumeSource."""

    volume_id: str = always("", name="volumeID")
    fs_type: str = ""
    partition: Int32 = 0
    read_only: bool = False


class AzureDiskVolumeSource(Api):
    """core/v1 AzureDiskVolumeSource."""

    disk_name: str = always("")
    disk_uri: str = always("", name="diskURI")
    caching_mode: str | None = None
    fs_type: str | None = None
    read_only: bool | None = None
    kind: str | None = None


class AzureFileVolumeSource(Api):
    """core/v1 AzureFileVolumeSource."""

    secret_name: str = always("")
    share_name: str = always("")
    read_only: bool = False


class CSIVolumeSource(Api):
    """core/v1 CSIVolumeSource."""

    driver: str = always("")
    read_only: bool | None = None
    fs_type: str | None = None
    volume_attributes: dict[str, str] = {}
    node_publish_secret_ref: LocalObjectReference | None = None


class CephFSVolumeSource(Api):
    """core/v1 CephFSVolumeSource."""

    monitors: list[str] = always_list()
    path: str = ""
    user: str = ""
    secret_file: str = ""
    secret_ref: LocalObjectReference | None = None
    read_only: bool = False


class CinderVolumeSource(Api):
    """core/v1 CinderVolumeSource."""

    volume_id: str = always("", name="volumeID")
    fs_type: str = ""
    read_only: bool = False
    secret_ref: LocalObjectReference | None = None


class FCVolumeSource(Api):
    """core/v1 FCVolumeSource."""

    target_ww_ns: list[str] = field(default_factory=list, name="targetWWNs")
    lun: Int32 | None = None
    fs_type: str = ""
    read_only: bool = False
    wwids: list[str] = []


class FlexVolumeSource(Api):
    """core/v1 FlexVolumeSource."""

    driver: str = always("")
    fs_type: str = ""
    secret_ref: LocalObjectReference | None = None
    read_only: bool = False
    options: dict[str, str] = {}


class FlockerVolumeSource(Api):
    """core/v1 FlockerVolumeSource."""

    dataset_name: str = ""
    dataset_uuid: str = field(default="", name="datasetUUID")


class GCEPersistentDiskVolumeSource(Api):
    """core/v1 GCEPersistentDiskVolumeSource."""

    pd_name: str = always("")
    fs_type: str = ""
    partition: Int32 = 0
    read_only: bool = False


class GlusterfsVolumeSource(Api):
    """core/v1 GlusterfsVolumeSource."""

    endpoints: str = always("")
    path: str = always("")
    read_only: bool = False


class ISCSIVolumeSource(Api):
    """core/v1 ISCSIVolumeSource."""

    target_portal: str = always("")
    iqn: str = always("")
    lun: Int32 = always(0)
    iscsi_interface: str = ""
    fs_type: str = ""
    read_only: bool = False
    portals: list[str] = []
    chap_auth_discovery: bool = False
    chap_auth_session: bool = False
    secret_ref: LocalObjectReference | None = None
    initiator_name: str | None = None


class NFSVolumeSource(Api):
    """core/v1 NFSVolumeSource."""

    server: str = always("")
    path: str = always("")
    read_only: bool = False


class PhotonPersistentDiskVolumeSource(Api):
    """core/v1 PhotonPersistentDiskVolumeSource."""

    pd_id: str = always("", name="pdID")
    fs_type: str = ""


class PortworxVolumeSource(Api):
    """core/v1 PortworxVolumeSource."""

    volume_id: str = always("", name="volumeID")
    fs_type: str = ""
    read_only: bool = False


class QuobyteVolumeSource(Api):
    """core/v1 QuobyteVolumeSource."""

    registry: str = always("")
    volume: str = always("")
    read_only: bool = False
    user: str = ""
    group: str = ""
    tenant: str = ""


class RBDVolumeSource(Api):
    """core/v1 RBDVolumeSource."""

    monitors: list[str] = always_list()
    image: str = always("")
    fs_type: str = ""
    pool: str = ""
    user: str = ""
    keyring: str = ""
    secret_ref: LocalObjectReference | None = None
    read_only: bool = False


class ScaleIOVolumeSource(Api):
    """core/v1 ScaleIOVolumeSource."""

    gateway: str = always("")
    system: str = always("")
    secret_ref: LocalObjectReference | None = None
    ssl_enabled: bool = False
    protection_domain: str = ""
    storage_pool: str = ""
    storage_mode: str = ""
    volume_name: str = ""
    fs_type: str = ""
    read_only: bool = False


class StorageOSVolumeSource(Api):
    """core/v1 StorageOSVolumeSource."""

    volume_name: str = ""
    volume_namespace: str = ""
    fs_type: str = ""
    read_only: bool = False
    secret_ref: LocalObjectReference | None = None


class VsphereVirtualDiskVolumeSource(Api):
    """core/v1 VsphereVirtualDiskVolumeSource."""

    volume_path: str = always("")
    fs_type: str = ""
    storage_policy_name: str = ""
    storage_policy_id: str = field(default="", name="storagePolicyID")
