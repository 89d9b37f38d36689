"""Validity of volumes and their sources.

Source: the API reference of Volume v1; paths, reasons and texts as upstream gives them.

Neighbours: spec calls it; volume_defaults has run before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dromon.api import names
from dromon.api.errors import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid_value,
    not_supported,
    required,
)
from dromon.api.kinds.podspec.containers import PULL_POLICIES, check_local_path
from dromon.api.kinds.podspec.environment import VOLUME_FIELDS, check_field_ref, check_resource_ref
from dromon.api.kinds.podspec.volume_defaults import SOURCES
from dromon.api.kinds.resources import check_amount
from dromon.api.types.volume import (
    DownwardAPIVolumeFile,
    EmptyDirVolumeSource,
    HostPathVolumeSource,
    KeyToPath,
    ProjectedVolumeSource,
    Volume,
    VolumeSource,
)
from dromon.api.validation import invalid

_WIRE = dict(zip(VolumeSource.__struct_fields__, VolumeSource.__struct_encode_fields__, strict=True))
_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)
_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
Check = Callable[[Any, str, list[FieldError]], None]


def check_volumes(volumes: Sequence[Volume], path: str, found: list[FieldError]) -> None:
    """Faults of a spec's volumes; `path` is "spec.volumes"."""
    seen: set[str] = set()
    for i, volume in enumerate(volumes):
        if not volume.name:
            found.append(required(f"{path}[{i}].name"))
        elif why := names.label(volume.name):
            found += invalid(f"{path}[{i}].name", volume.name, why)
        elif volume.name in seen:
            found.append(duplicate(f"{path}[{i}].name", volume.name))
        seen.add(volume.name)
        _check_source(volume, f"{path}[{i}]", found)


def _check_source(volume: Volume, path: str, found: list[FieldError]) -> None:
    given = [name for name in SOURCES if getattr(volume, name) is not None]
    if not given:
        found.append(required(path, "must specify a volume type"))
    for n, name in enumerate(given):
        at = f"{path}.{_WIRE[name]}"
        if n:
            found.append(forbidden_field(at, "may not specify more than 1 volume type"))
        elif name in _CHECKS:
            _CHECKS[name](getattr(volume, name), at, found)


def _required(**wires: str) -> Check:
    """A check that the attributes (by keyword) are given; the values are their wire names."""

    def check(source: Any, path: str, found: list[FieldError]) -> None:
        for attribute, wire in wires.items():
            if not getattr(source, attribute):
                found.append(required(f"{path}.{wire}"))

    return check


def _check_mode(mode: int | None, path: str, found: list[FieldError]) -> None:
    if mode is not None and not 0 <= mode <= 0o777:
        found.append(invalid_value(path, mode, _MODE))


def _check_items(items: Sequence[KeyToPath], path: str, found: list[FieldError]) -> None:
    for i, item in enumerate(items):
        at = f"{path}.items[{i}]"
        if not item.key:
            found.append(required(f"{at}.key"))
        if not item.path:
            found.append(required(f"{at}.path"))
        _check_reserved(item.path, f"{at}.path", found)
        _check_mode(item.mode, f"{at}.mode", found)


def _check_reserved(value: str, path: str, found: list[FieldError]) -> None:
    """A file's path in a volume that is written atomically: names that begin with ".." are taken."""
    check_local_path(value, path, found)
    if value.startswith("..") and not value.startswith("../") and value != "..":
        found.append(invalid_value(path, value, "must not start with '..'"))


def _check_secret(source: Any, path: str, found: list[FieldError]) -> None:
    if not source.secret_name:
        found.append(required(f"{path}.secretName"))
    _check_mode(source.default_mode, f"{path}.defaultMode", found)
    _check_items(source.items, path, found)


def _check_config_map(source: Any, path: str, found: list[FieldError]) -> None:
    if not source.name:
        found.append(required(f"{path}.name"))
    _check_mode(source.default_mode, f"{path}.defaultMode", found)
    _check_items(source.items, path, found)


def _check_empty_dir(source: EmptyDirVolumeSource, path: str, found: list[FieldError]) -> None:
    if source.size_limit is not None:
        check_amount(source.size_limit, f"{path}.sizeLimit", found)


def _check_host_path(source: HostPathVolumeSource, path: str, found: list[FieldError]) -> None:
    if not source.path:
        found.append(required(f"{path}.path"))
    elif ".." in source.path.split("/"):
        found.append(invalid_value(f"{path}.path", source.path, "must not contain '..'"))
    if source.type is not None and source.type not in _HOST_PATH_TYPES:
        found.append(not_supported(f"{path}.type", source.type, _HOST_PATH_TYPES))


