"""The Endpoints object of a service: pure functions of the service and its pods.

Source: core/v1 Endpoints: subsets are the expanded product of their addresses and ports.

Neighbours: endpoints.py writes what comes out of here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dromon.api.types.endpoints import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import Service
from dromon.controllers import pods as about
from dromon.controllers.services import addresses
from dromon.controllers.services.addresses import Port
from dromon.controllers.views import PodView

CAPACITY = 1000
"""Addresses in one Endpoints object; slices have the rest."""

OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"

Member = tuple[str, bool]
"""Uid of a pod, and whether it is ready."""


def plan_endpoints(
    service: Service, pods: Sequence[PodView], current: Endpoints | None, capacity: int = CAPACITY
) -> Endpoints | None:
    """The object to create (`current` None) or to update to, or None: what is there is right."""
    subsets, truncated = truncate(plan_subsets(service, pods), capacity)
    labels = addresses.labels(service, {MANAGED_BY: MANAGER})
    if current is None:
        meta = ObjectMeta(name=service.metadata.name, namespace=service.metadata.namespace, labels=labels)
        if truncated:
            meta.annotations = {OVER_CAPACITY: "truncated"}
        return Endpoints(metadata=meta, subsets=subsets)
    annotations = {k: v for k, v in current.metadata.annotations.items() if k != OVER_CAPACITY}
    if truncated:
        annotations[OVER_CAPACITY] = "truncated"
    same = (
        current.subsets == subsets
        and current.metadata.labels == labels
        and current.metadata.annotations == annotations
    )
    if same:
        return None
    meta = msgspec.structs.replace(current.metadata, labels=labels, annotations=annotations)
    return msgspec.structs.replace(current, metadata=meta, subsets=subsets)


def plan_subsets(service: Service, pods: Sequence[PodView]) -> list[EndpointSubset]:
    """Members by the ports that they share, each set of addresses once, in a fixed order.

    Pods that are being deleted, or not ready, count only as the service says (publishNotReadyAddresses).
    """
    family = addresses.families(service)[0]
    publish = service.spec.publish_not_ready_addresses
    made: dict[str, EndpointAddress] = {}
    by_port: dict[Port | None, set[Member]] = {}
    for pod in pods:
        ip = addresses.address(pod, family)
        if not ip or not addresses.contributes(pod, terminating=publish):
            continue
        member = (pod.metadata.uid, publish or about.is_ready(pod))
        made[pod.metadata.uid] = _address(service, pod, ip)
        if not service.spec.ports and addresses.is_headless(service):
            by_port.setdefault(None, set()).add(member)
        for port in addresses.ports(service, pod):
            by_port.setdefault(port, set()).add(member)
    by_members: dict[frozenset[Member], list[Port]] = {}
    for served, members in by_port.items():
        together = by_members.setdefault(frozenset(members), [])
        if served is not None:
            together.append(served)
    subsets = [_subset(made, members, ports) for members, ports in by_members.items()]
    return sorted(subsets, key=msgspec.json.encode)


def _address(service: Service, pod: PodView, ip: str) -> EndpointAddress:
    return EndpointAddress(
        ip=ip,
        hostname=addresses.hostname(service, pod),
        node_name=pod.spec.node_name or None,
        target_ref=addresses.reference(pod),
    )


def _subset(
    made: dict[str, EndpointAddress], members: frozenset[Member], ports: list[Port]
) -> EndpointSubset:
    def side(ready: bool) -> list[EndpointAddress]:
        chosen = [made[uid] for uid, is_ready in members if is_ready == ready]
        return sorted(chosen, key=lambda a: (a.ip, a.target_ref.uid if a.target_ref else ""))

    return EndpointSubset(
        addresses=side(True),
        not_ready_addresses=side(False),
        ports=[
            EndpointPort(name=p.name, port=p.number, protocol=p.protocol, app_protocol=p.app_protocol)
            for p in sorted(ports, key=lambda p: (p.name, p.protocol, p.number))
        ],
    )


def truncate(subsets: list[EndpointSubset], capacity: int) -> tuple[list[EndpointSubset], bool]:
    """At most `capacity` addresses, ready ones first, in proportion to the subsets; whether any is lost."""
    ready = sum(len(s.addresses) for s in subsets)
    waiting = sum(len(s.not_ready_addresses) for s in subsets)
    if ready + waiting <= capacity:
        return subsets, False
    ready_shares = shares([len(s.addresses) for s in subsets], min(ready, capacity))
    waiting_shares = shares([len(s.not_ready_addresses) for s in subsets], max(capacity - ready, 0))
    cut = [
        msgspec.structs.replace(
            s, addresses=s.addresses[:keep], not_ready_addresses=s.not_ready_addresses[:keep_waiting]
        )
        for s, keep, keep_waiting in zip(subsets, ready_shares, waiting_shares, strict=True)
    ]
    return [s for s in cut if s.addresses or s.not_ready_addresses], True


def shares(sizes: Sequence[int], total: int) -> list[int]:
    """Split `total` (at most the sum) in proportion to `sizes`, whole numbers, nothing lost by rounding."""
    whole = sum(sizes)
    if whole <= total:
        return list(sizes)
    result, before = [], 0
    for size in sizes:
        after = before + size
        result.append(after * total // whole - before * total // whole)
        before = after
    return result
