"""Endpoints: which addresses, by which ports, ready or not; and when the object is written."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.api import kinds
from dromon.api.types.endpoints import Endpoints
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.service import ServicePort
from dromon.controllers.services import endpoints_plan as plan
from dromon.controllers.services.endpoints import EndpointsController


def shape(subsets: Any) -> list[tuple[list[str], list[str], list[tuple[str, int]]]]:
    return [
        (
            [a.ip for a in s.addresses],
            [a.ip for a in s.not_ready_addresses],
            [(p.name, p.port) for p in s.ports],
        )
        for s in subsets
    ]


def test_ready_and_not_ready(make: Any) -> None:
    pods = [
        make.view("b", ip="10.1.0.3", ready=True, node="n1"),
        make.view("a", ip="10.1.0.2", ready=True),
        make.view("c", ip="10.1.0.4", ready=False),
        make.view("no-ip", ready=True),
        make.view("ended", ip="10.1.0.5", phase="Succeeded"),
        make.view("going", ip="10.1.0.6", ready=True, deleted=1),
    ]
    (subset,) = plan.plan_subsets(make.service(), pods)
    assert shape([subset]) == [(["10.1.0.2", "10.1.0.3"], ["10.1.0.4"], [("", 8080)])]
    reference = subset.addresses[1].target_ref
    assert (reference.kind, reference.namespace, reference.name) == ("Pod", "default", "b")
    assert subset.addresses[1].node_name == "n1"
    assert subset.addresses[0].node_name is None


def test_publish_not_ready_addresses(make: Any) -> None:
    service = make.service(publish_not_ready_addresses=True)
    pods = [
        make.view("c", ip="10.1.0.4", ready=False),
        make.view("going", ip="10.1.0.6", ready=False, deleted=1),
    ]
    assert shape(plan.plan_subsets(service, pods)) == [(["10.1.0.4", "10.1.0.6"], [], [("", 8080)])]


def test_named_ports_are_each_pods_own(make: Any) -> None:
    service = make.service(
        ports=[
            ServicePort(name="web", port=80, target_port="http"),
            ServicePort(name="admin", port=81, target_port="admin"),
        ]
    )
    pods = [
        make.view("a", ip="10.1.0.2", ready=True, ports=[{"name": "http", "containerPort": 80}]),
        make.view("b", ip="10.1.0.3", ready=True, ports=[{"name": "http", "containerPort": 8080}]),
        make.view(
            "c",
            ip="10.1.0.4",
            ready=True,
            ports=[{"name": "http", "containerPort": 80}, {"name": "admin", "containerPort": 9}],
        ),
        make.view(
            "udp", ip="10.1.0.5", ready=True, ports=[{"name": "http", "containerPort": 1, "protocol": "UDP"}]
        ),
    ]
    assert sorted(shape(plan.plan_subsets(service, pods))) == [
        (["10.1.0.2", "10.1.0.4"], [], [("web", 80)]),
        (["10.1.0.3"], [], [("web", 8080)]),
        (["10.1.0.4"], [], [("admin", 9)]),
    ]


def test_several_ports_with_the_same_pods_are_one_subset(make: Any) -> None:
    ports = [
        ServicePort(name="a", port=80, target_port=8080),
        ServicePort(name="b", port=81, target_port=8081, protocol="UDP"),
    ]
    pods = [make.view(ip="10.1.0.2", ready=True)]
    (subset,) = plan.plan_subsets(make.service(ports=ports), pods)
    assert [(p.name, p.port, p.protocol) for p in subset.ports] == [("a", 8080, "TCP"), ("b", 8081, "UDP")]


def test_headless(make: Any) -> None:
    service = make.service(cluster_ip="None", ports=[])
    pods = [make.view("a", ip="10.1.0.2", ready=True, hostname="h", subdomain="svc")]
    (subset,) = plan.plan_subsets(service, pods)
    assert shape([subset]) == [(["10.1.0.2"], [], [])]
    assert subset.addresses[0].hostname == "h"
    made = plan.plan_endpoints(service, pods, None)
    assert made is not None
    assert made.metadata.labels["service.kubernetes.io/headless"] == ""
    assert plan.plan_subsets(make.service(ports=[]), pods) == []


def test_address_family(make: Any) -> None:
    pod = make.view(ready=True, ip="10.1.0.2", ips=["10.1.0.2", "fd00::2"])
    assert shape(plan.plan_subsets(make.service(ip_families=["IPv6"]), [pod]))[0][0] == ["fd00::2"]
    assert shape(plan.plan_subsets(make.service(), [pod]))[0][0] == ["10.1.0.2"]


def test_unchanged_is_not_written(make: Any) -> None:
    service, pods = make.service(), [make.view(ip="10.1.0.2", ready=True)]
    made = plan.plan_endpoints(service, pods, None)
    assert made is not None
    assert plan.plan_endpoints(service, pods, made) is None
    service.metadata.labels = {"new": "label"}
    assert plan.plan_endpoints(service, pods, made) is not None


def test_capacity(make: Any) -> None:
    pods = [make.view(f"p{i}", ip=f"10.1.0.{i}", ready=i < 6) for i in range(10)]
    made = plan.plan_endpoints(make.service(), pods, None, capacity=8)
    assert made is not None
    (subset,) = made.subsets
    assert (len(subset.addresses), len(subset.not_ready_addresses)) == (6, 2)
    assert made.metadata.annotations == {plan.OVER_CAPACITY: "truncated"}
    smaller = plan.plan_endpoints(make.service(), pods[:3], made, capacity=8)
    assert smaller is not None
    assert smaller.metadata.annotations == {}


@given(st.lists(st.integers(0, 500), max_size=8), st.integers(0, 2000))
def test_shares_lose_nothing(sizes: list[int], total: int) -> None:
    parts = plan.shares(sizes, total)
    assert sum(parts) == min(total, sum(sizes))
    assert all(0 <= part <= size for part, size in zip(parts, sizes, strict=True))


async def test_follows_pods_and_goes_with_the_service(world: Any, make: Any) -> None:
    loop = EndpointsController(world.context)
    world.api.put(make.service())
    world.api.put(make.pod("a", ip="10.1.0.2", ready=True))
    world.api.put(make.pod("other", ip="10.1.0.9", ready=True, labels={"app": "y"}))
    await world.settle(loop)
    assert shape(world.api.one(kinds.ENDPOINTS, "svc", "default").subsets)[0][0] == ["10.1.0.2"]
    writes = world.api.count("update", "endpoints")
    pod = world.api.one(kinds.PODS, "a", "default")
    pod.metadata.annotations = {"no": "matter"}
    world.api.put(pod)
    await world.settle(loop)
    assert world.api.count("update", "endpoints") == writes
    pod.status.conditions[0].status = "False"
    world.api.put(pod)
    await world.settle(loop)
    assert shape(world.api.one(kinds.ENDPOINTS, "svc", "default").subsets)[0][1] == ["10.1.0.2"]
    world.api.drop(kinds.SERVICES, "svc", "default")
    await world.settle(loop)
    assert world.api.one(kinds.ENDPOINTS, "svc", "default") is None


async def test_somebodys_change_is_mended(world: Any, make: Any) -> None:
    loop = EndpointsController(world.context)
    world.api.put(make.service())
    world.api.put(make.pod("a", ip="10.1.0.2", ready=True))
    await world.settle(loop)
    tampered = world.api.one(kinds.ENDPOINTS, "svc", "default")
    tampered.subsets = []
    world.api.put(tampered)
    await world.settle(loop)
    assert world.api.one(kinds.ENDPOINTS, "svc", "default").subsets


@pytest.mark.parametrize("spec", [{"selector": {}}, {"type": "ExternalName"}])
async def test_services_without_members_of_ours_are_left_alone(world: Any, make: Any, spec: Any) -> None:
    loop = EndpointsController(world.context)
    world.api.put(make.service(**spec))
    world.api.put(Endpoints(metadata=ObjectMeta(name="svc", namespace="default")))
    world.api.put(Endpoints(metadata=ObjectMeta(name="lonely", namespace="default")))
    world.api.put(make.pod("a", ip="10.1.0.2", ready=True))
    await world.settle(loop)
    assert not [c for c in world.api.calls if c[0] in ("create", "update", "delete")]


async def test_leftovers_of_a_service_deleted_while_away(world: Any, make: Any) -> None:
    labels = {plan.MANAGED_BY: plan.MANAGER}
    world.api.put(Endpoints(metadata=ObjectMeta(name="old", namespace="default", labels=labels)))
    loop = EndpointsController(world.context)
    await world.settle(loop)
    assert world.api.one(kinds.ENDPOINTS, "old", "default") is None


async def test_a_stale_cache_does_not_delete(world: Any, make: Any) -> None:
    labels = {plan.MANAGED_BY: plan.MANAGER}
    world.api.put(Endpoints(metadata=ObjectMeta(name="svc", namespace="default", labels=labels)))
    loop = EndpointsController(world.context)
    world.informers.pump()
    world.api.put(make.service())  # not seen yet
    await world.work(loop)
    assert world.api.one(kinds.ENDPOINTS, "svc", "default") is not None


def test_encoding_is_deterministic(make: Any) -> None:
    pods = [make.view(f"p{i}", ip=f"10.1.0.{i}", ready=True) for i in range(20)]
    first = msgspec.json.encode(plan.plan_subsets(make.service(), pods))
    assert first == msgspec.json.encode(plan.plan_subsets(make.service(), pods[::-1]))
