"""Objects that every cluster has from its first moment; made through the registry like any other.

Several API servers may do this at the same time: what another one made is there.

Neighbours: dromon.apiserver.server calls it once the store is open, before it says that it is ready; it
keeps them from then on. masterleases has the endpoints.
"""

from __future__ import annotations

import copy
import logging
from typing import Any

from dromon.api.errors import ApiError
from dromon.api.kinds import NAMESPACES, PRIORITY_CLASSES, SERVICES
from dromon.api.kinds.priorityclass import SYSTEM_CLASSES
from dromon.api.resource import Resource
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.apiserver.masterleases import MasterLeases
from dromon.apiserver.rbac.reconcile import reconcile
from dromon.apiserver.registry import Registry
from dromon.base.clock import Clock
from dromon.store.interface import StoreError

log = logging.getLogger(__name__)

SYSTEM_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
RECONCILE = 10.0  # seconds, as upstream's controller of the `kubernetes` Service


async def keep_objects(registry: Registry, leases: MasterLeases, clock: Clock, port: int) -> None:
    """Create again what somebody deleted: clients in pods find the API by the `kubernetes` Service."""
    while True:
        await clock.sleep(RECONCILE)
        try:
            await create_objects(registry, leases, port)
        except (ApiError, StoreError) as e:
            log.warning("can't restore the cluster's own objects error=%s", e)


async def create_objects(registry: Registry, leases: MasterLeases, port: int) -> None:
    """Create what is missing: namespaces, classes, roles, the `kubernetes` Service and its endpoints.

    Args:
        port: where this API server listens.

    Raises:
        ApiError, StoreError.
    """
    for name in SYSTEM_NAMESPACES:
        await _ensure(registry, NAMESPACES, Namespace(metadata=ObjectMeta(name=name)))
    for system in SYSTEM_CLASSES:
        await _ensure(registry, PRIORITY_CLASSES, copy.deepcopy(system))
    await reconcile(registry)
    await _ensure(registry, SERVICES, _service(port), "default")
    await leases.reconcile()


async def _ensure(registry: Registry, r: Resource[Any], obj: Any, namespace: str = "") -> None:
    """Create unless it is there."""
    if registry.store.get(r, namespace, obj.metadata.name) is not None:
        return
    try:
        await registry.create(r, obj, namespace=namespace)
    except ApiError as e:
        if e.reason != "AlreadyExists":
            raise


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
