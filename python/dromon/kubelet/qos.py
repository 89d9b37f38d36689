"""Quality of service: the class of a pod, and the kernel's settings that follow from requests and limits.

Sources: the Kubernetes documentation on QoS classes and node-pressure eviction (oom_score_adj), and on
resource management for containers (cpu shares and quota).

Neighbours: status reports the class, spec sets cgroup limits from it.
"""

from __future__ import annotations

from dromon.api import quantity
from dromon.api.types.container import Container
from dromon.api.types.pod import Pod
from dromon.kubelet.runtime.interface import Limits

_RESOURCES = ("cpu", "memory")
CPU_PERIOD = 100_000
"""The kernel's scheduling period in microseconds."""


def qos_class(pod: Pod) -> str:
    """ "Guaranteed", "Burstable" or "BestEffort"."""
    any_set = False
    guaranteed = True
    for container in [*pod.spec.containers, *pod.spec.init_containers]:
        for name in _RESOURCES:
            limit = quantity.parse(container.resources.limits.get(name, "0"))
            request = quantity.parse(container.resources.requests.get(name, "0"))
            any_set = any_set or bool(limit or request)
            guaranteed = guaranteed and bool(limit) and request in (0, limit)
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def oom_score_adj(pod: Pod, container: Container, memory_capacity: int) -> int:
    """How early the kernel kills it: the more of its request is used beyond, the sooner.

    Args:
        memory_capacity: of the node, in bytes.
    """
    kind = qos_class(pod)
    if kind == "Guaranteed":
        return -997
    request = quantity.value(container.resources.requests.get("memory", "0"))
    if kind == "BestEffort" or memory_capacity <= 0:
        return 1000
    return min(max(1000 - 1000 * request // memory_capacity, 3), 999)


def limits(pod: Pod, container: Container, memory_capacity: int) -> Limits:
    """cgroup settings of one container."""
    wanted, most = container.resources.requests, container.resources.limits
    request = quantity.milli(wanted.get("cpu", most.get("cpu", "0")))
    limit = quantity.milli(most.get("cpu", "0"))
    return Limits(
        cpu_shares=min(max(2, request * 1024 // 1000), 262_144),
        cpu_quota=max(1000, limit * CPU_PERIOD // 1000) if limit else 0,
        cpu_period=CPU_PERIOD,
        memory=quantity.value(most.get("memory", "0")),
        oom_score_adj=oom_score_adj(pod, container, memory_capacity),
    )
