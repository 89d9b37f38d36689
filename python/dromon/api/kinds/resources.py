"""Amounts of resources (cpu, memory, example.com/gpu): made canonical, checked.

Source: API documentation "Resource Management for Pods and Containers"; texts as upstream gives them.

Neighbours: podspec (containers), node (capacity); quantity has the arithmetic.
"""

from __future__ import annotations

from collections.abc import Mapping

from dromon.api import names, quantity
from dromon.api.errors import FieldError, invalid_value, required
from dromon.api.quantity import Number
from dromon.api.types.base import Quantity
from dromon.api.types.container import ResourceRequirements
from dromon.api.validation import NOT_NEGATIVE, invalid

_CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
_HUGE = "hugepages-"


def make_canonical(amounts: dict[str, Quantity]) -> None:
    """Write every amount in canonical form, thousandths at the finest; leaves alone what is no quantity."""
    for name, amount in amounts.items():
        amounts[name] = canonical_or_same(amount)


def canonical_or_same(amount: Quantity) -> Quantity:
    """The canonical form; what is no quantity stays, for validation to refuse."""
    try:
        return quantity.canonical_milli(amount)
    except ValueError:
        return amount


def check_requirements(given: ResourceRequirements, path: str, found: list[FieldError]) -> None:
    """Faults of a container's limits and requests."""
    limits = _amounts(given.limits, f"{path}.limits", found) if given.limits else {}
    if not given.requests:
        return
    at = f"{path}.requests"
    for name, wanted in _amounts(given.requests, at, found).items():
        limit = limits.get(name)
        if limit is None:
            if "/" in name and given.limits.get(name) is None and not _overcommits(name):
                text = "Limit must be set for non overcommitable resources"
                found.append(required(f"{path}.limits", text))
        elif wanted > limit:
            text = f"must be less than or equal to {name} limit of {given.limits[name]}"
            found.append(invalid_value(at, given.requests[name], text))
        elif wanted != limit and not _overcommits(name):
            text = f"must be equal to {name} limit of {given.limits[name]}"
            found.append(invalid_value(at, given.requests[name], text))


def _overcommits(name: str) -> bool:
    """Whether more of it may be promised than there is: native resources, huge pages excepted."""
    return not name.startswith(_HUGE) and ("/" not in name or "kubernetes.io/" in name)


def _amounts(given: Mapping[str, Quantity], path: str, found: list[FieldError]) -> dict[str, Number]:
    numbers: dict[str, Number] = {}
    for name, amount in given.items():
        if name not in _CONTAINER:
            _check_name(name, f"{path}[{name}]", found)
        number = check_amount(amount, f"{path}[{name}]", found)
        if number is not None:
            numbers[name] = number
            if not isinstance(number, int) and "/" in name and not _overcommits(name):
                found.append(invalid_value(f"{path}[{name}]", amount, "must be an integer"))
    return numbers


def _check_name(name: str, path: str, found: list[FieldError]) -> None:
    found += invalid(path, name, names.qualified(name))
    if "/" not in name and not name.startswith(_HUGE):
        found.append(invalid_value(path, name, "must be a standard resource for containers"))


def check_amounts(given: Mapping[str, Quantity], path: str, found: list[FieldError]) -> None:
    """Faults of a node's capacity, an overhead: any qualified name, nothing negative."""
    for name, amount in given.items():
        found += invalid(f"{path}[{name}]", name, names.qualified(name))
        check_amount(amount, f"{path}[{name}]", found)


def check_amount(amount: Quantity, path: str, found: list[FieldError]) -> Number | None:
    """The number, or None with the fault added; negative ones are a fault, too."""
    try:
        number = quantity.parse(amount)
    except ValueError as e:
        found.append(invalid_value(path, amount, str(e)))
        return None
    if number < 0:
        found.append(invalid_value(path, amount, NOT_NEGATIVE))
    return number
