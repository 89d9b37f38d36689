"""The EndpointSlices of a service: pure functions of the service, its pods and the slices that are there.

Endpoints that serve the same ports share slices of at most 100. What did not change is not written, and what
did goes into the fewest slices: a change of one pod rewrites one slice, however many there are.

Source: discovery.k8s.io/v1; KEP-752 (EndpointSlice), KEP-1672 (terminating endpoints).

Neighbours: slices.py writes what comes out of here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from dromon.api.types.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from dromon.api.types.meta import ObjectMeta, OwnerReference
from dromon.api.types.service import Service
from dromon.controllers import pods as about
from dromon.controllers.indexes import SERVICE_NAME_LABEL
from dromon.controllers.services import addresses
from dromon.controllers.services.addresses import Port
from dromon.controllers.views import PodView

MAX_ENDPOINTS = 100
"""Endpoints in one slice (the API allows 1000; upstream's controller makes 100)."""

MANAGED_BY_LABEL = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"

Group = tuple[str, tuple[Port, ...]]
"""Address family and ports: what the endpoints of one slice have in common."""


@dataclass(slots=True)
class Plan:
    """Slices to create, to update (whole objects) and to delete."""

    create: list[EndpointSlice] = field(default_factory=list)
    update: list[EndpointSlice] = field(default_factory=list)
    delete: list[EndpointSlice] = field(default_factory=list)


def plan_slices(
    service: Service,
    pods: Sequence[PodView],
    current: Sequence[EndpointSlice],
    zones: Mapping[str, str],
    limit: int = MAX_ENDPOINTS,
) -> Plan:
    """What to write so that the slices show exactly the service's members.

    Args:
        current: the slices that this controller made for the service.
        zones: node name -> zone, as far as known.
        limit: endpoints in a slice.
    """
    wanted = members(service, pods, zones)
    by_group: dict[Group, list[EndpointSlice]] = {}
    for slice_ in current:
        by_group.setdefault(group_of(slice_), []).append(slice_)
    plan = Plan()
    spare: list[EndpointSlice] = []
    for family in addresses.families(service):
        if not any(group[0] == family for group in wanted):
            # A service without members still shows that somebody looks after it: one empty slice.
            wanted[_placeholder(family, by_group)] = {}
    for group, slices in by_group.items():
        if group not in wanted:
            spare += slices
    for group, endpoints in wanted.items():
        _pack(service, group, endpoints, by_group.get(group, []), spare, limit, plan)
    plan.delete += spare
    return plan


def _placeholder(family: str, by_group: Mapping[Group, Sequence[EndpointSlice]]) -> Group:
    """The group of the empty slice; a slice that is there is emptied in place rather than replaced."""
    return next((group for group in by_group if group[0] == family), (family, ()))


def members(
    service: Service, pods: Sequence[PodView], zones: Mapping[str, str]
) -> dict[Group, dict[str, Endpoint]]:
    """The endpoints by address family and ports, then by pod uid."""
    wanted: dict[Group, dict[str, Endpoint]] = {}
    for family in addresses.families(service):
        for pod in pods:
            ip = addresses.address(pod, family)
            if ip and addresses.contributes(pod, terminating=True):
                group = (family, tuple(sorted(addresses.ports(service, pod), key=_port_key)))
                endpoint = endpoint_of(service, pod, ip, zones.get(pod.spec.node_name, ""))
                wanted.setdefault(group, {})[pod.metadata.uid] = endpoint
    return wanted


def endpoint_of(service: Service, pod: PodView, ip: str, zone: str) -> Endpoint:
    """One pod as a member; "ready" is never true of one that terminates, unless the service publishes all."""
    serving = about.is_ready(pod)
    terminating = pod.metadata.deletion_timestamp is not None
    publish = service.spec.publish_not_ready_addresses
    return Endpoint(
        addresses=[ip],
        conditions=EndpointConditions(
            ready=publish or (serving and not terminating), serving=serving, terminating=terminating
        ),
        hostname=addresses.hostname(service, pod) or None,
        target_ref=addresses.reference(pod),
        node_name=pod.spec.node_name or None,
        zone=zone or None,
    )


def group_of(slice_: EndpointSlice) -> Group:
    """What the endpoints of an existing slice have in common."""
    ports = [Port(p.name or "", p.protocol or "TCP", p.port or 0, p.app_protocol) for p in slice_.ports]
    return slice_.address_type, tuple(sorted(ports, key=_port_key))


def _port_key(port: Port) -> tuple[str, str, int, str]:
    return port.name, port.protocol, port.number, port.app_protocol or ""


def _pack(
    service: Service,
    group: Group,
    wanted: Mapping[str, Endpoint],
    current: Sequence[EndpointSlice],
    spare: list[EndpointSlice],
    limit: int,
    plan: Plan,
) -> None:
    """Distribute the endpoints of one group over its slices; `spare` ones are used before any is made."""
    left = dict(wanted)
    kept: list[tuple[EndpointSlice, list[Endpoint]]] = []
    for slice_ in current:
        stay = []
        for old in slice_.endpoints:
            uid = old.target_ref.uid if old.target_ref is not None else ""
            new = left.pop(uid, None)
            if new is not None:
                stay.append(new)
        kept.append((slice_, stay))
    labels = slice_labels(service)
    changed = [_differs(service, s, e, labels) for s, e in kept]
    _fill(left, kept, changed, limit)
    while left or not kept:
        chunk = [left.pop(uid) for uid in list(left)[:limit]]
        reused = next((s for s in spare if s.address_type == group[0]), None)
        if reused is not None:
            spare.remove(reused)
            kept.append((msgspec.structs.replace(reused, ports=_ports(group)), chunk))
        else:
            plan.create.append(_new(service, group, chunk, labels))
            kept.append((plan.create[-1], chunk))
        changed.append(reused is not None)
    survivors = sum(bool(e) for _, e in kept)
    for (slice_, endpoints), touched in zip(kept, changed, strict=True):
        if not endpoints and (survivors or slice_ is not kept[0][0]):
            plan.delete.append(slice_)
        elif touched:
            plan.update.append(_updated(service, slice_, endpoints, labels))


def _fill(
    left: dict[str, Endpoint],
    kept: list[tuple[EndpointSlice, list[Endpoint]]],
    changed: list[bool],
    limit: int,
) -> None:
    """Put what is `left` into slices that are written anyway, fullest first; else into one that has room."""
    order = sorted(range(len(kept)), key=lambda i: -len(kept[i][1]))
    for i in order:
        endpoints = kept[i][1]
        if changed[i] and endpoints:
            _move(left, endpoints, limit)
    for i in order:
        endpoints = kept[i][1]
        if left and changed[i]:
            _move(left, endpoints, limit)
    for i in order:
        endpoints = kept[i][1]
        if left and not changed[i] and len(endpoints) + len(left) <= limit:
            _move(left, endpoints, limit)
            changed[i] = True


def _move(left: dict[str, Endpoint], endpoints: list[Endpoint], limit: int) -> None:
    for uid in list(left)[: max(limit - len(endpoints), 0)]:
        endpoints.append(left.pop(uid))


def slice_labels(service: Service) -> dict[str, str]:
    """The labels of the service's slices."""
    own = {SERVICE_NAME_LABEL: service.metadata.name, MANAGED_BY_LABEL: MANAGER}
    return addresses.labels(service, own)


def _owner(service: Service) -> OwnerReference:
    return OwnerReference(
        api_version="v1",
        kind="Service",
        name=service.metadata.name,
        uid=service.metadata.uid,
        controller=True,
        block_owner_deletion=True,
    )


def _differs(
    service: Service, slice_: EndpointSlice, endpoints: Sequence[Endpoint], labels: Mapping[str, str]
) -> bool:
    return (
        list(endpoints) != slice_.endpoints
        or slice_.metadata.labels != labels
        or all(o.uid != service.metadata.uid for o in slice_.metadata.owner_references)
    )


def _updated(
    service: Service, slice_: EndpointSlice, endpoints: list[Endpoint], labels: dict[str, str]
) -> EndpointSlice:
    meta = msgspec.structs.replace(slice_.metadata, labels=dict(labels), owner_references=[_owner(service)])
    return msgspec.structs.replace(slice_, metadata=meta, endpoints=endpoints)


def _new(service: Service, group: Group, endpoints: list[Endpoint], labels: dict[str, str]) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(
            generate_name=service.metadata.name + "-",
            namespace=service.metadata.namespace,
            labels=dict(labels),
            owner_references=[_owner(service)],
        ),
        address_type=group[0],
        endpoints=endpoints,
        ports=_ports(group),
    )


def _ports(group: Group) -> list[EndpointPort]:
    return [
        EndpointPort(name=p.name, protocol=p.protocol, port=p.number, app_protocol=p.app_protocol)
        for p in group[1]
    ]
