"""From API objects to what decisions depend on: Pod -> PodClass, Node -> NodeInfo. Pure.

Source: Kubernetes documentation, "Resource Management for Pods and Containers", "Sidecar Containers", "Pod
Overhead", "Extended Resources"; upstream's scoring defaults for containers that request nothing.

Neighbours: inputs has the results' types, pod_terms the part about other pods; classes caches them; loop
calls it for every change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from dromon.api import quantity, times
from dromon.api.types.affinity import NodeSelectorRequirement, NodeSelectorTerm
from dromon.api.types.base import Quantity
from dromon.api.types.container import Container
from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.api.types.service import Service
from dromon.scheduler import pod_terms
from dromon.scheduler.engine.interface import LATEST
from dromon.scheduler.filters.ports import ANY
from dromon.scheduler.inputs import (
    MAX_AMOUNT,
    Amounts,
    Disk,
    HostPort,
    Labels,
    NodeInfo,
    PodClass,
    PreferredTerm,
    Requirement,
    Spread,
    Taint,
    Term,
    Toleration,
)

DEFAULT_CPU = 100
DEFAULT_MEMORY = 200 * 2**20
"""What a container that requests nothing counts for in scoring: 100 thousandths of a core, 200 MiB."""

V = TypeVar("V")

FINISHED = frozenset(("Succeeded", "Failed"))


def is_finished(pod: Pod) -> bool:
    """Whether the pod holds no resources any more, for good."""
    return pod.status.phase in FINISHED


def is_gated(pod: Pod) -> bool:
    """Whether a scheduling gate keeps the pod from being considered."""
    return bool(pod.spec.scheduling_gates)


def owner(pod: Pod) -> str:
    """The uid of the pod's controller, "" when it has none."""
    return next((r.uid for r in pod.metadata.owner_references if r.controller), "")


def image_name(name: str) -> str:
    """The image's name as nodes report it: with a tag."""
    return name if name.rfind(":") > name.rfind("/") else name + ":latest"


def started(pod: Pod) -> int:
    """When the pod started, in seconds since the epoch; LATEST when it has not."""
    return LATEST if pod.status.start_time is None else int(times.parse(pod.status.start_time))


def service_selector(pod: Pod, services: Iterable[Service]) -> Labels:
    """What all the services that select the pod ask for, () when none does.

    Args:
        services: those of the pod's namespace.
    """
    labels = pod.metadata.labels.items()
    merged: dict[str, str] = {}
    for service in services:
        if service.spec.selector and service.spec.selector.items() <= labels:
            merged.update(service.spec.selector)
    return _pairs(merged)


def node_info(node: Node) -> NodeInfo:
    """The node as the engines know it."""
    allocatable = node.status.allocatable
    return NodeInfo(
        name=node.metadata.name,
        labels=_pairs(node.metadata.labels),
        taints=tuple(Taint(t.key, t.value, t.effect) for t in node.spec.taints),
        unschedulable=node.spec.unschedulable,
        allocatable=_amounts({r: _amount(r, q, broken=0) for r, q in allocatable.items() if r != "pods"}),
        max_pods=_amount("pods", allocatable.get("pods", 0), broken=0),
        images=_pairs({name: image.size_bytes for image in node.status.images for name in image.names}),
    )


def pod_class(pod: Pod, selected_by: Labels = ()) -> PodClass:
    """All that decides where the pod may go, and what it counts as once it is there.

    Args:
        selected_by: `service_selector` of the pod; used when it has no controller.
    """
    spec = pod.spec
    controller = owner(pod)
    affinity = spec.affinity.node_affinity if spec.affinity else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity else None
    preferred = affinity.preferred_during_scheduling_ignored_during_execution if affinity else []
    return PodClass(
        namespace=pod.metadata.namespace,
        labels=_pairs(pod.metadata.labels),
        owner=controller,
        leaving=pod.metadata.deletion_timestamp is not None,
        priority=spec.priority or 0,
        requests=_amounts(requests(pod)),
        nonzero=(
            requests(pod, {"cpu": DEFAULT_CPU}).get("cpu", 0),
            requests(pod, {"memory": DEFAULT_MEMORY}).get("memory", 0),
        ),
        selector=_pairs(spec.node_selector),
        required=None if required is None else tuple(_term(t) for t in required.node_selector_terms),
        preferred=tuple(PreferredTerm(p.weight, _term(p.preference)) for p in preferred if p.weight > 0),
        tolerations=tuple(Toleration(t.key, t.operator, t.value, t.effect) for t in spec.tolerations),
        ports=_host_ports(pod),
        disks=disks(pod),
        spread=None if spec.topology_spread_constraints else _spread(pod, controller, selected_by),
        images=tuple(image_name(c.image) for c in (*spec.init_containers, *spec.containers)),
        affinity=pod_terms.affinity(pod),
        anti_affinity=pod_terms.anti_affinity(pod),
        preferred_pods=pod_terms.preferred(pod),
        constraints=pod_terms.constraints(pod),
    )


