"""What a volume holds where the client said nothing.

Source: the API reference of Volume v1 ("Defaults to ..."). A volume without any source is an emptyDir.

Neighbours: defaults calls it, volumes checks the result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dromon.api.kinds.podspec.pulling import pull_policy
from dromon.api.kinds.resources import canonical_or_same, make_canonical
from dromon.api.types.volume import (
    DownwardAPIVolumeFile,
    EmptyDirVolumeSource,
    ProjectedVolumeSource,
    Volume,
    VolumeSource,
)

FILE_MODE = 0o644

SOURCES = VolumeSource.__struct_fields__
"""The attribute names of all sources; a volume has one."""


def default_volume(volume: Volume) -> None:
    """Defaults of a volume's source, or an emptyDir where it has none."""
    # One pass over thirty attributes is what a volume costs, so the common sources come first.
    if volume.config_map is not None:
        _default_mode(volume.config_map)
    elif volume.secret is not None:
        _default_mode(volume.secret)
    elif volume.projected is not None:
        _default_projected(volume.projected)
    elif volume.empty_dir is not None:
        _default_empty_dir(volume.empty_dir)
    else:
        sources = [name for name in SOURCES if getattr(volume, name) is not None]
        if not sources:
            volume.empty_dir = EmptyDirVolumeSource()
        for name in sources:
            if name in _DEFAULTS:
                _DEFAULTS[name](getattr(volume, name))


def _default_mode(source: Any) -> None:
    if source.default_mode is None:
        source.default_mode = FILE_MODE


def _default_empty_dir(source: EmptyDirVolumeSource) -> None:
    if source.size_limit is not None:
        source.size_limit = canonical_or_same(source.size_limit)


def _default_items(items: list[DownwardAPIVolumeFile]) -> None:
    for item in items:
        if item.field_ref is not None:
            item.field_ref.api_version = item.field_ref.api_version or "v1"
        if item.resource_field_ref is not None:
            item.resource_field_ref.divisor = canonical_or_same(item.resource_field_ref.divisor)


def _default_downward(source: Any) -> None:
    _default_mode(source)
    _default_items(source.items)


def _default_projected(source: ProjectedVolumeSource) -> None:
    _default_mode(source)
    for projection in source.sources:
        if projection.downward_api is not None:
            _default_items(projection.downward_api.items)
        token = projection.service_account_token
        if token is not None and token.expiration_seconds is None:
            token.expiration_seconds = 3600


def _default_ephemeral(source: Any) -> None:
    template = source.volume_claim_template
    if template is not None:
        template.spec.volume_mode = template.spec.volume_mode or "Filesystem"
        make_canonical(template.spec.resources.limits)
        make_canonical(template.spec.resources.requests)


def _default_image(source: Any) -> None:
    source.pull_policy = source.pull_policy or pull_policy(source.reference)


def _fill(**values: Any) -> Callable[[Any], None]:
    """A default that sets each attribute which the client left empty."""

    def fill(source: Any) -> None:
        for name, value in values.items():
            if getattr(source, name) in ("", None):
                setattr(source, name, value)

    return fill


def _default_host_path(source: Any) -> None:
    if source.type is None:
        source.type = ""


_DEFAULTS: dict[str, Callable[[Any], None]] = {
    "host_path": _default_host_path,
    "downward_api": _default_downward,
    "ephemeral": _default_ephemeral,
    "image": _default_image,
    "iscsi": _fill(iscsi_interface="default"),
    "rbd": _fill(pool="rbd", user="admin", keyring="/etc/ceph/keyring"),
    "azure_disk": _fill(caching_mode="ReadWrite", kind="Shared", fs_type="ext4", read_only=False),
    "scale_io": _fill(storage_mode="ThinProvisioned", fs_type="xfs"),
}
