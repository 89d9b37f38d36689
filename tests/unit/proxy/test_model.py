"""Portals from services and slices."""

from __future__ import annotations

import pytest

from dromon.api.types.discovery import Endpoint, EndpointConditions, EndpointPort, EndpointSlice
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import (
    ClientIPConfig,
    LoadBalancerIngress,
    LoadBalancerStatus,
    Service,
    ServicePort,
    ServiceSpec,
    ServiceStatus,
    SessionAffinityConfig,
)
from dromon.proxy import model
from dromon.proxy.model import Portal, portals, stale_flows


def service(**spec: object) -> Service:
    settings = {"cluster_ip": "10.0.0.1", "ports": [ServicePort(name="http", protocol="TCP", port=80)]} | spec
    return Service(metadata=ObjectMeta(name="svc", namespace="ns"), spec=ServiceSpec(**settings))


def piece(*endpoints: Endpoint, name: str = "http", port: int = 8080, protocol: str = "TCP") -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name="s", namespace="ns", labels={model.SERVICE_NAME: "svc"}),
        address_type="IPv4",
        endpoints=list(endpoints),
        ports=[EndpointPort(name=name, protocol=protocol, port=port)],
    )


def endpoint(address: str, **conditions: bool) -> Endpoint:
    return Endpoint(addresses=[address], conditions=EndpointConditions(**conditions))


def test_ready_endpoints_of_all_slices_once_and_in_order() -> None:
    slices = [
        piece(endpoint("10.1.0.3", ready=True), endpoint("10.1.0.2", ready=False)),
        piece(endpoint("10.1.0.1"), endpoint("10.1.0.3", ready=True)),
        piece(endpoint("10.1.0.9"), name="other"),
        piece(endpoint("10.1.0.8"), protocol="UDP"),
    ]
    (portal,) = portals(service(), slices)
    assert portal == Portal(
        "ns/svc:http",
        "TCP",
        80,
        ("10.0.0.1",),
        endpoints=(("10.1.0.1", 8080), ("10.1.0.3", 8080)),
    )


def test_terminating_endpoints_serve_only_when_none_is_ready() -> None:
    leaving = endpoint("10.1.0.1", ready=False, serving=True, terminating=True)
    dead = endpoint("10.1.0.2", ready=False, serving=False, terminating=True)
    unready = endpoint("10.1.0.3", ready=False, serving=False, terminating=False)
    assert portals(service(), [piece(leaving, dead, unready)])[0].endpoints == (("10.1.0.1", 8080),)
    assert portals(service(), [piece(leaving, endpoint("10.1.0.4"))])[0].endpoints == (("10.1.0.4", 8080),)


@pytest.mark.parametrize(
    "spec",
    [
        {"cluster_ip": "None"},
        {"cluster_ip": ""},
        {"cluster_ip": "fd00::1"},
        {"type": "ExternalName"},
        {"ports": [ServicePort(protocol="SCTP", port=1)]},
    ],
)
def test_what_has_no_portal(spec: dict[str, object]) -> None:
    assert portals(service(**spec), []) == ()
    assert portals(None, []) == ()


def test_another_proxys_services_are_left_to_it() -> None:
    labelled = service()
    labelled.metadata.labels[model.OTHER_PROXY] = "x"
    assert portals(labelled, []) == ()


def test_node_ports_external_addresses_and_affinity() -> None:
    wanted = service(
        type="LoadBalancer",
        cluster_ips=["10.0.0.1", "fd00::1"],
        external_ips=["192.0.2.1"],
        session_affinity="ClientIP",
        session_affinity_config=SessionAffinityConfig(client_ip=ClientIPConfig(timeout_seconds=60)),
        ports=[ServicePort(port=80, node_port=30080)],
    )
    wanted.status = ServiceStatus(
        load_balancer=LoadBalancerStatus(ingress=[LoadBalancerIngress(ip="192.0.2.9")])
    )
    (portal,) = portals(wanted, [])
    assert portal == Portal("ns/svc", "TCP", 80, ("10.0.0.1",), ("192.0.2.1", "192.0.2.9"), 30080, (), 60)
    wanted.spec.session_affinity_config = None
    assert portals(wanted, [])[0].affinity == 10800


def udp(*endpoints: str, node_port: int = 0, address: str = "10.0.0.1") -> dict[str, tuple[Portal, ...]]:
    listed = tuple((ip, 53) for ip in endpoints)
    return {"ns/svc": (Portal("ns/svc", "UDP", 53, (address,), (), node_port, listed),)}


def test_flows_to_endpoints_that_are_gone_are_stale() -> None:
    stale = stale_flows(udp("10.1.0.1", "10.1.0.2", node_port=30053), udp("10.1.0.2", node_port=30053))
    assert stale is not None
    assert stale("10.0.0.1", 53, "10.1.0.1")
    assert not stale("10.0.0.1", 53, "10.1.0.2")
    assert not stale("10.0.0.2", 53, "10.1.0.1")
    assert stale("192.0.2.1", 30053, "10.1.0.1")
    assert not stale("192.0.2.1", 30053, "192.0.2.1")


def test_flows_from_before_a_portal_or_its_first_endpoint_are_stale() -> None:
    for before in ({}, udp()):
        stale = stale_flows(before, udp("10.1.0.1"))
        assert stale is not None
        assert stale("10.0.0.1", 53, "10.0.0.1")
        assert not stale("10.0.0.1", 53, "10.1.0.1")


def test_flows_of_a_portal_that_is_gone_or_moved_are_stale() -> None:
    gone = stale_flows(udp("10.1.0.1"), {"ns/svc": ()})
    moved = stale_flows(udp("10.1.0.1"), udp("10.1.0.1", address="10.0.0.2"))
    assert gone is not None
    assert moved is not None
    assert gone("10.0.0.1", 53, "10.1.0.1")
    assert moved("10.0.0.1", 53, "10.1.0.1")
    assert not moved("10.0.0.2", 53, "10.1.0.1")


def test_more_endpoints_and_tcp_make_nothing_stale() -> None:
    assert stale_flows(udp("10.1.0.1"), udp("10.1.0.1", "10.1.0.2")) is None
    tcp = {"ns/svc": (Portal("ns/svc", "TCP", 53, ("10.0.0.1",)),)}
    assert stale_flows({}, tcp) is None
