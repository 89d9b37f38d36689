"""Validity of a container's environment: variables, their sources, whole ConfigMaps and Secrets.

Neighbours: containers calls it; volumes shares the checks of fieldRef and resourceFieldRef.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from dromon.api import names
from dromon.api.errors import FieldError, forbidden_field, invalid_value, not_supported, required
from dromon.api.kinds.podspec.probes import AnyContainer
from dromon.api.kinds.resources import check_amount
from dromon.api.types.container import EnvFromSource, EnvVarSource, ObjectFieldSelector, ResourceFieldSelector
from dromon.api.validation import invalid

ENV_FIELDS = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    }
)
VOLUME_FIELDS = frozenset(
    {"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"}
)
_RESOURCES = frozenset(
    f"{kind}.{name}" for kind in ("limits", "requests") for name in ("cpu", "memory", "ephemeral-storage")
)
_subscript = re.compile(r"(metadata\.(?:labels|annotations))\['([^']*)'\]").fullmatch


def check(c: AnyContainer, at: str, found: list[FieldError]) -> None:
    """Faults of `env` and `envFrom`."""
    for i, variable in enumerate(c.env):
        if not variable.name:
            found.append(required(f"{at}.env[{i}].name"))
        elif why := names.env_var(variable.name):
            found += invalid(f"{at}.env[{i}].name", variable.name, why)
        if variable.value_from is not None:
            _check_source(variable.value_from, variable.value, f"{at}.env[{i}].valueFrom", found)
    for i, source in enumerate(c.env_from):
        _check_env_from(source, f"{at}.envFrom[{i}]", found)


def _check_source(source: EnvVarSource, value: str, path: str, found: list[FieldError]) -> None:
    count = 0
    if source.field_ref is not None:
        count += 1
        check_field_ref(source.field_ref, f"{path}.fieldRef", ENV_FIELDS, found)
    if source.resource_field_ref is not None:
        count += 1
        check_resource_ref(source.resource_field_ref, f"{path}.resourceFieldRef", found, volume=False)
    for wire, ref in (
        ("configMapKeyRef", source.config_map_key_ref),
        ("secretKeyRef", source.secret_key_ref),
    ):
        if ref is None:
            continue
        count += 1
        if not ref.name:
            found.append(required(f"{path}.{wire}.name"))
        if not ref.key:
            found.append(required(f"{path}.{wire}.key"))
        else:
            found += invalid(f"{path}.{wire}.key", ref.key, names.config_key(ref.key))
    if source.file_key_ref is not None:
        count += 1
    if count == 0:
        text = "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
        found.append(invalid_value(path, "", text))
    if value and count:
        found.append(invalid_value(path, "", "may not be specified when `value` is not empty"))
    if count > 1:
        found.append(invalid_value(path, "", "may not have more than one field specified at a time"))


def _check_env_from(source: EnvFromSource, path: str, found: list[FieldError]) -> None:
    if source.prefix:
        found += invalid(f"{path}.prefix", source.prefix, names.env_var(source.prefix))
    given = [
        (wire, ref)
        for wire, ref in (("configMapRef", source.config_map_ref), ("secretRef", source.secret_ref))
        if ref is not None
    ]
    if not given:
        found.append(invalid_value(path, "", "must specify one of: `configMapRef` or `secretRef`"))
    elif len(given) > 1:
        found.append(invalid_value(path, "", "may not have more than one field specified at a time"))
    for wire, ref in given:
        if not ref.name:
            found.append(required(f"{path}.{wire}.name"))


def check_field_ref(
    ref: ObjectFieldSelector, path: str, allowed: Collection[str], found: list[FieldError]
) -> None:
    """Faults of a reference to a field of the pod itself."""
    if not ref.api_version:
        found.append(required(f"{path}.apiVersion"))
    if not ref.field_path:
        found.append(required(f"{path}.fieldPath"))
        return
    subscript = _subscript(ref.field_path)
    if subscript is not None:
        key = subscript[2] if subscript[1] == "metadata.labels" else subscript[2].lower()
        found += invalid(f"{path}.fieldPath", subscript[2], names.qualified(key))
    elif ref.field_path.partition("[")[0] not in allowed or "[" in ref.field_path:
        if ref.field_path.startswith(("metadata.", "spec.", "status.")):
            found.append(not_supported(f"{path}.fieldPath", ref.field_path, sorted(allowed)))
        else:
            text = "error converting fieldPath: field label not supported: "
            found.append(invalid_value(f"{path}.fieldPath", ref.field_path, text + ref.field_path))


def check_resource_ref(
    ref: ResourceFieldSelector, path: str, found: list[FieldError], *, volume: bool
) -> None:
    """Faults of a reference to a container's resources; a volume must name the container."""
    if volume and not ref.container_name:
        found.append(required(f"{path}.containerName"))
    if not ref.resource:
        found.append(required(f"{path}.resource"))
    elif ref.resource not in _RESOURCES and not ref.resource.startswith(
        ("limits.hugepages-", "requests.hugepages-")
    ):
        found.append(not_supported(f"{path}.resource", ref.resource, sorted(_RESOURCES)))
    if volume and ref.resource == "" and ref.container_name == "":
        found.append(forbidden_field(path, "resource and containerName are required"))
    check_amount(ref.divisor, f"{path}.divisor", found)
