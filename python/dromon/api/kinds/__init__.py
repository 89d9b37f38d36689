"""The kinds that are served: one module each, one line each here.

Neighbours: dromon.api.scheme looks them up; each module declares a dromon.api.resource.Resource.
"""

from __future__ import annotations

from typing import Any

from dromon.api.kinds.binding import BINDINGS
from dromon.api.kinds.configmap import CONFIG_MAPS
from dromon.api.kinds.deployment import DEPLOYMENTS
from dromon.api.kinds.endpoints import ENDPOINTS
from dromon.api.kinds.endpointslice import ENDPOINT_SLICES
from dromon.api.kinds.event import EVENTS
from dromon.api.kinds.lease import LEASES
from dromon.api.kinds.namespace import NAMESPACES
from dromon.api.kinds.node import NODES
from dromon.api.kinds.pod import PODS
from dromon.api.kinds.poddisruptionbudget import POD_DISRUPTION_BUDGETS
from dromon.api.kinds.podtemplate import POD_TEMPLATES
from dromon.api.kinds.priorityclass import PRIORITY_CLASSES
from dromon.api.kinds.rbac import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from dromon.api.kinds.replicaset import REPLICA_SETS
from dromon.api.kinds.replicationcontroller import REPLICATION_CONTROLLERS
from dromon.api.kinds.reviews import REVIEWS
from dromon.api.kinds.secret import SECRETS
from dromon.api.kinds.service import SERVICES
from dromon.api.kinds.serviceaccount import SERVICE_ACCOUNTS
from dromon.api.resource import Resource

RESOURCES: tuple[Resource[Any], ...] = (
    BINDINGS,
    CONFIG_MAPS,
    ENDPOINTS,
    EVENTS,
    NAMESPACES,
    NODES,
    PODS,
    POD_TEMPLATES,
    REPLICATION_CONTROLLERS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    DEPLOYMENTS,
    REPLICA_SETS,
    *REVIEWS,
    LEASES,
    ENDPOINT_SLICES,
    POD_DISRUPTION_BUDGETS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    PRIORITY_CLASSES,
)
"""Every served resource, in the order in which discovery lists them."""

__all__ = [
    "BINDINGS",
    "CLUSTER_ROLES",
    "CLUSTER_ROLE_BINDINGS",
    "CONFIG_MAPS",
    "DEPLOYMENTS",
    "ENDPOINTS",
    "ENDPOINT_SLICES",
    "EVENTS",
    "LEASES",
    "NAMESPACES",
    "NODES",
    "PODS",
    "POD_DISRUPTION_BUDGETS",
    "POD_TEMPLATES",
    "PRIORITY_CLASSES",
    "REPLICATION_CONTROLLERS",
    "REPLICA_SETS",
    "RESOURCES",
    "REVIEWS",
    "ROLES",
    "ROLE_BINDINGS",
    "SECRETS",
    "SERVICES",
    "SERVICE_ACCOUNTS",
]
