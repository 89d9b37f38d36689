"""What the proxy has to do: portals, by a pure function of a service and its endpoint slices.

Sources: core/v1 ServiceSpec, discovery.k8s.io/v1 EndpointSlice, KEP-1669 (terminating endpoints).

Neighbours: main watches services and slices; rules turns portals into chains.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address

from dromon.api.types.discovery import Endpoint, EndpointSlice
from dromon.api.types.service import Service, ServicePort

SERVICE_NAME = "kubernetes.io/service-name"
"""Label of an EndpointSlice: its service."""

OTHER_PROXY = "service.kubernetes.io/service-proxy-name"
"""Label of a Service that another proxy serves."""

PROTOCOLS = ("TCP", "UDP")

DEFAULT_AFFINITY = 10800
"""Seconds, as upstream's default of ClientIPConfig.timeoutSeconds."""


@dataclass(frozen=True, slots=True)
class Portal:
    """One port of a service.

    Attributes:
        name: "namespace/service", with ":port" where the port has a name.
        protocol: "TCP" or "UDP".
        port: at `addresses` and `external`.
        addresses: virtual addresses within the cluster.
        external: addresses that outsiders use (externalIPs, load balancers).
        node_port: port on every address of the node, 0 for none.
        endpoints: (address, port) of the pods to choose from, in order.
        affinity: seconds that a client stays with its endpoint, 0 for none.
    """

    name: str
    protocol: str
    port: int
    addresses: tuple[str, ...]
    external: tuple[str, ...] = ()
    node_port: int = 0
    endpoints: tuple[tuple[str, int], ...] = ()
    affinity: int = 0


def service_of(piece: EndpointSlice) -> str:
    """ "namespace/name" of the service that a slice belongs to; "" for none."""
    name = piece.metadata.labels.get(SERVICE_NAME, "")
    return f"{piece.metadata.namespace}/{name}" if name else ""


def portals(service: Service | None, slices: Iterable[EndpointSlice]) -> tuple[Portal, ...]:
    """The portals of a service, one for each of its ports; none for headless and external-name services.

    Args:
        service: None when it is gone.
        slices: all EndpointSlices of the service.
    """
    if service is None or OTHER_PROXY in service.metadata.labels:
        return ()
    spec = service.spec
    addresses = _ipv4([spec.cluster_ip, *spec.cluster_ips])
    if not addresses or spec.type == "ExternalName":
        return ()
    ingress = [entry.ip for entry in service.status.load_balancer.ingress if entry.ip_mode != "Proxy"]
    external = _ipv4([*spec.external_ips, *(ingress if spec.type == "LoadBalancer" else ())])
    listed = [piece for piece in slices if piece.address_type == "IPv4"]
    made = []
    for port in spec.ports:
        protocol = port.protocol or "TCP"
        if protocol not in PROTOCOLS:
            continue
        name = f"{service.metadata.namespace}/{service.metadata.name}"
        made.append(
            Portal(
                name=f"{name}:{port.name}" if port.name else name,
                protocol=protocol,
                port=port.port,
                addresses=addresses,
                external=external,
                node_port=port.node_port,
                endpoints=_endpoints(port, protocol, listed),
                affinity=_affinity(service),
            )
        )
    return tuple(made)


def _ipv4(candidates: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for candidate in candidates:
        try:
            found[str(IPv4Address(candidate))] = None
        except ValueError:
            continue  # "", "None" and IPv6
    return tuple(found)


def _affinity(service: Service) -> int:
    if service.spec.session_affinity != "ClientIP":
        return 0
    config = service.spec.session_affinity_config
    client_ip = config.client_ip if config is not None else None
    return (client_ip.timeout_seconds if client_ip is not None else None) or DEFAULT_AFFINITY


def _endpoints(
    port: ServicePort, protocol: str, slices: Iterable[EndpointSlice]
) -> tuple[tuple[str, int], ...]:
    """Ready endpoints; where there is none, those that still serve while they terminate."""
    ready: set[tuple[str, int]] = set()
    leaving: set[tuple[str, int]] = set()
    for piece in slices:
        for offered in piece.ports:
            if (offered.name or "") != port.name or (offered.protocol or "TCP") != protocol:
                continue
            if offered.port is None:
                continue
            for endpoint in piece.endpoints:
                chosen = ready if _is_ready(endpoint) else leaving if _still_serves(endpoint) else None
                if chosen is not None:
                    chosen.update((address, offered.port) for address in _ipv4(endpoint.addresses))
    return tuple(sorted(ready or leaving))


def _is_ready(endpoint: Endpoint) -> bool:
    return endpoint.conditions.ready is not False


def _still_serves(endpoint: Endpoint) -> bool:
    conditions = endpoint.conditions
    return bool(conditions.terminating) and conditions.serving is not False


def stale_flows(
    before: Mapping[str, tuple[Portal, ...]], after: Mapping[str, tuple[Portal, ...]]
) -> Callable[[str, int, str], bool] | None:
    """Which tracked UDP flows have to be forgotten when portals change.

    A flow that is tracked keeps its translation (or having none) for as long as its client sends.

    Args:
        before, after: key of a service -> its portals, of those that changed.

    Returns:
        whether a flow is stale, from its destination, port and the address that answers it; None when none
        can be.
    """
    old = {key: portal for listed in before.values() for key, portal in _udp(listed)}
    new = {key: portal for listed in after.values() for key, portal in _udp(listed)}
    valid: dict[tuple[str, int], set[str]] = {}
    gone: dict[int, set[str]] = {}
    for key in {*old, *new}:
        was, now = old.get(key), new.get(key)
        past = {address for address, _ in was.endpoints} if was is not None else set()
        present = {address for address, _ in now.endpoints} if now is not None else set()
        if past and past <= present and was is not None and now is not None and _same_place(was, now):
            continue
        for portal in (was, now):
            if portal is not None:
                for address in (*portal.addresses, *portal.external):
                    current = now is not None and address in (*now.addresses, *now.external)
                    valid[address, portal.port] = present if current else set()
                if portal.node_port:
                    gone.setdefault(portal.node_port, set()).update(past - present)
    if not valid:
        return None

    def stale(destination: str, port: int, answers: str) -> bool:
        right = valid.get((destination, port))
        if right is not None:
            return answers not in right
        return answers in gone.get(port, ())

    return stale


def _udp(listed: Iterable[Portal]) -> Iterable[tuple[tuple[str, int], Portal]]:
    return (((portal.name, portal.port), portal) for portal in listed if portal.protocol == "UDP")


def _same_place(one: Portal, other: Portal) -> bool:
    return (one.addresses, one.external, one.port, one.node_port) == (
        other.addresses,
        other.external,
        other.port,
        other.node_port,
    )
