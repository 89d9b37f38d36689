"""Whether one expression over labels or fields holds.

Source: core/v1 NodeSelectorRequirement, meta/v1 LabelSelectorRequirement.

Neighbours: filters.node_affinity asks about nodes, cluster about pods and namespaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dromon.scheduler.inputs import Requirement

_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})", re.ASCII)


def holds(requirement: Requirement, values: Mapping[str, str]) -> bool:
    """Whether the expression holds for these labels or fields."""
    value = values.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return value is not None and _compares(requirement, value)
        case _:
            return False


def _compares(requirement: Requirement, value: str) -> bool:
    have = _int64(value)
    want = _int64(requirement.values[0]) if len(requirement.values) == 1 else None
    if have is None or want is None:
        return False
    return have > want if requirement.operator == "Gt" else have < want


def _int64(text: str) -> int | None:
    """The number, or None for anything but a decimal integer of 64 bits."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    number = int(match[1] + match[2])
    return number if -(2**63) <= number < 2**63 else None
