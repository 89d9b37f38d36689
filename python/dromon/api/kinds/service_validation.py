"""Validity of services.

Source: the API reference of ServiceSpec v1; paths, reasons and texts as upstream gives them.

Neighbours: kinds.service.
"""

from __future__ import annotations

from dromon.api import names
from dromon.api.errors import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid_value,
    not_supported,
    required,
)
from dromon.api.kinds.addresses import cidr_errors, endpoint_errors, ip_errors
from dromon.api.kinds.podspec.containers import PROTOCOLS
from dromon.api.kinds.podspec.probes import check_port
from dromon.api.types.service import ServicePort, ServiceSpec
from dromon.api.validation import IMMUTABLE, invalid, labels

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
HEADLESS = "None"
_MAX_AFFINITY = 86400
_POLICIES = ("Cluster", "Local")


def check_spec(spec: ServiceSpec) -> list[FieldError]:
    """Every fault of a service's spec; defaults have been applied."""
    found: list[FieldError] = []
    if not spec.type:
        found.append(required("spec.type"))
    elif spec.type not in TYPES:
        found.append(not_supported("spec.type", spec.type, TYPES))
    _check_type(spec, found)
    if not spec.ports and spec.cluster_ip != HEADLESS and spec.type != "ExternalName":
        found.append(required("spec.ports"))
    _check_ports(spec, found)
    found += labels(spec.selector, "spec.selector")
    _check_affinity(spec, found)
    _check_cluster_ips(spec, found)
    for i, ip in enumerate(spec.external_ips):
        found += invalid(f"spec.externalIPs[{i}]", ip, endpoint_errors(ip))
    _check_policies(spec, found)
    for i, cidr in enumerate(spec.load_balancer_source_ranges):
        found += invalid(f"spec.loadBalancerSourceRanges[{i}]", cidr, cidr_errors(cidr.strip()))
    return found


def check_update(new: ServiceSpec, old: ServiceSpec) -> list[FieldError]:
    """Faults of a change: a portal stays where it is for as long as there is one."""
    found: list[FieldError] = []
    if "ExternalName" not in (new.type, old.type) and old.cluster_ip:
        if not new.cluster_ip:
            found.append(
                invalid_value("spec.clusterIPs[0]", new.cluster_ips, "primary clusterIP can not be unset")
            )
        elif new.cluster_ip != old.cluster_ip:
            found.append(invalid_value("spec.clusterIPs[0]", new.cluster_ips, "may not change once set"))
    if new.type == old.type == "LoadBalancer" and new.load_balancer_class != old.load_balancer_class:
        text = "may not change once set"
        found.append(invalid_value("spec.loadBalancerClass", new.load_balancer_class, text))
    if old.health_check_node_port and new.health_check_node_port not in (0, old.health_check_node_port):
        found.append(invalid_value("spec.healthCheckNodePort", new.health_check_node_port, IMMUTABLE))
    return found


def _check_type(spec: ServiceSpec, found: list[FieldError]) -> None:
    if spec.type in ("NodePort", "LoadBalancer") and spec.cluster_ip == HEADLESS:
        text = f"may not be set to 'None' for {spec.type} services"
        found.append(invalid_value("spec.clusterIPs[0]", spec.cluster_ip, text))
    if spec.type == "ExternalName":
        if spec.cluster_ips:
            text = "may not be set for ExternalName services"
            found.append(forbidden_field("spec.clusterIPs", text))
        host = spec.external_name.removesuffix(".")
        if host:
            found += invalid("spec.externalName", spec.external_name, names.subdomain(host))
        else:
            found.append(required("spec.externalName"))