def requests(pod: Pod, default: Mapping[str, int] | None = None) -> dict[str, int]:
    """What the pod needs at once: resource -> amount.

    Containers run side by side, as do init containers that restart always (sidecars) once they have started;
    ordinary init containers run one at a time before that. Requests of the pod as a whole, where given, take
    the place of the sum; its overhead comes on top.

    Args:
        default: amount for each container that does not request the resource.
    """
    default = default or {}
    together: dict[str, int] = {}
    starting: dict[str, int] = {}
    sidecars: dict[str, int] = {}
    for init in pod.spec.init_containers:
        needs = _container(init, default)
        if init.restart_policy == "Always":
            sidecars = _plus(sidecars, needs)
            starting = _most(starting, sidecars)
        else:
            starting = _most(starting, _plus(sidecars, needs))
    for container in pod.spec.containers:
        together = _plus(together, _container(container, default))
    total = _most(_plus(together, sidecars), starting)
    if pod.spec.resources is not None:
        total |= {r: _amount(r, q, broken=MAX_AMOUNT) for r, q in pod.spec.resources.requests.items()}
    overhead = {r: _amount(r, q, broken=MAX_AMOUNT) for r, q in pod.spec.overhead.items()}
    return {r: min(a, MAX_AMOUNT) for r, a in _plus(total, overhead).items()}


def _container(container: Container, default: Mapping[str, int]) -> dict[str, int]:
    asked = {r: _amount(r, q, broken=MAX_AMOUNT) for r, q in container.resources.requests.items()}
    return {**default, **asked}


def _plus(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {r: a.get(r, 0) + b.get(r, 0) for r in (*a, *b)}


def _most(a: Mapping[str, int], b: Mapping[str, int]) -> dict[str, int]:
    return {r: max(a.get(r, 0), b.get(r, 0)) for r in (*a, *b)}


def _amount(resource: str, amount: Quantity, broken: int) -> int:
    """The amount in the units of inputs; `broken` for text that no server should have let in."""
    try:
        number = quantity.milli(amount) if resource == "cpu" else quantity.value(amount)
    except ValueError:
        return broken
    return min(max(number, 0), MAX_AMOUNT)


def _amounts(amounts: Mapping[str, int]) -> Amounts:
    return tuple(sorted((r, a) for r, a in amounts.items() if a))


def _pairs(labels: Mapping[str, V]) -> tuple[tuple[str, V], ...]:
    return tuple(sorted(labels.items()))


def _term(term: NodeSelectorTerm) -> Term:
    return Term(_requirements(term.match_expressions), _requirements(term.match_fields))


def _requirements(requirements: Iterable[NodeSelectorRequirement]) -> tuple[Requirement, ...]:
    return tuple(Requirement(r.key, r.operator, tuple(r.values)) for r in requirements)


def _host_ports(pod: Pod) -> tuple[HostPort, ...]:
    """Host ports of containers and sidecars; on the host's network every container port is one."""
    sidecars = (c for c in pod.spec.init_containers if c.restart_policy == "Always")
    ports = []
    for container in (*pod.spec.containers, *sidecars):
        for port in container.ports:
            number = port.host_port or (port.container_port if pod.spec.host_network else 0)
            if number:
                ports.append(HostPort(port.host_ip or ANY, port.protocol or "TCP", number))
    return tuple(ports)


def disks(pod: Pod) -> tuple[Disk, ...]:
    """The disks among its volumes that can't be on a node twice."""
    found = []
    for volume in pod.spec.volumes:
        if (gce := volume.gce_persistent_disk) is not None:
            found.append(Disk(f"gce/{gce.pd_name}", gce.read_only))
        elif (aws := volume.aws_elastic_block_store) is not None:
            found.append(Disk(f"aws/{aws.volume_id}"))
        elif (iscsi := volume.iscsi) is not None:
            found.append(Disk(f"iscsi/{iscsi.iqn}", iscsi.read_only))
        elif (rbd := volume.rbd) is not None:
            # One monitor in common makes it the same cluster.
            images = (f"rbd/{monitor}/{rbd.pool}/{rbd.image}" for monitor in rbd.monitors)
            found += [Disk(image, rbd.read_only) for image in images]
    return tuple(found)


def _spread(pod: Pod, controller: str, selected_by: Labels) -> Spread | None:
    if controller:
        return Spread(owner=controller)
    return Spread(namespace=pod.metadata.namespace, selector=selected_by) if selected_by else None