def _check_git_repo(source: Any, path: str, found: list[FieldError]) -> None:
    if not source.repository:
        found.append(required(f"{path}.repository"))
    _check_reserved(source.directory, f"{path}.directory", found)


def _check_nfs(source: Any, path: str, found: list[FieldError]) -> None:
    _required(server="server", path="path")(source, path, found)
    if source.path and not source.path.startswith("/"):
        found.append(invalid_value(f"{path}.path", source.path, "must be an absolute path"))


def _check_downward_items(items: Sequence[DownwardAPIVolumeFile], path: str, found: list[FieldError]) -> None:
    for i, item in enumerate(items):
        at = f"{path}[{i}]"
        if not item.path:
            found.append(required(f"{at}.path"))
        _check_reserved(item.path, f"{at}.path", found)
        _check_mode(item.mode, f"{at}.mode", found)
        if item.field_ref is not None:
            check_field_ref(item.field_ref, f"{at}.fieldRef", VOLUME_FIELDS, found)
            if item.resource_field_ref is not None:
                text = "fieldRef and resourceFieldRef can not be specified simultaneously"
                found.append(invalid_value(at, "resource", text))
        elif item.resource_field_ref is not None:
            check_resource_ref(item.resource_field_ref, f"{at}.resourceFieldRef", found, volume=True)
        else:
            found.append(required(f"{at}.fieldRef", "one of fieldRef and resourceFieldRef is required"))


def _check_downward(source: Any, path: str, found: list[FieldError]) -> None:
    _check_mode(source.default_mode, f"{path}.defaultMode", found)
    _check_downward_items(source.items, f"{path}.items", found)


def _check_projected(source: ProjectedVolumeSource, path: str, found: list[FieldError]) -> None:
    _check_mode(source.default_mode, f"{path}.defaultMode", found)
    for i, projection in enumerate(source.sources):
        at = f"{path}.sources[{i}]"
        given = [name for name in projection.__struct_fields__ if getattr(projection, name) is not None]
        if len(given) > 1:
            found.append(forbidden_field(at, "may not specify more than 1 volume type"))
        if projection.secret is not None:
            _required(name="name")(projection.secret, f"{at}.secret", found)
            _check_items(projection.secret.items, f"{at}.secret", found)
        if projection.config_map is not None:
            _required(name="name")(projection.config_map, f"{at}.configMap", found)
            _check_items(projection.config_map.items, f"{at}.configMap", found)
        if projection.downward_api is not None:
            _check_downward_items(projection.downward_api.items, f"{at}.downwardAPI.items", found)
        token = projection.service_account_token
        if token is not None:
            _check_token(token.expiration_seconds, token.path, f"{at}.serviceAccountToken", found)


def _check_token(expiration: int | None, file: str, path: str, found: list[FieldError]) -> None:
    if expiration is not None and expiration < 600:
        text = "may not specify a duration less than 10 minutes"
        found.append(invalid_value(f"{path}.expirationSeconds", expiration, text))
    if expiration is not None and expiration > 1 << 32:
        text = "may not specify a duration larger than 2^32 seconds"
        found.append(invalid_value(f"{path}.expirationSeconds", expiration, text))
    if not file:
        found.append(required(f"{path}.path"))
    _check_reserved(file, f"{path}.path", found)


def _check_image(source: Any, path: str, found: list[FieldError]) -> None:
    if source.pull_policy not in PULL_POLICIES:
        found.append(not_supported(f"{path}.pullPolicy", source.pull_policy, PULL_POLICIES))
    if not source.reference:
        found.append(required(f"{path}.reference"))


_CHECKS: dict[str, Check] = {
    "config_map": _check_config_map,
    "secret": _check_secret,
    "empty_dir": _check_empty_dir,
    "host_path": _check_host_path,
    "git_repo": _check_git_repo,
    "projected": _check_projected,
    "downward_api": _check_downward,
    "image": _check_image,
    "nfs": _check_nfs,
    "persistent_volume_claim": _required(claim_name="claimName"),
    "ephemeral": _required(volume_claim_template="volumeClaimTemplate"),
    "aws_elastic_block_store": _required(volume_id="volumeID"),
    "gce_persistent_disk": _required(pd_name="pdName"),
    "csi": _required(driver="driver"),
    "iscsi": _required(target_portal="targetPortal", iqn="iqn"),
    "glusterfs": _required(endpoints="endpoints", path="path"),
    "rbd": _required(monitors="monitors", image="image"),
    "cephfs": _required(monitors="monitors"),
    "cinder": _required(volume_id="volumeID"),
    "flex_volume": _required(driver="driver"),
    "azure_file": _required(secret_name="secretName", share_name="shareName"),  # noqa: S106
    "azure_disk": _required(disk_name="diskName", disk_uri="diskURI"),
    "vsphere_volume": _required(volume_path="volumePath"),
}
