"""The quality-of-service class of a pod: how much of what it uses is promised to it.

Source: API documentation "Pod Quality of Service Classes".

Neighbours: kinds.pod sets it on create; the kubelet orders evictions by it.
"""

from __future__ import annotations

from dromon.api import quantity
from dromon.api.quantity import Number
from dromon.api.types.base import Quantity
from dromon.api.types.pod import PodSpec

_COMPUTE = ("cpu", "memory")


def qos_class(spec: PodSpec) -> str:
    """Guaranteed: every container limits both and requests as much; BestEffort: none says anything."""
    requests: dict[str, Number] = {}
    limits: dict[str, Number] = {}
    guaranteed = True
    for container in (*spec.containers, *spec.init_containers):
        resources = container.resources
        _add(requests, resources.requests)
        if _add(limits, resources.limits) != len(_COMPUTE):
            guaranteed = False
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if guaranteed and requests == limits else "Burstable"


def _add(total: dict[str, Number], amounts: dict[str, Quantity]) -> int:
    """Add the amounts that are above nothing; how many there were."""
    count = 0
    if amounts:
        for name in _COMPUTE:
            number = _number(amounts.get(name, 0))
            if number > 0:
                total[name] = total[name] + number if name in total else number
                count += 1
    return count


def _number(amount: Quantity) -> Number:
    try:
        return quantity.parse(amount)
    except ValueError:
        return 0  # validation refuses the pod
