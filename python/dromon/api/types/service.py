"""Service (core/v1; talk, slides 35 and 36).

Neighbours: endpoints.Endpoints and discovery.EndpointSlice name its members.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, IntOrString, always, always_list
from dromon.api.types.meta import Condition, ListMeta, ObjectMeta

PACKAGE = "k8s.io.api.core.v1"


class ClientIPConfig(Api):
    """core/v1 ClientIPConfig."""

    timeout_seconds: Int32 | None = None


class PortStatus(Api):
    """core/v1 PortStatus."""

    port: Int32 = always(0)
    protocol: str = always("")
    error: str | None = None


class LoadBalancerIngress(Api):
    """core/v1 LoadBalancerIngress."""

    ip: str = ""
    hostname: str = ""
    ip_mode: str | None = None
    ports: list[PortStatus] = []


class LoadBalancerStatus(Api):
    """core/v1 LoadBalancerStatus."""

    ingress: list[LoadBalancerIngress] = []


class ServicePort(Api):
    """core/v1 ServicePort."""

    name: str = ""
    protocol: str = ""
    app_protocol: str | None = None
    port: Int32 = always(0)
    target_port: IntOrString = 0
    node_port: Int32 = 0


class SessionAffinityConfig(Api):
    """core/v1 SessionAffinityConfig."""

    client_ip: ClientIPConfig | None = field(default=None, name="clientIP")


class ServiceSpec(Api):
    """core/v1 ServiceSpec."""

    ports: list[ServicePort] = []
    selector: dict[str, str] = {}
    cluster_ip: str = field(default="", name="clusterIP")
    cluster_ips: list[str] = field(default_factory=list, name="clusterIPs")
    type: str = ""
    external_ips: list[str] = field(default_factory=list, name="externalIPs")
    session_affinity: str = ""
    load_balancer_ip: str = field(default="", name="loadBalancerIP")
    load_balancer_source_ranges: list[str] = []
    external_name: str = ""
    external_traffic_policy: str = ""
    health_check_node_port: Int32 = 0
    publish_not_ready_addresses: bool = False
    session_affinity_config: SessionAffinityConfig | None = None
    ip_families: list[str] = []
    ip_family_policy: str | None = None
    allocate_load_balancer_node_ports: bool | None = None
    load_balancer_class: str | None = None
    internal_traffic_policy: str | None = None
    traffic_distribution: str | None = None


class ServiceStatus(Api):
    """core/v1 ServiceStatus."""

    load_balancer: LoadBalancerStatus = field(default_factory=LoadBalancerStatus)
    conditions: list[Condition] = []


class Service(Api):
    """core/v1 Service."""

    kind: str = always("Service")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: ServiceSpec = field(default_factory=ServiceSpec)
    status: ServiceStatus = field(default_factory=ServiceStatus)


class ServiceList(Api):
    """A page of Service objects."""

    kind: str = always("ServiceList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Service] = always_list()
