"""A stored value that is no object of its kind: told of clearly, removable, and no harm to others."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dromon.api.kinds import CONFIG_MAPS, NAMESPACES, PODS, SERVICES
from dromon.api.resource import Resource
from dromon.store.interface import Put
from dromon.testing.apiserver import RunningApiServer, running_apiserver

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PROTOBUF = "application/vnd.kubernetes.protobuf"
PATH = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def api() -> AsyncIterator[RunningApiServer]:
    async with running_apiserver() as api:
        yield api


VALUES = {
    "no JSON": b"nonsense",
    "no object": b"[1]",
    "no ConfigMap": b'{"metadata":{"name":"bad","namespace":"default"},"data":7}',
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_it_stands_alone(api: RunningApiServer, value: bytes) -> None:
    await api.request("POST", PATH, {"metadata": {"name": "a"}})
    key = CONFIG_MAPS.key("default", "bad")
    await api.server.store.commit([Put(key, value)])
    await api.request("POST", PATH, {"metadata": {"name": "c"}})
    for accept in ("application/json", TABLE, PROTOBUF, "application/msgpack"):
        listed = await api.request("GET", PATH, accept=accept)
        assert listed.status == 200
        assert b"c" in listed.body
    assert [r["cells"][0] for r in (await api.request("GET", PATH, accept=TABLE)).json["rows"]] == ["a", "c"]
    patch = {"data": {"k": "v"}}
    merge = "application/merge-patch+json"
    for answer in (
        await api.request("GET", f"{PATH}/bad", accept=PROTOBUF),
        await api.request("PATCH", f"{PATH}/bad", patch, content_type=merge),
    ):
        assert answer.status == 500
    refused = (await api.request("PATCH", f"{PATH}/bad", patch, content_type=merge)).json
    assert (refused["kind"], refused["reason"]) == ("Status", "InternalError")
    assert "can't be read" in refused["message"]
    assert (await api.request("POST", PATH, {"metadata": {"name": "bad"}})).status == 409
    assert (await api.request("GET", "/readyz")).status == 200
    assert (await api.request("DELETE", f"{PATH}/bad")).status == 200
    assert (await api.request("GET", f"{PATH}/bad")).status == 404
    assert (await api.request("POST", PATH, {"metadata": {"name": "bad"}})).status == 201


@pytest.mark.parametrize("r", [PODS, SERVICES, NAMESPACES], ids=lambda r: r.plural)
async def test_deleting_one_that_would_have_waited(api: RunningApiServer, r: Resource[Any]) -> None:
    namespace = "default" if r.namespaced else ""
    await api.server.store.commit([Put(r.key(namespace, "bad"), b"nonsense")])
    path = f"/api/v1/namespaces/default/{r.plural}/bad" if namespace else f"/api/v1/{r.plural}/bad"
    assert (await api.request("GET", path)).status == 500
    assert (await api.request("DELETE", path)).status == 200
    assert (await api.request("GET", path)).status == 404


async def test_watchers_of_others_go_on(api: RunningApiServer) -> None:
    headers = {"Authorization": f"Bearer {api.token}"}
    stream = await api.http.stream("GET", f"{PATH}?watch=true", headers)
    await api.server.store.commit([Put(CONFIG_MAPS.key("default", "bad"), b"nonsense")])
    await api.request("POST", PATH, {"metadata": {"name": "c"}})
    names = []
    async with asyncio.timeout(10):
        async for chunk in stream:
            names += [json.loads(line)["object"]["metadata"]["name"] for line in chunk.splitlines()]
            if "c" in names:
                break
    assert "bad" not in names
    await stream.aclose()
