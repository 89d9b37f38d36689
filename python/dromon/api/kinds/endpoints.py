"""Endpoints (core/v1): the addresses behind a service.

Source: the API reference of Endpoints v1.

Neighbours: controllers write them; endpointslice is their successor.
"""

from __future__ import annotations

from collections.abc import Iterator

from dromon.api import names
from dromon.api.errors import FieldError, not_supported, required
from dromon.api.kinds.addresses import endpoint_errors
from dromon.api.kinds.columns import NONE, age_column, cut_list, name_column
from dromon.api.kinds.podspec.containers import PROTOCOLS
from dromon.api.resource import Column, Resource, Strategy
from dromon.api.types.endpoints import EndpointAddress, Endpoints, EndpointsList, EndpointSubset
from dromon.api.validation import invalid


class EndpointsStrategy(Strategy[Endpoints]):
    """Defaults and validity of endpoints."""

    def default(self, obj: Endpoints) -> None:
        for subset in obj.subsets:
            for port in subset.ports:
                port.protocol = port.protocol or "TCP"

    def validate(self, obj: Endpoints) -> list[FieldError]:
        found: list[FieldError] = []
        for i, subset in enumerate(obj.subsets):
            _check_subset(subset, f"subsets[{i}]", found)
        return found


def _check_subset(subset: EndpointSubset, path: str, found: list[FieldError]) -> None:
    if not subset.addresses and not subset.not_ready_addresses:
        found.append(required(path, "must specify `addresses` or `notReadyAddresses`"))
    for i, address in enumerate(subset.addresses):
        _check_address(address, f"{path}.addresses[{i}]", found)
    for i, address in enumerate(subset.not_ready_addresses):
        _check_address(address, f"{path}.notReadyAddresses[{i}]", found)
    for i, port in enumerate(subset.ports):
        at = f"{path}.ports[{i}]"
        if port.name:
            found += invalid(f"{at}.name", port.name, names.label(port.name))
        elif len(subset.ports) > 1:
            found.append(required(f"{at}.name"))
        found += invalid(f"{at}.port", port.port, names.port_number(port.port))
        if port.protocol not in PROTOCOLS:
            fault = not_supported(f"{at}.protocol", port.protocol, PROTOCOLS)
            found.append(fault if port.protocol else required(f"{at}.protocol"))


def _check_address(address: EndpointAddress, path: str, found: list[FieldError]) -> None:
    found += invalid(f"{path}.ip", address.ip, endpoint_errors(address.ip))
    if address.hostname:
        found += invalid(f"{path}.hostname", address.hostname, names.label(address.hostname))
    if address.node_name is not None:
        found += invalid(f"{path}.nodeName", address.node_name, names.subdomain(address.node_name))


def join(ip: str, port: int) -> str:
    """ "10.1.1.2:80", "[2001:db8::1]:80"."""
    return f"[{ip}]:{port}" if ":" in ip else f"{ip}:{port}"


def _addresses(endpoints: Endpoints) -> Iterator[str]:
    for subset in endpoints.subsets:
        if not subset.ports:  # a headless service may have none
            yield from (a.ip for a in subset.addresses)
        for port in subset.ports:
            yield from (join(a.ip, port.port) for a in subset.addresses)


ENDPOINTS: Resource[Endpoints] = Resource(
    group="",
    version="v1",
    kind="Endpoints",
    plural="endpoints",
    struct=Endpoints,
    list_struct=EndpointsList,
    short_names=("ep",),
    strategy=EndpointsStrategy(),
    columns=(
        name_column(),
        Column(
            "Endpoints",
            "string",
            lambda ep, now: cut_list(_addresses(ep), empty="" if ep.subsets else NONE),
            description="Addresses that are ready for traffic.",
        ),
        age_column(),
    ),
)
