"""The controllers' plans at size: what one change costs beside many others (DESIGN, invariant 8).

Each case checks its answer before its time means anything. Run with

    pytest bench/bench_controllers.py --benchmark-enable

Neighbours: dromon.controllers is measured; storm.py has the whole.
"""

from __future__ import annotations

from typing import Any

import msgspec

from dromon.api.types.discovery import EndpointSlice
from dromon.api.types.meta import OwnerReference
from dromon.api.types.service import Service
from dromon.api.types.workload import ReplicationController
from dromon.client.store import IndexedStore
from dromon.controllers.garbage.graph import Graph, Node
from dromon.controllers.indexes import INDEXES
from dromon.controllers.replication import plan as replication
from dromon.controllers.services import members, slices_plan
from dromon.controllers.views import PODS, PodView

NOW = 1_700_000_000.0


def pod(i: int, app: str = "x", ready: bool = True) -> PodView:
    owner = {"apiVersion": "v1", "kind": "ReplicationController", "name": app, "uid": app, "controller": True}
    meta = {"name": f"p-{i:05}", "namespace": "default", "uid": f"u-{i}", "labels": {"app": app}}
    since = "2023-11-14T22:00:00Z"
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": since}
    ip = f"10.1.{i // 250}.{i % 250}"
    status = {"phase": "Running", "conditions": [condition], "podIP": ip, "podIPs": [{"ip": ip}]}
    spec = {"nodeName": f"n-{i % 100}"}
    return msgspec.convert(
        {"metadata": {**meta, "ownerReferences": [owner]}, "spec": spec, "status": status}, PodView
    )


def service(name: str = "svc", app: str = "x") -> Service:
    return msgspec.convert(
        {
            "metadata": {"name": name, "namespace": "default", "uid": name},
            "spec": {"selector": {"app": app}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
        Service,
    )


def test_replication_round_of_5000_pods(benchmark: Any) -> None:
    rc = msgspec.convert(
        {
            "metadata": {"name": "x", "namespace": "default", "uid": "x"},
            "spec": {
                "replicas": 5000,
                "selector": {"app": "x"},
                "template": {"metadata": {"labels": {"app": "x"}}},
            },
        },
        ReplicationController,
    )
    pods = [pod(i) for i in range(5000)]

    def round_() -> tuple[int, int]:
        claims = replication.plan_claims(rc, pods)
        status = replication.plan_status(rc, claims.owned, None, NOW)
        return len(replication.plan_scale(rc, claims.owned).delete), status.available_replicas

    assert benchmark(round_) == (0, 5000)


def test_slices_of_5000_pods_one_changed(benchmark: Any) -> None:
    pods = [pod(i) for i in range(5000)]
    current: list[EndpointSlice] = slices_plan.plan_slices(service(), pods, [], {}).create
    pods[7] = pod(7, ready=False)

    def plan() -> tuple[int, int]:
        todo = slices_plan.plan_slices(service(), pods, current, {})
        return len(todo.create), len(todo.update)

    assert benchmark(plan) == (0, 1)


def test_services_of_a_pod_among_10000_services(benchmark: Any) -> None:
    store: IndexedStore[Service] = IndexedStore(INDEXES[("", "services")])
    for i in range(10_000):
        store.put(service(f"svc-{i}", f"app-{i}"))
    one: Any = store
    assert benchmark(members.services_of, one, pod(1, "app-77")) == {("default", "svc-77")}


def test_informer_takes_up_one_pod_among_10000(benchmark: Any) -> None:
    store: IndexedStore[PodView] = IndexedStore(INDEXES[("", "pods")])
    for i in range(10_000):
        store.put(pod(i, f"app-{i % 100}"))
    states = [pod(7, "app-7", ready=True), pod(7, "app-7", ready=False)]

    def change() -> None:
        for state in states:
            store.put(state)

    benchmark(change)
    assert len(store.by_index("label", "default/app=app-7")) == 100


def test_graph_takes_up_one_object_among_10000(benchmark: Any) -> None:
    graph = Graph()
    owner = OwnerReference(api_version="v1", kind="ReplicationController", name="x", uid="x", controller=True)

    def node(uid: str, owners: tuple[OwnerReference, ...] = ()) -> Node:
        return Node(uid, PODS, "default", uid, owners, (), False)

    graph.put(node("x"))
    for i in range(10_000):
        graph.put(node(f"u-{i}", (owner,)))

    def change() -> set[str]:
        return graph.put(node("u-7", (owner,))) | graph.put(node("new", (owner,))) | graph.remove("new")

    assert benchmark(change) == set()
