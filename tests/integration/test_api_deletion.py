"""Deletion over HTTPS: at once, in grace, held by finalizers, whole collections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from dromon.testing.apiserver import RunningApiServer, running_apiserver

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
NAMESPACES = "/api/v1/namespaces"
MERGE = "application/merge-patch+json"


@pytest.fixture
async def api() -> AsyncIterator[RunningApiServer]:
    async with running_apiserver() as api:
        yield api


async def make(api: RunningApiServer, name: str, path: str = CONFIG_MAPS, **meta: Any) -> dict[str, Any]:
    made: dict[str, Any] = (await api.request("POST", path, {"metadata": {"name": name, **meta}})).json
    return made


async def bound_pod(api: RunningApiServer) -> None:
    body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}], "nodeName": "n"}}
    assert (await api.request("POST", PODS, body)).status == 201


async def test_gone_at_once(api: RunningApiServer) -> None:
    made = await make(api, "a")
    answer = await api.request("DELETE", f"{CONFIG_MAPS}/a")
    assert answer.json["status"] == "Success"
    assert answer.json["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    assert (await api.request("GET", f"{CONFIG_MAPS}/a")).status == 404


async def test_finalizers(api: RunningApiServer) -> None:
    await make(api, "a", finalizers=["x/y"])
    held = (await api.request("DELETE", f"{CONFIG_MAPS}/a")).json
    assert held["metadata"]["deletionTimestamp"]
    more = {"metadata": {"finalizers": ["x/y", "x/z"]}}
    refused = await api.request("PATCH", f"{CONFIG_MAPS}/a", more, content_type=MERGE)
    assert refused.status == 422
    assert "no new finalizers can be added" in refused.json["message"]
    freed = await api.request(
        "PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": None}}, content_type=MERGE
    )
    assert freed.status == 200
    assert (await api.request("GET", f"{CONFIG_MAPS}/a")).status == 404


async def test_propagation(api: RunningApiServer) -> None:
    await make(api, "a")
    held = await api.request("DELETE", f"{CONFIG_MAPS}/a", {"propagationPolicy": "Foreground"})
    assert held.json["metadata"]["finalizers"] == ["foregroundDeletion"]
    await make(api, "b")
    orphan = await api.request("DELETE", f"{CONFIG_MAPS}/b?propagationPolicy=Orphan")
    assert orphan.json["metadata"]["finalizers"] == ["orphan"]
    assert (await api.request("DELETE", f"{CONFIG_MAPS}/b?propagationPolicy=Never")).status == 422


async def test_a_pod_in_grace(api: RunningApiServer) -> None:
    await bound_pod(api)
    first = (await api.request("DELETE", f"{PODS}/p")).json["metadata"]
    assert first["deletionGracePeriodSeconds"] == 30
    shorter = (await api.request("DELETE", f"{PODS}/p?gracePeriodSeconds=1")).json["metadata"]
    assert shorter["deletionGracePeriodSeconds"] == 1
    assert shorter["deletionTimestamp"] < first["deletionTimestamp"]
    wrong = {"gracePeriodSeconds": 0, "preconditions": {"uid": "other"}}
    assert (await api.request("DELETE", f"{PODS}/p", wrong)).status == 409
    right = {"gracePeriodSeconds": 0, "preconditions": {"uid": first["uid"]}}
    last = await api.request("DELETE", f"{PODS}/p", right)
    assert last.json["kind"] == "Pod"
    assert (await api.request("GET", f"{PODS}/p")).status == 404


async def test_a_pod_that_never_ran(api: RunningApiServer) -> None:
    body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await api.request("POST", PODS, body)
    assert (await api.request("DELETE", f"{PODS}/p")).json["kind"] == "Pod"
    assert (await api.request("GET", f"{PODS}/p")).status == 404


async def test_collections(api: RunningApiServer) -> None:
    for name in ("a", "b", "c"):
        await make(api, name, labels={"x": name})
    answer = await api.request("DELETE", f"{CONFIG_MAPS}?labelSelector=x%20in%20(a,b)")
    assert answer.json["kind"] == "ConfigMapList"
    assert sorted(i["metadata"]["name"] for i in answer.json["items"]) == ["a", "b"]
    left = (await api.request("GET", CONFIG_MAPS)).json["items"]
    assert [i["metadata"]["name"] for i in left] == ["c"]
    assert (await api.request("DELETE", NAMESPACES)).status == 405


async def test_namespaces_end_when_finalized(api: RunningApiServer) -> None:
    await make(api, "ns", NAMESPACES)
    inside = f"{NAMESPACES}/ns/configmaps"
    await make(api, "a", inside)
    going = (await api.request("DELETE", f"{NAMESPACES}/ns")).json
    assert going["status"]["phase"] == "Terminating"
    refused = await api.request("POST", inside, {"metadata": {"name": "b"}})
    assert refused.status == 403
    assert refused.json["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    going["spec"]["finalizers"] = []
    kept = await api.request("PUT", f"{NAMESPACES}/ns", going)
    assert kept.json["spec"]["finalizers"] == ["kubernetes"], "only finalize may take them off"
    going["metadata"].pop("resourceVersion")
    done = await api.request("PUT", f"{NAMESPACES}/ns/finalize", going)
    assert done.status == 200
    assert (await api.request("GET", f"{NAMESPACES}/ns")).status == 404
