"""What ConfigMaps and Secrets have in common: keys that become file names, a size limit, immutability.

Source: the API reference of ConfigMap and Secret v1; texts as upstream gives them.

Neighbours: configmap, secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dromon.api import names
from dromon.api.errors import FieldError, forbidden_field
from dromon.api.types.config import ConfigMap, Secret
from dromon.api.validation import invalid

MAX_SIZE = 1024 * 1024
"""Bytes of all values together."""

_IMMUTABLE = "field is immutable when `immutable` is set"
_WIRE = {"data": "data", "binary_data": "binaryData"}


def check_keys(keys: Iterable[str], path: str) -> list[FieldError]:
    """Faults of the keys."""
    found: list[FieldError] = []
    for key in keys:
        if why := names.config_key(key):
            found += invalid(f"{path}[{key}]", key, why)
    return found


def size(values: Mapping[str, str] | Mapping[str, bytes]) -> int:
    """Bytes of all values."""
    return sum(len(v.encode()) if isinstance(v, str) and not v.isascii() else len(v) for v in values.values())


def check_immutable(
    new: ConfigMap | Secret, old: ConfigMap | Secret, attributes: Iterable[str]
) -> list[FieldError]:
    """Faults of a change of an object that was made immutable."""
    if not old.immutable:
        return []
    found: list[FieldError] = []
    if not new.immutable:
        found.append(forbidden_field("immutable", _IMMUTABLE))
    for name in attributes:
        if getattr(new, name) != getattr(old, name):
            found.append(forbidden_field(_WIRE[name], _IMMUTABLE))
    return found
