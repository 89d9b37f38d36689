"""Service addresses and node ports."""

from __future__ import annotations

from random import Random

import pytest

from dromon.api.errors import ApiError
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import Service, ServicePort, ServiceSpec
from dromon.apiserver.ipalloc import ServiceAllocator


def allocator(cidr: str = "10.0.0.0/29", ports: str = "30000-30002") -> ServiceAllocator:
    return ServiceAllocator(cidr, ports, Random(1))


def service(name: str = "s", namespace: str = "n", node_port: int = 0, **spec: object) -> Service:
    port = ServicePort(port=80, protocol="TCP", node_port=node_port)
    fields = {"type": "ClusterIP", "ports": [port], **spec}
    return Service(metadata=ObjectMeta(name=name, namespace=namespace), spec=ServiceSpec(**fields))  # type: ignore[arg-type]


def test_an_address_from_the_range_and_its_companions() -> None:
    s = service()
    allocator().reserve(s, None)
    assert s.spec.cluster_ip in {f"10.0.0.{i}" for i in range(2, 7)}
    assert s.spec.cluster_ips == [s.spec.cluster_ip]
    assert s.spec.ip_families == ["IPv4"]
    assert s.spec.ip_family_policy == "SingleStack"


def test_all_are_different_until_the_range_is_full() -> None:
    a = allocator()
    made = [service(f"s{i}") for i in range(5)]
    for s in made:
        a.reserve(s, None).keep()
    assert len({s.spec.cluster_ip for s in made}) == 5
    with pytest.raises(ApiError) as refused:
        a.reserve(service("more"), None)
    assert "range is full" in refused.value.message
    a.removed(made[2])
    again = service("again")
    a.reserve(again, None)
    assert again.spec.cluster_ip == made[2].spec.cluster_ip


def test_the_first_address_is_for_kubernetes() -> None:
    a = allocator()
    with pytest.raises(ApiError, match="already allocated"):
        a.reserve(service(cluster_ip="10.0.0.1"), None)
    s = service("kubernetes", "default")
    a.reserve(s, None)
    assert s.spec.cluster_ip == "10.0.0.1"


@pytest.mark.parametrize("ip", ["10.0.1.1", "10.0.0.0", "10.0.0.7", "fd00::1", "rubbish"])
def test_addresses_outside_are_refused(ip: str) -> None:
    with pytest.raises(ApiError) as refused:
        allocator().reserve(service(cluster_ip=ip), None)
    assert refused.value.code == 422
    assert "not in the valid range. The range of valid IPs is 10.0.0.0/29" in refused.value.message
    causes = refused.value.status.details.causes if refused.value.status.details else []
    assert [c.field for c in causes] == ["spec.clusterIPs"]


def test_what_is_asked_for_is_given_once() -> None:
    a = allocator()
    a.reserve(service(cluster_ip="10.0.0.3"), None)
    with pytest.raises(ApiError) as refused:
        a.reserve(service("t", cluster_ip="10.0.0.3"), None)
    assert (
        'Service "t" is invalid: spec.clusterIPs: Invalid value: []string{"10.0.0.3"}: '
        "failed to allocate IP 10.0.0.3: provided IP is already allocated"
    ) in refused.value.message


def test_a_released_reservation_frees_everything() -> None:
    a = allocator()
    a.reserve(service(type="NodePort", cluster_ip="10.0.0.3", node_port=30001), None).release()
    a.reserve(service("t", type="NodePort", cluster_ip="10.0.0.3", node_port=30001), None)


def test_headless_and_external_names_take_nothing() -> None:
    a = allocator()
    headless = service(cluster_ip="None")
    a.reserve(headless, None)
    assert (headless.spec.cluster_ip, headless.spec.cluster_ips) == ("None", ["None"])
    external = service("e", type="ExternalName", external_name="x.y")
    a.reserve(external, None)
    assert external.spec.cluster_ip == ""


def test_node_ports() -> None:
    a = allocator()
    s = service(type="NodePort")
    a.reserve(s, None)
    assert 30000 <= s.spec.ports[0].node_port <= 30002
    with pytest.raises(ApiError, match="provided port is already allocated"):
        a.reserve(service("t", type="NodePort", node_port=s.spec.ports[0].node_port), None)
    with pytest.raises(ApiError, match="The range of valid ports is 30000-30002"):
        a.reserve(service("t", type="NodePort", node_port=80), None)


def test_one_node_port_for_two_protocols_of_a_port() -> None:
    ports = [ServicePort(name="u", port=53, protocol="UDP"), ServicePort(name="t", port=53, protocol="TCP")]
    s = service(type="NodePort", ports=ports)
    allocator().reserve(s, None)
    assert s.spec.ports[0].node_port == s.spec.ports[1].node_port != 0


def test_a_refused_write_keeps_nothing() -> None:
    a = allocator(ports="30000-30000")
    a.reserve(service("first", type="NodePort"), None)
    with pytest.raises(ApiError):
        a.reserve(service("t", type="NodePort", cluster_ip="10.0.0.4"), None)
    a.reserve(service("u", cluster_ip="10.0.0.4"), None)


def test_updates_carry_over_what_is_left_out() -> None:
    a = allocator()
    old = service(type="NodePort")
    a.reserve(old, None).keep()
    new = service(type="NodePort")
    a.prepare(new, old)
    assert new.spec.cluster_ip == old.spec.cluster_ip
    assert new.spec.ports[0].node_port == old.spec.ports[0].node_port
    a.reserve(new, old).keep()


def test_a_change_of_type_lets_go() -> None:
    a = allocator(ports="30000-30000")
    old = service(type="NodePort")
    a.reserve(old, None).keep()
    new = service(cluster_ip=old.spec.cluster_ip, node_port=30000)
    a.prepare(new, old)
    a.reserve(new, old).keep()
    assert new.spec.ports[0].node_port == 0
    a.reserve(service("t", type="NodePort"), None)


def test_it_is_rebuilt_from_what_is_stored() -> None:
    stored = service(type="NodePort", cluster_ip="10.0.0.3", cluster_ips=["10.0.0.3"], node_port=30001)
    a = allocator()
    a.load([stored])
    with pytest.raises(ApiError):
        a.reserve(service("t", cluster_ip="10.0.0.3"), None)
    with pytest.raises(ApiError):
        a.reserve(service("t", type="NodePort", node_port=30001), None)
    a.reserve(stored, stored)


@pytest.mark.parametrize(
    ("cidr", "ports"),
    [("10.0.0.0/31", "1-2"), ("10.0.0.0/8", "x"), ("10.0.0.0/8", "9-1"), ("fd00::/64", "1-2")],
)
def test_malformed_ranges(cidr: str, ports: str) -> None:
    with pytest.raises(ValueError):
        allocator(cidr, ports)
