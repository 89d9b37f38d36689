"""Who gets in, and what broken requests are answered."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import pytest

from dromon.api.errors import ApiError
from dromon.api.kinds import NAMESPACES
from dromon.apiserver.bootstrap import RECONCILE
from dromon.client.rest import Client
from dromon.testing.apiserver import RunningApiServer, running_apiserver
from dromon.testing.clock import FakeClock, settle


@pytest.fixture
async def api() -> AsyncIterator[RunningApiServer]:
    async with running_apiserver() as api:
        yield api


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz?verbose", "/version"])
async def test_open_to_everybody(api: RunningApiServer, path: str) -> None:
    assert (await api.request("GET", path, authorization="")).status == 200


@pytest.mark.parametrize("path", ["/", "/api", "/apis", "/api/v1", "/api/v1/pods", "/openapi/v2", "/nothing"])
@pytest.mark.parametrize("authorization", ["", "Bearer wrong", "Basic YTpi"])
async def test_closed_to_strangers(api: RunningApiServer, path: str, authorization: str) -> None:
    answer = await api.request("GET", path, authorization=authorization)
    assert answer.status == 401
    assert answer.json["reason"] == "Unauthorized"


async def test_client_certificates(api: RunningApiServer) -> None:
    """The common name is the user, the organizations are the groups."""
    binding = {
        "metadata": {"name": "devs"},
        "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "Group", "name": "devs"}],
    }
    bindings = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings"
    client = Client.from_kubeconfig(str(api.kubeconfig_for("alice", ("devs",))))
    try:
        with pytest.raises(ApiError, match='User "alice" cannot list resource "namespaces"'):
            await client.list(NAMESPACES)
        assert (await api.request("POST", bindings, binding)).status == 201
        assert len((await client.list(NAMESPACES)).items) == 4
    finally:
        await client.close()


async def test_what_every_cluster_has(api: RunningApiServer) -> None:
    client = Client.from_kubeconfig(str(api.kubeconfig))
    try:
        names = [n.metadata.name for n in (await client.list(NAMESPACES)).items]
        assert names == ["default", "kube-node-lease", "kube-public", "kube-system"]
        with pytest.raises(ApiError, match="this namespace may not be deleted"):
            await client.delete(NAMESPACES, "kube-system")
    finally:
        await client.close()


async def test_the_service_of_the_api_comes_back() -> None:
    clock = FakeClock()
    path = "/api/v1/namespaces/default/services/kubernetes"
    async with running_apiserver(clock=clock) as api:
        before = (await api.request("GET", path)).json
        assert (await api.request("DELETE", path)).status == 200
        assert (await api.request("GET", path)).status == 404
        await clock.advance(RECONCILE)
        await settle()
        after = (await api.request("GET", path)).json
        assert after["spec"]["clusterIP"] == before["spec"]["clusterIP"]
        assert after["metadata"]["uid"] != before["metadata"]["uid"]


async def raw(api: RunningApiServer, data: bytes) -> bytes:
    """What the server sends back before it closes the connection."""
    context = ssl.create_default_context(cafile=str(api.ca_file))
    reader, writer = await asyncio.open_connection("127.0.0.1", api.server.port, ssl=context)
    try:
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"rubbish\r\n\r\n", b"400"),
        (b"GET /api/%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", b"431"),
        (b"POST /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 4000000\r\n\r\n", b"413"),
    ],
)
async def test_broken_requests_get_a_status(api: RunningApiServer, data: bytes, status: bytes) -> None:
    answer = await raw(api, data)
    assert answer.split(b" ", 2)[1] == status
    assert b'"kind":"Status"' in answer
    assert (await api.request("GET", "/readyz")).status == 200


async def test_unexpected_errors_are_not_told(
    api: RunningApiServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(api.server.store, "list", fail)
    answer = await api.request("GET", "/api/v1/pods")
    assert (answer.status, answer.json["reason"]) == (500, "InternalError")
    assert b"secret" not in answer.body
    assert "a secret detail" in caplog.text
