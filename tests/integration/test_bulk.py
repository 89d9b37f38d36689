"""Bulk verbs from the client's side, against a server that has them and one that has not."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dromon.api.errors import ApiError
from dromon.api.kinds import EVENTS, PODS
from dromon.api.types.container import Container
from dromon.api.types.event import Event
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Binding, Pod, PodSpec
from dromon.api.types.references import ObjectReference
from dromon.client import bulk
from dromon.client.bulk import Bulk, Identity
from dromon.client.rest import Client, ConnectionFailed
from dromon.testing.apiserver import RunningApiServer, running_apiserver


@dataclass
class Scene:
    api: RunningApiServer
    client: Client
    bulk: Bulk
    has_bulk: bool


@pytest.fixture(params=[True, False], ids=["bulk", "single"])
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with running_apiserver(bulk=request.param) as api:
        client = Client.from_kubeconfig(api.kubeconfig)
        yield Scene(api, client, Bulk(client), request.param)
        assert bool(client.lacks) is not request.param, "found out, and remembered"
        await client.close()


def pod(name: str = "", namespace: str = "default", image: str = "i") -> Pod:
    meta = ObjectMeta(name=name, generate_name="" if name else "p-", namespace=namespace)
    return Pod(metadata=meta, spec=PodSpec(containers=[Container(name="c", image=image)]))


def codes(outcomes: list[bulk.Outcome]) -> list[int]:
    return [o.code if isinstance(o, ApiError) else 0 for o in outcomes]


async def test_creates_in_order_each_for_itself(scene: Scene) -> None:
    same = pod()
    wanted = [same, same, pod("a"), pod("a"), pod("BAD"), pod("b", "nowhere"), pod("c", "kube-system")]
    outcomes = await scene.bulk.create(PODS, wanted)
    found = codes(outcomes)
    assert sorted(found[2:4]) == [0, 409]
    assert found[:2] + found[4:] == [0, 0, 422, 404, 0]
    listed = (await scene.client.list(PODS)).items
    made = [o for o in outcomes if isinstance(o, Identity)]
    assert {(o.namespace, o.name, o.uid, o.resource_version) for o in made} == {
        (p.metadata.namespace, p.metadata.name, p.metadata.uid, p.metadata.resource_version) for p in listed
    }


async def test_binds_and_patches_status(scene: Scene) -> None:
    made = await scene.bulk.create(PODS, [pod("a"), pod("b", "kube-system")])
    bindings = [
        Binding(metadata=ObjectMeta(name=n, namespace=s), target=ObjectReference(name="n"))
        for s, n in (("default", "a"), ("kube-system", "b"), ("default", "none"))
    ]
    assert codes(await scene.bulk.bind(bindings)) == [0, 0, 404]
    assert codes(await scene.bulk.bind(bindings)) == [409, 409, 404]
    patches = [
        {"metadata": {"name": n, "namespace": s, "uid": u}, "status": {"phase": "Running"}}
        for s, n, u in (("default", "a", made[0].uid), ("kube-system", "b", "other"), ("default", "x", ""))  # type: ignore[union-attr]
    ]
    patched = await scene.bulk.patch_status(PODS, patches)
    assert codes(patched) == [0, 409, 404]
    now = await scene.client.get(PODS, "a", "default")
    assert (now.status.phase, now.spec.node_name) == ("Running", "n")
    assert [c.type for c in now.status.conditions] == ["PodScheduled"]
    assert isinstance(patched[0], Identity)
    assert patched[0].resource_version == now.metadata.resource_version


async def test_more_than_one_request_takes(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ITEMS", 7)
    events = [Event(metadata=ObjectMeta(name=f"e{i}", namespace="default")) for i in range(40)]
    outcomes = await scene.bulk.create(EVENTS, events)
    assert [o.name for o in outcomes if isinstance(o, Identity)] == [f"e{i}" for i in range(40)]


async def test_a_server_that_is_gone_leaves_every_item_unknown() -> None:
    async with running_apiserver() as api:
        client = Client.from_kubeconfig(api.kubeconfig)
    outcomes = await Bulk(client).create(PODS, [pod(), pod()])
    assert [type(o) for o in outcomes] == [ConnectionFailed, ConnectionFailed]
    assert not client.lacks
    await client.close()


def test_requests_are_bounded_in_number_and_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "ITEMS", 3)
    monkeypatch.setattr(bulk, "SIZE", 400)
    items = [pod("x"), pod("y", image="i" * 500), *[pod("z", "other")] * 4]
    sent = list(bulk.chunks(items, lambda p: p.metadata.namespace, bulk.SIZE))
    assert [(where, places) for where, places, _ in sent] == [
        ("default", [0]),
        ("default", [1]),
        ("other", [2, 3]),
        ("other", [4, 5]),
    ]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["metadata", "name", "namespace", "spec", "status", "x"]), inner)
    ),
    max_leaves=8,
)


@pytest.fixture
async def api() -> AsyncIterator[RunningApiServer]:
    async with running_apiserver() as server:
        yield server


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(items=st.lists(JSON, max_size=4), verb=st.sampled_from(["create", "bind", "patch"]))
async def test_malformed_lists_are_told_item_by_item(
    api: RunningApiServer, items: list[Any], verb: str
) -> None:
    method, path, kind, media = {
        "create": ("POST", "/api/v1/namespaces/default/pods", "PodList", "application/json"),
        "bind": ("POST", "/api/v1/namespaces/default/bindings", "BindingList", "application/json"),
        "patch": ("PATCH", "/api/v1/pods/status", "PodList", "application/merge-patch+json"),
    }[verb]
    body = json.dumps({"kind": kind, "apiVersion": "v1", "items": items}).encode()
    answer = await api.request(method, path, body, content_type=media)
    if answer.status == 207:
        told = answer.json["items"]
        assert len(told) == len(items)
        for item in told:
            assert item["code"] in (200, 201) or item["status"]["kind"] == "Status"
            assert item["code"] < 500
    else:
        assert answer.status in (400, 422)
        assert answer.json["kind"] == "Status"
