"""What the files of configMap, secret and downwardAPI volumes contain: pure functions of API objects.

Sources: core/v1 ConfigMapVolumeSource, SecretVolumeSource, DownwardAPIVolumeFile, ProjectedVolumeSource.

Neighbours: projected reads the objects and writes the files by atomic; kubelet.env knows fields and
resources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dromon.api.types.config import ConfigMap, Secret
from dromon.api.types.pod import Pod
from dromon.api.types.volume import DownwardAPIVolumeFile, KeyToPath
from dromon.kubelet import env
from dromon.kubelet.volumes.atomic import File
from dromon.kubelet.volumes.interface import VolumeError

DEFAULT_MODE = 0o644


def of_config_map(
    config_map: ConfigMap | None, name: str, items: Sequence[KeyToPath], mode: int, optional: bool
) -> dict[str, File]:
    """Files of a ConfigMap: its text and binary keys, or those that `items` chooses."""
    if config_map is None:
        return _absent("configmap", name, optional)
    data = {key: text.encode() for key, text in config_map.data.items()} | config_map.binary_data
    return _chosen(data, items, mode, optional)


def of_secret(
    secret: Secret | None, name: str, items: Sequence[KeyToPath], mode: int, optional: bool
) -> dict[str, File]:
    """Files of a Secret: its keys, or those that `items` chooses."""
    if secret is None:
        return _absent("secret", name, optional)
    return _chosen(secret.data, items, mode, optional)


def _absent(kind: str, name: str, optional: bool) -> dict[str, File]:
    if optional:
        return {}
    raise VolumeError(f'{kind} "{name}" not found')


def _chosen(
    data: Mapping[str, bytes], items: Sequence[KeyToPath], mode: int, optional: bool
) -> dict[str, File]:
    if not items:
        return {key: File(content, mode) for key, content in data.items()}
    files = {}
    for item in items:
        if item.key in data:
            files[item.path] = File(data[item.key], mode if item.mode is None else item.mode)
        elif not optional:
            raise VolumeError(f"references non-existent config key: {item.key}")
    return files


def of_pod(
    pod: Pod, items: Sequence[DownwardAPIVolumeFile], mode: int, allocatable: Mapping[str, int]
) -> dict[str, File]:
    """Files that tell a pod about itself (the downward API)."""
    files = {}
    for item in items:
        text = _about(pod, item, allocatable)
        files[item.path] = File(text.encode(), mode if item.mode is None else item.mode)
    return files


def _about(pod: Pod, item: DownwardAPIVolumeFile, allocatable: Mapping[str, int]) -> str:
    try:
        if item.field_ref is not None:
            path = item.field_ref.field_path
            if path == "metadata.labels":
                return _pairs(pod.metadata.labels)
            if path == "metadata.annotations":
                return _pairs(pod.metadata.annotations)
            return env.field_value(pod, path, env.Surroundings())
        if item.resource_field_ref is not None:
            reference = item.resource_field_ref
            return env.resource_value(pod, pod.spec.containers[0], reference, allocatable)
    except env.ConfigError as error:
        raise VolumeError(str(error)) from None
    raise VolumeError(f'item "{item.path}" has neither fieldRef nor resourceFieldRef')


def _pairs(values: Mapping[str, str]) -> str:
    """key="value" lines in order, values with upstream's escapes."""
    return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(values.items()))


_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\a": "\\a", "\b": "\\b"} | {
    "\f": "\\f",
    "\v": "\\v",
}


def _quoted(text: str) -> str:
    escaped = (_ESCAPES.get(char) or (char if char.isprintable() else f"\\u{ord(char):04x}") for char in text)
    return '"' + "".join(escaped) + '"'
