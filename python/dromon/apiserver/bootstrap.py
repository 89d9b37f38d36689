"""Objects that every cluster has from its first moment; made through the registry like any other.

Neighbours: dromon.apiserver.server calls it once the store is open, before it says that it is ready; it
keeps them from then on.
"""

from __future__ import annotations

import copy
import logging
from ipaddress import ip_address
from typing import Any

from dromon.api.errors import ApiError
from dromon.api.kinds import ENDPOINT_SLICES, ENDPOINTS, NAMESPACES, PRIORITY_CLASSES, SERVICES
from dromon.api.kinds.priorityclass import SYSTEM_CLASSES
from dromon.api.resource import Resource
from dromon.api.types import discovery
from dromon.api.types.endpoints import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.apiserver.registry import Registry
from dromon.base.clock import Clock
from dromon.store.interface import StoreError

log = logging.getLogger(__name__)

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
RECONCILE = 10.0  # seconds, as upstream's controller of the `kubernetes` Service


async def keep_objects(registry: Registry, clock: Clock, *, advertise_address: str, port: int) -> None:
    """Create again what somebody deleted: clients in pods find the API by the `kubernetes` Service."""
    while True:
        await clock.sleep(RECONCILE)
        try:
            await create_objects(registry, advertise_address=advertise_address, port=port)
        except (ApiError, StoreError) as e:
            log.warning("can't restore the cluster's own objects error=%s", e)


async def create_objects(registry: Registry, *, advertise_address: str, port: int) -> None:
    """Create what is missing: the system's namespaces and priority classes, the `kubernetes`
    Service and its endpoints.

    Args:
        advertise_address: where others reach this apiserver; there are no endpoints unless they can.
        port: where it listens.
    """
    for name in SYSTEM_NAMESPACES:
        await _ensure(registry, NAMESPACES, Namespace(metadata=ObjectMeta(name=name)))
    for system in SYSTEM_CLASSES:
        await _ensure(registry, PRIORITY_CLASSES, copy.deepcopy(system))
    await _ensure(registry, SERVICES, _service(port), "default")
    if _reachable(advertise_address):
        await _endpoints(registry, advertise_address, port)


def _reachable(address: str) -> bool:
    """Whether others can reach this address: endpoints are addresses, and loopback is everybody's own."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified)


async def _ensure(registry: Registry, r: Resource[Any], obj: Any, namespace: str = "") -> bool:
    """Create unless it is there; whether it was created."""
    if registry.store.get(r, namespace, obj.metadata.name) is not None:
        return False
    try:
        await registry.create(r, obj, namespace=namespace)
    except ApiError as e:
        if e.reason != "AlreadyExists":
            raise
        return False
    return True


def _service(port: int) -> Service:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    return Service(
        metadata=ObjectMeta(name="kubernetes", labels=labels),
        spec=ServiceSpec(
            type="ClusterIP",
            session_affinity="None",
            ports=[ServicePort(name="https", port=443, protocol="TCP", target_port=port)],
        ),
    )


async def _endpoints(registry: Registry, address: str, port: int) -> None:
    subsets = [
        EndpointSubset(
            addresses=[EndpointAddress(ip=address)],
            ports=[EndpointPort(name="https", port=port, protocol="TCP")],
        )
    ]
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    endpoints = Endpoints(metadata=ObjectMeta(name="kubernetes", labels=labels), subsets=subsets)
    if not await _ensure(registry, ENDPOINTS, endpoints, "default"):

        def moved(old: Endpoints) -> Endpoints:
            old.subsets = subsets
            return old

        await registry.update(ENDPOINTS, "default", "kubernetes", moved)
    members = [discovery.Endpoint(addresses=[address], conditions=discovery.EndpointConditions(ready=True))]
    ports = [discovery.EndpointPort(name="https", port=port, protocol="TCP")]
    labels = {"kubernetes.io/service-name": "kubernetes"}
    slice_ = discovery.EndpointSlice(
        metadata=ObjectMeta(name="kubernetes", labels=labels),
        address_type="IPv4",
        endpoints=members,
        ports=ports,
    )
    if not await _ensure(registry, ENDPOINT_SLICES, slice_, "default"):

        def moved_slice(old: discovery.EndpointSlice) -> discovery.EndpointSlice:
            old.endpoints, old.ports = members, ports
            return old

        await registry.update(ENDPOINT_SLICES, "default", "kubernetes", moved_slice)
