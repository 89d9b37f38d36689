"""Slim structs: the parts of pods and nodes that the controllers read.

The manager holds every pod in memory; decoding only what its loops look at makes a pod a fraction of the
whole struct, in time and in space. Views are for reading: writes are patches, so that nothing is lost.

Neighbours: informers.Informers watches with these, every plan takes them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from msgspec import field

from dromon.api import kinds
from dromon.api.resource import Resource
from dromon.api.types.affinity import Taint, Toleration
from dromon.api.types.base import Api, Time, always, always_list
from dromon.api.types.meta import ListMeta, OwnerReference
from dromon.api.types.node import NodeCondition


class MetaView(Api):
    """ObjectMeta without managedFields."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: Time | None = None
    deletion_timestamp: Time | None = None
    deletion_grace_period_seconds: int | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[OwnerReference] = []
    finalizers: list[str] = []


class ObjectView(Api):
    """Any object, as far as its metadata goes."""

    kind: str = always("")
    api_version: str = always("")
    metadata: MetaView = field(default_factory=MetaView)


class ObjectViewList(Api):
    """A page of ObjectView."""

    kind: str = always("")
    api_version: str = always("")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[ObjectView] = always_list()


class PortView(Api):
    """A container's port."""

    name: str = ""
    container_port: int = always(0)
    protocol: str = ""


class ContainerView(Api):
    """A container's ports."""

    name: str = always("")
    restart_policy: str | None = None
    ports: list[PortView] = []


class PodSpecView(Api):
    """Where a pod runs, what it listens on, which taints it bears."""

    init_containers: list[ContainerView] = []
    containers: list[ContainerView] = always_list()
    restart_policy: str = ""
    node_name: str = ""
    hostname: str = ""
    subdomain: str = ""
    tolerations: list[Toleration] = []


class PodConditionView(Api):
    """A pod's condition."""

    type: str = always("")
    status: str = always("")
    last_transition_time: Time | None = None


class ContainerStatusView(Api):
    """How often a container was restarted."""

    name: str = always("")
    restart_count: int = always(0)


class PodIPView(Api):
    """One of a pod's addresses."""

    ip: str = always("")


class PodStatusView(Api):
    """A pod's phase, conditions and addresses."""

    phase: str = ""
    reason: str = ""
    conditions: list[PodConditionView] = []
    pod_ip: str = field(default="", name="podIP")
    pod_ips: list[PodIPView] = field(default_factory=list, name="podIPs")
    container_statuses: list[ContainerStatusView] = []


class PodView(Api):
    """core/v1 Pod, as far as controllers read it."""

    kind: str = always("Pod")
    api_version: str = always("v1")
    metadata: MetaView = field(default_factory=MetaView)
    spec: PodSpecView = field(default_factory=PodSpecView)
    status: PodStatusView = field(default_factory=PodStatusView)


class PodViewList(Api):
    """A page of PodView."""

    kind: str = always("PodList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[PodView] = always_list()


class NodeSpecView(Api):
    """A node's subnet and taints."""

    pod_cidr: str = field(default="", name="podCIDR")
    pod_cidrs: list[str] = field(default_factory=list, name="podCIDRs")
    unschedulable: bool = False
    taints: list[Taint] = []


class NodeStatusView(Api):
    """A node's conditions."""

    conditions: list[NodeCondition] = []


class NodeView(Api):
    """core/v1 Node, as far as controllers read it."""

    kind: str = always("Node")
    api_version: str = always("v1")
    metadata: MetaView = field(default_factory=MetaView)
    spec: NodeSpecView = field(default_factory=NodeSpecView)
    status: NodeStatusView = field(default_factory=NodeStatusView)


class NodeViewList(Api):
    """A page of NodeView."""

    kind: str = always("NodeList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[NodeView] = always_list()


def _view(resource: Resource[Any], struct: type[Api], list_struct: type[Api]) -> Resource[Any]:
    return replace(resource, struct=struct, list_struct=list_struct)


PODS: Resource[PodView] = _view(kinds.PODS, PodView, PodViewList)
NODES: Resource[NodeView] = _view(kinds.NODES, NodeView, NodeViewList)

_TYPED: tuple[Resource[Any], ...] = (
    PODS,
    NODES,
    kinds.ENDPOINTS,
    kinds.ENDPOINT_SLICES,
    kinds.LEASES,
    kinds.NAMESPACES,
    kinds.CLUSTER_ROLES,
    kinds.DEPLOYMENTS,
    kinds.REPLICA_SETS,
    kinds.POD_DISRUPTION_BUDGETS,
    kinds.REPLICATION_CONTROLLERS,
    kinds.SERVICES,
)
_BY_PLURAL = {(r.group, r.plural): r for r in _TYPED}


def metadata_of(resource: Resource[Any]) -> Resource[Any]:
    """The resource as the loops that need nothing but metadata watch it.

    Where another loop reads more of the kind, its view is taken: one watch serves both.
    """
    shared = _BY_PLURAL.get((resource.group, resource.plural))
    return shared if shared is not None else _view(resource, ObjectView, ObjectViewList)
