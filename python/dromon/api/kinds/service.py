"""Service (core/v1): a set of pods that act as one, behind a stable address (the portal).

Source: the API reference of Service v1; talk, slides 35 and 36.

Neighbours: service_validation has its faults, service_columns its table; apiserver.ipalloc gives addresses
and node ports.
"""

from __future__ import annotations

from dromon.api import names
from dromon.api.errors import FieldError
from dromon.api.kinds import service_validation
from dromon.api.kinds.service_columns import COLUMNS
from dromon.api.resource import Resource, SelectableField, Strategy
from dromon.api.types.service import (
    ClientIPConfig,
    Service,
    ServiceList,
    ServiceSpec,
    ServiceStatus,
    SessionAffinityConfig,
)

AFFINITY_TIMEOUT = 10800
"""Seconds for which a client keeps its pod, unless told otherwise."""


class ServiceStrategy(Strategy[Service]):
    """Defaults and validity of services."""

    def name_errors(self, name: str) -> list[str]:
        return names.label_1035(name)

    def default(self, obj: Service) -> None:
        spec = obj.spec
        spec.type = spec.type or "ClusterIP"
        _default_affinity(spec)
        _default_cluster_ips(spec)
        for port in spec.ports:
            port.protocol = port.protocol or "TCP"
            if port.target_port in (0, ""):
                port.target_port = port.port
        if _external(spec):
            spec.external_traffic_policy = spec.external_traffic_policy or "Cluster"
        if spec.type != "ExternalName":
            spec.internal_traffic_policy = spec.internal_traffic_policy or "Cluster"
        if spec.type == "LoadBalancer" and spec.allocate_load_balancer_node_ports is None:
            spec.allocate_load_balancer_node_ports = True
        for ingress in obj.status.load_balancer.ingress:
            if ingress.ip and ingress.ip_mode is None:
                ingress.ip_mode = "VIP"

    def prepare_for_create(self, obj: Service) -> None:
        obj.status = ServiceStatus()

    def validate(self, obj: Service) -> list[FieldError]:
        return service_validation.check_spec(obj.spec)

    def prepare_for_update(self, new: Service, old: Service) -> None:
        new.status = old.status
        if new.spec.cluster_ip != old.spec.cluster_ip and new.spec.cluster_ips == old.spec.cluster_ips:
            new.spec.cluster_ips = [new.spec.cluster_ip]  # a client that knows the older field alone
        _drop_stale(new.spec, old.spec)

    def validate_update(self, new: Service, old: Service) -> list[FieldError]:
        return service_validation.check_update(new.spec, old.spec)

    def prepare_for_status_update(self, new: Service, old: Service) -> None:
        new.spec = old.spec


def _default_affinity(spec: ServiceSpec) -> None:
    spec.session_affinity = spec.session_affinity or "None"
    if spec.session_affinity == "None":
        spec.session_affinity_config = None
    elif spec.session_affinity == "ClientIP":
        config = spec.session_affinity_config or SessionAffinityConfig()
        config.client_ip = config.client_ip or ClientIPConfig()
        if config.client_ip.timeout_seconds is None:
            config.client_ip.timeout_seconds = AFFINITY_TIMEOUT
        spec.session_affinity_config = config


def _default_cluster_ips(spec: ServiceSpec) -> None:
    """The older field and the newer one say the same."""
    if spec.cluster_ip and not spec.cluster_ips:
        spec.cluster_ips = [spec.cluster_ip]
    elif spec.cluster_ips and not spec.cluster_ip:
        spec.cluster_ip = spec.cluster_ips[0]


def _external(spec: ServiceSpec) -> bool:
    """Whether traffic may come from outside the cluster."""
    return spec.type in ("NodePort", "LoadBalancer") or (spec.type == "ClusterIP" and bool(spec.external_ips))


def _drop_stale(new: ServiceSpec, old: ServiceSpec) -> None:
    """Drop what the old type needed and the new one doesn't, where the client sent it back unchanged."""
    if new.type == "ExternalName" and old.type != "ExternalName":
        if new.cluster_ips == old.cluster_ips:
            new.cluster_ip, new.cluster_ips = "", []
            new.ip_families, new.ip_family_policy = [], None
        if new.internal_traffic_policy == old.internal_traffic_policy:
            new.internal_traffic_policy = None
    node_ports = ("NodePort", "LoadBalancer")
    if new.type not in node_ports and old.type in node_ports:
        had = {p.node_port for p in old.ports}
        for port in new.ports:
            if port.node_port in had:
                port.node_port = 0
    if not _external(new) and _external(old) and new.external_traffic_policy == old.external_traffic_policy:
        new.external_traffic_policy = ""
    if new.type != "LoadBalancer" and old.type == "LoadBalancer":
        if new.allocate_load_balancer_node_ports == old.allocate_load_balancer_node_ports:
            new.allocate_load_balancer_node_ports = None
        if new.load_balancer_class == old.load_balancer_class:
            new.load_balancer_class = None


SERVICES: Resource[Service] = Resource(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    struct=Service,
    list_struct=ServiceList,
    short_names=("svc",),
    categories=("all",),
    subresources=("status",),
    strategy=ServiceStrategy(),
    columns=COLUMNS,
    fields=(SelectableField("spec.clusterIP"), SelectableField("spec.type")),
)
