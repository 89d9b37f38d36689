"""The official Python client, unmodified, against a hollow cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import kubernetes as k8s
import pytest
from kubernetes.client.exceptions import ApiException


@pytest.fixture(scope="module")
def core(hollow_cluster: Any) -> Iterator[k8s.client.CoreV1Api]:
    """CoreV1Api with the cluster's credentials."""
    kubeconfig = str(hollow_cluster.directory / "kubeconfig")
    with k8s.config.new_client_from_config(kubeconfig) as client:
        yield k8s.client.CoreV1Api(client)


@pytest.fixture
def space(core: k8s.client.CoreV1Api, request: pytest.FixtureRequest) -> Iterator[str]:
    name = "p-" + request.node.name.lower().replace("_", "-").partition("[")[0][:50].rstrip("-")
    core.create_namespace({"metadata": {"name": name}})
    yield name
    core.delete_namespace(name)


def pod(name: str, **labels: str) -> dict[str, Any]:
    containers = [{"name": "c", "image": "example/image:1"}]
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": containers}}


def test_a_pod_from_creation_to_deletion(core: k8s.client.CoreV1Api, space: str) -> None:
    made = core.create_namespaced_pod(space, pod("one", app="a"))
    watch = k8s.watch.Watch()
    stream = watch.stream(
        core.list_namespaced_pod,
        space,
        resource_version=made.metadata.resource_version,
        timeout_seconds=30,
    )
    for event in stream:
        if event["object"].status.phase == "Running":
            watch.stop()
    running = core.read_namespaced_pod("one", space)
    assert running.status.container_statuses[0].restart_count == 0
    assert running.spec.node_name
    core.patch_namespaced_pod("one", space, {"metadata": {"annotations": {"k": "v"}}})
    assert core.read_namespaced_pod("one", space).metadata.annotations == {"k": "v"}
    core.delete_namespaced_pod("one", space, grace_period_seconds=0)
    with pytest.raises(ApiException) as error:
        core.read_namespaced_pod("one", space)
    assert error.value.status == 404


def test_lists_in_pages_by_selector(core: k8s.client.CoreV1Api, space: str) -> None:
    for n in range(7):
        core.create_namespaced_pod(space, pod(f"p{n}", app="a" if n % 2 else "b"))
    first = core.list_namespaced_pod(space, limit=3)
    assert len(first.items) == 3
    assert first.metadata.remaining_item_count == 4
    names = [p.metadata.name for p in first.items]
    token = first.metadata._continue
    while token:
        page = core.list_namespaced_pod(space, limit=3, _continue=token)
        names += [p.metadata.name for p in page.items]
        token = page.metadata._continue
    assert names == [f"p{n}" for n in range(7)]
    some = core.list_namespaced_pod(space, label_selector="app=a")
    assert [p.metadata.name for p in some.items] == ["p1", "p3", "p5"]


def test_stale_updates_conflict(core: k8s.client.CoreV1Api, space: str) -> None:
    config = core.create_namespaced_config_map(space, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    config.data["a"] = "2"
    core.replace_namespaced_config_map("c", space, config)
    with pytest.raises(ApiException) as error:
        core.replace_namespaced_config_map("c", space, config)
    assert error.value.status == 409


def test_scale_subresource(core: k8s.client.CoreV1Api, space: str) -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod("x")["spec"]}
    spec = {"replicas": 1, "selector": {"a": "b"}, "template": template}
    core.create_namespaced_replication_controller(space, {"metadata": {"name": "rc"}, "spec": spec})
    core.patch_namespaced_replication_controller_scale("rc", space, {"spec": {"replicas": 3}})
    assert core.read_namespaced_replication_controller_scale("rc", space).spec.replicas == 3


def test_objects_at_the_limits_round_trip(core: k8s.client.CoreV1Api, space: str) -> None:
    name = ".".join(["n" * 62] * 4)[:253].rstrip(".")
    data = {"big": "x" * (1024 * 1024 - 1024), "unicode": "δρόμων 🚣 \u0000\u202e"}
    core.create_namespaced_config_map(space, {"metadata": {"name": name}, "data": data})
    assert core.read_namespaced_config_map(name, space).data == data
    data["big"] += "x" * 2048
    with pytest.raises(ApiException) as error:
        core.replace_namespaced_config_map(name, space, {"metadata": {"name": name}, "data": data})
    assert error.value.status == 422
