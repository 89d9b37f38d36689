"""Subresources, allocation and bulk verbs over HTTPS; logs and exec through a kubelet of the test's own."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from dromon.base.http import websocket
from dromon.base.http.messages import Reply, Request, Response, Stream, StreamResponse
from dromon.base.http.server import HttpServer
from dromon.base.http.websocket import WebSocket
from dromon.testing.apiserver import RunningApiServer, running_apiserver

DEFAULT = "/api/v1/namespaces/default"
PODS = f"{DEFAULT}/pods"
SERVICES = f"{DEFAULT}/services"
CONTROLLERS = f"{DEFAULT}/replicationcontrollers"
MERGE = "application/merge-patch+json"


@pytest.fixture
async def api() -> AsyncIterator[RunningApiServer]:
    async with running_apiserver() as api:
        yield api


async def pod(api: RunningApiServer, name: str = "p", containers: str = "c", **spec: Any) -> dict[str, Any]:
    body = {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": c, "image": "i"} for c in containers], **spec},
    }
    answer = await api.request("POST", PODS, body)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json
    return made


def service(name: str = "s", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}}


async def test_scale(api: RunningApiServer) -> None:
    template = {
        "metadata": {"labels": {"b": "1", "a": "2"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    spec = {"replicas": 1, "selector": {"b": "1", "a": "2"}, "template": template}
    await api.request("POST", CONTROLLERS, {"metadata": {"name": "rc"}, "spec": spec})
    path = f"{CONTROLLERS}/rc/scale"
    scale = (await api.request("GET", path)).json
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["status"] == {"replicas": 0, "selector": "a=2,b=1"}
    scale["spec"]["replicas"] = 3
    assert (await api.request("PUT", path, scale)).json["spec"] == {"replicas": 3}
    assert (await api.request("PUT", path, scale)).status == 409
    patched = await api.request("PATCH", path, {"spec": {"replicas": 0}}, content_type=MERGE)
    assert patched.json["spec"] == {}
    assert (await api.request("GET", f"{CONTROLLERS}/rc")).json["spec"]["replicas"] == 0
    for wrong in (-1, "x"):
        answer = await api.request("PATCH", path, {"spec": {"replicas": wrong}}, content_type=MERGE)
        assert answer.status == 422
    assert (await api.request("GET", f"{CONTROLLERS}/none/scale")).status == 404


async def test_binding(api: RunningApiServer) -> None:
    await pod(api)
    binding = {"metadata": {"name": "p", "annotations": {"a": "b"}}, "target": {"kind": "Node", "name": "n1"}}
    answer = await api.request("POST", f"{PODS}/p/binding", binding)
    assert (answer.status, answer.json["status"]) == (201, "Success")
    bound = (await api.request("GET", f"{PODS}/p")).json
    assert bound["spec"]["nodeName"] == "n1"
    assert bound["metadata"]["annotations"] == {"a": "b"}
    scheduled = [c for c in bound["status"]["conditions"] if c["type"] == "PodScheduled"]
    assert [c["status"] for c in scheduled] == ["True"]
    again = await api.request("POST", f"{DEFAULT}/bindings", binding)
    assert again.status == 409
    assert again.json["message"] == (
        'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n1"'
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"target": {}}, 422),
        ({"target": {"kind": "Pod", "name": "n"}}, 422),
        ({"metadata": {"name": "q"}, "target": {"name": "n"}}, 400),
        ({"metadata": {"uid": "other"}, "target": {"name": "n"}}, 409),
    ],
)
async def test_bindings_that_are_refused(api: RunningApiServer, body: dict[str, Any], code: int) -> None:
    await pod(api)
    assert (await api.request("POST", f"{PODS}/p/binding", body)).status == code


async def test_only_one_of_many_bindings_wins(api: RunningApiServer) -> None:
    await pod(api)
    work = [api.request("POST", f"{PODS}/p/binding", {"target": {"name": f"n{i}"}}) for i in range(10)]
    codes = sorted(a.status for a in await asyncio.gather(*work))
    assert codes == [201] + [409] * 9


async def test_eviction(api: RunningApiServer) -> None:
    await pod(api)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    assert (await api.request("POST", f"{PODS}/p/eviction", eviction)).status == 201
    assert (await api.request("GET", f"{PODS}/p")).status == 404


async def test_services_get_addresses(api: RunningApiServer) -> None:
    made = (await api.request("POST", SERVICES, service(type="NodePort"))).json["spec"]
    assert made["clusterIP"].startswith("10.0.")
    assert 30000 <= made["ports"][0]["nodePort"] <= 32767
    taken = await api.request("POST", SERVICES, service("t", clusterIP=made["clusterIP"]))
    assert taken.status == 422
    assert "provided IP is already allocated" in taken.json["message"]
    replaced = await api.request("PUT", f"{SERVICES}/s", service(type="NodePort"))
    assert replaced.json["spec"]["clusterIP"] == made["clusterIP"]
    assert replaced.json["spec"]["ports"][0]["nodePort"] == made["ports"][0]["nodePort"]
    moved = await api.request(
        "PATCH", f"{SERVICES}/s", {"spec": {"clusterIP": "10.0.9.9"}}, content_type=MERGE
    )
    assert moved.status == 422
    await api.request("DELETE", f"{SERVICES}/s")
    assert (await api.request("POST", SERVICES, service("t", clusterIP=made["clusterIP"]))).status == 201


async def test_a_dry_run_takes_no_address(api: RunningApiServer) -> None:
    dry = await api.request("POST", f"{SERVICES}?dryRun=All", service(clusterIP="10.0.7.7"))
    assert dry.status == 201
    assert (await api.request("POST", SERVICES, service(clusterIP="10.0.7.7"))).status == 201


async def test_allocations_survive_a_restart(tmp_path: Any) -> None:
    url = f"sqlite://{tmp_path}/db.sqlite"
    async with running_apiserver(store_url=url) as api:
        made = (await api.request("POST", SERVICES, service(type="NodePort"))).json["spec"]
    async with running_apiserver(store_url=url) as api:
        ip = await api.request("POST", SERVICES, service("t", clusterIP=made["clusterIP"]))
        ports = [{"port": 80, "nodePort": made["ports"][0]["nodePort"]}]
        port = await api.request("POST", SERVICES, service("t", type="NodePort", ports=ports))
        assert (ip.status, port.status) == (422, 422)


async def test_endpoints_of_the_api_itself() -> None:
    async with running_apiserver(advertise_address="10.240.0.5") as api:
        subsets = (await api.request("GET", f"{DEFAULT}/endpoints/kubernetes")).json["subsets"]
        assert subsets[0]["addresses"] == [{"ip": "10.240.0.5"}]
        assert subsets[0]["ports"][0]["port"] == api.server.port
        slices = (await api.request("GET", "/apis/discovery.k8s.io/v1/endpointslices")).json["items"]
        assert slices[0]["endpoints"][0]["addresses"] == ["10.240.0.5"]
    async with running_apiserver() as api:
        assert (await api.request("GET", f"{DEFAULT}/endpoints/kubernetes")).status == 404
        assert (await api.request("GET", f"{SERVICES}/kubernetes")).json["spec"]["clusterIP"] == "10.0.0.1"


async def test_bulk_create(api: RunningApiServer) -> None:
    good = {"metadata": {"generateName": "p-"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    body = {"kind": "PodList", "apiVersion": "v1", "items": [good, {"metadata": {"name": "BAD"}}, good]}
    answer = await api.request("POST", PODS, body)
    assert answer.status == 207
    assert [i["code"] for i in answer.json["items"]] == [201, 422, 201]
    assert answer.json["items"][1]["status"]["reason"] == "Invalid"
    names = {i["object"]["metadata"]["name"] for i in answer.json["items"] if "object" in i}
    listed = (await api.request("GET", PODS)).json["items"]
    assert {i["metadata"]["name"] for i in listed} == names
    nowhere = await api.request("POST", "/api/v1/pods", body)
    assert [i["code"] for i in nowhere.json["items"]] == [400, 400, 400]
    for item in body["items"]:
        item["metadata"]["namespace"] = "default"  # type: ignore[index]
    short = await api.request("POST", "/api/v1/pods?includeObject=None", body)
    assert short.json["items"][0] == {"code": 201}


async def test_bulk_bind_and_status(api: RunningApiServer) -> None:
    await asyncio.gather(*(pod(api, f"p{i}") for i in range(3)))
    items = [{"metadata": {"name": f"p{i}"}, "target": {"name": "n"}} for i in (0, 1, 9, 0)]
    bound = await api.request("POST", f"{DEFAULT}/bindings", {"kind": "BindingList", "items": items})
    codes = [i["code"] for i in bound.json["items"]]
    assert codes[1:3] == [201, 404]
    assert sorted((codes[0], codes[3])) == [201, 409]
    patches = [
        {"metadata": {"name": f"p{i}", "namespace": "default"}, "status": {"phase": "Running"}}
        for i in (0, 1, 9)
    ]
    done = await api.request(
        "PATCH", "/api/v1/pods/status", {"kind": "PodList", "items": [*patches, {}]}, content_type=MERGE
    )
    assert [i["code"] for i in done.json["items"]] == [200, 200, 404, 400]
    assert (await api.request("GET", f"{PODS}/p1")).json["status"]["phase"] == "Running"


class Kubelet:
    """Answers what a kubelet would: logs, and exec that echoes."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, request: Request) -> Reply:
        assert request.certificate is not None, "the apiserver shows who it is"
        self.asked.append(request.target)
        if request.path.startswith("/containerLogs/"):
            if "previous" in request.params:
                return Response(400, b"no previous container")
            return StreamResponse(self._log, 200, "text/plain")
        return websocket.accept(request, ["v5.channel.k8s.io"], self._echo)

    async def _log(self, stream: Stream) -> None:
        for i in range(3):
            stream.write(f"line {i}\n".encode())
            await stream.drain()

    async def _echo(self, socket: WebSocket, protocol: str) -> None:
        while (message := await socket.receive()) is not None:
            await socket.send(message)