def _check_ports(spec: ServiceSpec, found: list[FieldError]) -> None:
    seen_names: set[str] = set()
    seen: set[tuple[str, int]] = set()
    node_ports: set[tuple[str, int]] = set()
    for i, port in enumerate(spec.ports):
        path = f"spec.ports[{i}]"
        _check_port(port, path, len(spec.ports) > 1, seen_names, found)
        if port.node_port:
            if spec.type in ("ClusterIP", "ExternalName"):
                text = f"may not be used when `type` is '{spec.type}'"
                found.append(forbidden_field(f"{path}.nodePort", text))
            found += invalid(f"{path}.nodePort", port.node_port, names.port_number(port.node_port))
            if (port.protocol, port.node_port) in node_ports:
                found.append(duplicate(f"{path}.nodePort", port.node_port))
            node_ports.add((port.protocol, port.node_port))
        if (port.protocol, port.port) in seen:
            found.append(duplicate(path, ServicePort(protocol=port.protocol, port=port.port)))
        seen.add((port.protocol, port.port))


def _check_port(port: ServicePort, path: str, several: bool, seen: set[str], found: list[FieldError]) -> None:
    if port.name:
        if why := names.label(port.name):
            found += invalid(f"{path}.name", port.name, why)
        elif port.name in seen:
            found.append(duplicate(f"{path}.name", port.name))
        seen.add(port.name)
    elif several:
        found.append(required(f"{path}.name"))
    found += invalid(f"{path}.port", port.port, names.port_number(port.port))
    if not port.protocol:
        found.append(required(f"{path}.protocol"))
    elif port.protocol not in PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", port.protocol, PROTOCOLS))
    check_port(port.target_port, f"{path}.targetPort", found)
    if port.app_protocol is not None:
        found += invalid(f"{path}.appProtocol", port.app_protocol, names.qualified(port.app_protocol))


def _check_affinity(spec: ServiceSpec, found: list[FieldError]) -> None:
    if spec.session_affinity not in ("ClientIP", "None"):
        fault = not_supported("spec.sessionAffinity", spec.session_affinity, ("ClientIP", "None"))
        found.append(fault if spec.session_affinity else required("spec.sessionAffinity"))
    config = spec.session_affinity_config
    if config is not None and config.client_ip is not None:
        seconds = config.client_ip.timeout_seconds
        if seconds is not None and not 0 < seconds <= _MAX_AFFINITY:
            text = f"must be greater than 0 and less than {_MAX_AFFINITY}"
            found.append(invalid_value("spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds, text))


def _check_cluster_ips(spec: ServiceSpec, found: list[FieldError]) -> None:
    if not spec.cluster_ips:
        return
    if spec.cluster_ip != spec.cluster_ips[0]:
        text = "must be equal to `clusterIP`"
        found.append(invalid_value("spec.clusterIPs[0]", spec.cluster_ips[0], text))
    if len(spec.cluster_ips) > 2:
        text = "may only hold up to 2 values"
        found.append(invalid_value("spec.clusterIPs", spec.cluster_ips, text))
    for i, ip in enumerate(spec.cluster_ips):
        if ip == HEADLESS and len(spec.cluster_ips) == 1:
            continue
        found += invalid(f"spec.clusterIPs[{i}]", ip, ip_errors(ip))
    for i, family in enumerate(spec.ip_families):
        if family not in ("IPv4", "IPv6"):
            found.append(not_supported(f"spec.ipFamilies[{i}]", family, ("IPv4", "IPv6")))
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    if spec.ip_family_policy is not None and spec.ip_family_policy not in policies:
        found.append(not_supported("spec.ipFamilyPolicy", spec.ip_family_policy, policies))


def _check_policies(spec: ServiceSpec, found: list[FieldError]) -> None:
    policy = spec.external_traffic_policy
    external = spec.type in ("NodePort", "LoadBalancer") or bool(spec.external_ips)
    if policy and not external:
        text = "may only be set for externally-accessible services"
        found.append(invalid_value("spec.externalTrafficPolicy", policy, text))
    elif policy and policy not in _POLICIES:
        found.append(not_supported("spec.externalTrafficPolicy", policy, _POLICIES))
    inner = spec.internal_traffic_policy
    if inner is not None and inner not in _POLICIES:
        found.append(not_supported("spec.internalTrafficPolicy", inner, _POLICIES))
    if spec.traffic_distribution not in (None, "PreferClose", "PreferSameNode", "PreferSameZone"):
        allowed = ("PreferClose", "PreferSameNode", "PreferSameZone")
        found.append(not_supported("spec.trafficDistribution", spec.traffic_distribution, allowed))
