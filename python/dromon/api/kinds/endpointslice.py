"""EndpointSlice (discovery.k8s.io/v1): up to a thousand addresses behind a service.

Source: the API reference of EndpointSlice v1.

Neighbours: controllers write them, the proxy reads them.
"""

from __future__ import annotations

from dromon.api import names
from dromon.api.errors import FieldError, duplicate, invalid_value, not_supported, required
from dromon.api.kinds.addresses import endpoint_errors
from dromon.api.kinds.columns import age_column, cut_list, name_column
from dromon.api.kinds.podspec.containers import PROTOCOLS
from dromon.api.resource import Column, Resource, Strategy
from dromon.api.types.discovery import Endpoint, EndpointPort, EndpointSlice, EndpointSliceList
from dromon.api.validation import IMMUTABLE, invalid

_TYPES = ("FQDN", "IPv4", "IPv6")
_VERSIONS = {"IPv4": 4, "IPv6": 6}
_MAX_ENDPOINTS, _MAX_ADDRESSES, _MAX_PORTS = 1000, 100, 100


class EndpointSliceStrategy(Strategy[EndpointSlice]):
    """Defaults and validity of endpoint slices."""

    def default(self, obj: EndpointSlice) -> None:
        for port in obj.ports:
            if port.name is None:
                port.name = ""
            port.protocol = port.protocol or "TCP"

    def prepare_for_create(self, obj: EndpointSlice) -> None:
        obj.metadata.generation = 1

    def validate(self, obj: EndpointSlice) -> list[FieldError]:
        found: list[FieldError] = []
        if not obj.address_type:
            found.append(required("addressType"))
        elif obj.address_type not in _TYPES:
            found.append(not_supported("addressType", obj.address_type, _TYPES))
        _check_count(len(obj.endpoints), _MAX_ENDPOINTS, "endpoints", found)
        for i, endpoint in enumerate(obj.endpoints):
            _check_endpoint(endpoint, obj.address_type, f"endpoints[{i}]", found)
        _check_count(len(obj.ports), _MAX_PORTS, "ports", found)
        seen: set[str] = set()
        for i, port in enumerate(obj.ports):
            _check_port(port, f"ports[{i}]", seen, found)
        return found

    def validate_update(self, new: EndpointSlice, old: EndpointSlice) -> list[FieldError]:
        if new.address_type != old.address_type:
            return [invalid_value("addressType", new.address_type, IMMUTABLE)]
        return []

    def spec_changed(self, new: EndpointSlice, old: EndpointSlice) -> bool:
        return (
            new.endpoints != old.endpoints
            or new.ports != old.ports
            or new.metadata.labels != old.metadata.labels
        )


def _check_count(count: int, limit: int, path: str, found: list[FieldError]) -> None:
    if count > limit:
        text = f"Too many: {count}: must have at most {limit} items"
        found.append(FieldError(path, "FieldValueTooMany", text))


def _check_endpoint(endpoint: Endpoint, kind: str, path: str, found: list[FieldError]) -> None:
    if not endpoint.addresses:
        found.append(required(f"{path}.addresses", "must contain at least 1 address"))
    _check_count(len(endpoint.addresses), _MAX_ADDRESSES, f"{path}.addresses", found)
    for i, address in enumerate(endpoint.addresses):
        at = f"{path}.addresses[{i}]"
        if kind == "FQDN":
            found += invalid(at, address, names.subdomain(address))
        elif kind in _VERSIONS:
            found += invalid(at, address, endpoint_errors(address, _VERSIONS[kind]))
    if endpoint.hostname is not None:
        found += invalid(f"{path}.hostname", endpoint.hostname, names.label(endpoint.hostname))
    if endpoint.node_name is not None:
        found += invalid(f"{path}.nodeName", endpoint.node_name, names.subdomain(endpoint.node_name))


def _check_port(port: EndpointPort, path: str, seen: set[str], found: list[FieldError]) -> None:
    name = port.name or ""
    if name:
        found += invalid(f"{path}.name", name, names.label(name))
    if name in seen:
        found.append(duplicate(f"{path}.name", name))
    seen.add(name)
    if port.protocol not in PROTOCOLS:
        found.append(not_supported(f"{path}.protocol", port.protocol, PROTOCOLS))
    if port.port is not None:
        found += invalid(f"{path}.port", port.port, names.port_number(port.port))
    if port.app_protocol is not None:
        found += invalid(f"{path}.appProtocol", port.app_protocol, names.qualified(port.app_protocol))


def _port_text(port: EndpointPort) -> str:
    """The number; the name where all numbers are meant."""
    return str(port.port) if port.port is not None else port.name or "*"


ENDPOINT_SLICES: Resource[EndpointSlice] = Resource(
    group="discovery.k8s.io",
    version="v1",
    kind="EndpointSlice",
    plural="endpointslices",
    struct=EndpointSlice,
    list_struct=EndpointSliceList,
    strategy=EndpointSliceStrategy(),
    columns=(
        name_column(),
        Column("AddressType", "string", lambda s, now: s.address_type, description="IPv4, IPv6 or FQDN."),
        Column(
            "Ports",
            "string",
            lambda s, now: cut_list(map(_port_text, s.ports), empty="<unset>"),
            description="Ports that every address serves.",
        ),
        Column(
            "Endpoints",
            "string",
            lambda s, now: cut_list((a for e in s.endpoints for a in e.addresses), empty="<unset>"),
            description="Addresses behind the service.",
        ),
        age_column(),
    ),
)