@asynccontextmanager
async def kubelet_of(api: RunningApiServer) -> AsyncIterator[Kubelet]:
    """A kubelet behind node n."""
    pair = api.pki.server("kubelet", common_name="system:node:n", names=["127.0.0.1"])
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.load_verify_locations(api.ca_file)
    context.verify_mode = ssl.CERT_REQUIRED
    kubelet = Kubelet()
    server = HttpServer(kubelet, host="127.0.0.1", port=0, ssl_context=context)
    await server.start()
    status = {
        "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": server.port}},
    }
    await api.request("POST", "/api/v1/nodes", {"metadata": {"name": "n"}})
    await api.request("PATCH", "/api/v1/nodes/n/status", {"status": status}, content_type=MERGE)
    try:
        yield kubelet
    finally:
        await server.close(0.1)


async def test_logs(api: RunningApiServer) -> None:
    await pod(api, containers="c", nodeName="n")
    async with kubelet_of(api) as kubelet:
        answer = await api.request("GET", f"{PODS}/p/log?tailLines=5&timestamps=true")
        assert (answer.status, answer.body) == (200, b"line 0\nline 1\nline 2\n")
        assert kubelet.asked == ["/containerLogs/default/p/c?timestamps=true&tailLines=5"]
        refused = await api.request("GET", f"{PODS}/p/log?previous=true")
        assert (refused.status, refused.json["message"]) == (400, "no previous container")
        assert (await api.request("GET", f"{PODS}/p/log?tailLines=-1")).status == 422


async def test_whose_logs(api: RunningApiServer) -> None:
    await pod(api, containers="ab", nodeName="n")
    unclear = await api.request("GET", f"{PODS}/p/log")
    assert (unclear.status, unclear.json["message"]) == (
        400,
        "a container name must be specified for pod p, choose one of: [a b]",
    )
    wrong = await api.request("GET", f"{PODS}/p/log?container=x")
    assert wrong.json["message"] == "container x is not valid for pod p"
    await pod(api, "waiting")
    assert (await api.request("GET", f"{PODS}/waiting/log")).body == b""
    assert (await api.request("GET", f"{PODS}/p/log?container=a")).status == 404, "there is no such node"


async def test_a_kubelet_that_is_away(api: RunningApiServer) -> None:
    await pod(api, nodeName="n")
    async with kubelet_of(api):
        pass
    answer = await api.request("GET", f"{PODS}/p/log")
    assert answer.status == 500
    assert "error dialing the kubelet of node n" in answer.json["message"]


async def test_exec(api: RunningApiServer) -> None:
    await pod(api, nodeName="n")
    async with kubelet_of(api) as kubelet:
        target = f"{PODS}/p/exec?command=echo&command=a%20b&stdin=true&stdout=true"
        headers = {"Authorization": f"Bearer {api.token}"}
        socket, protocol = await websocket.connect(api.http, target, ["v5.channel.k8s.io"], headers)
        assert protocol == "v5.channel.k8s.io"
        for size in (1, 100_000):
            await socket.send(b"x" * size)
            assert await asyncio.wait_for(socket.receive(), 10) == b"x" * size
        await socket.close()
        assert kubelet.asked == ["/exec/default/p/c?command=echo&command=a+b&stdin=true&stdout=true"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("stdout=true", "you must specify at least 1 command for the container"),
        ("command=x", "you must specify at least one of stdin, stdout, stderr"),
        ("command=x&stdout=true&container=y", "container y is not valid for pod p"),
        ("command=x&stdout=true", "Upgrade request required"),
    ],
)
async def test_exec_that_is_refused(api: RunningApiServer, query: str, text: str) -> None:
    await pod(api, nodeName="n")
    async with kubelet_of(api):
        answer = await api.request("POST", f"{PODS}/p/exec?{query}")
        assert answer.status == 400
        assert text in answer.json["message"]
