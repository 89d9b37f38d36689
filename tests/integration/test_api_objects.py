"""create, get, update, patch over HTTPS: what is answered, what is refused, in upstream's words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from dromon.testing.apiserver import RunningApiServer, running_apiserver

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"


@pytest.fixture
async def api() -> AsyncIterator[RunningApiServer]:
    async with running_apiserver() as api:
        yield api


def config_map(name: str = "a", **data: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": data}


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}], **spec}}


async def test_create_get_update(api: RunningApiServer) -> None:
    made = await api.request("POST", CONFIG_MAPS, config_map(k="1"))
    assert made.status == 201
    meta = made.json["metadata"]
    assert meta["namespace"] == "default"
    assert {"uid", "creationTimestamp", "resourceVersion"} <= meta.keys()
    got = await api.request("GET", f"{CONFIG_MAPS}/a")
    assert got.json == made.json
    changed = got.json | {"data": {"k": "2"}}
    updated = await api.request("PUT", f"{CONFIG_MAPS}/a", changed)
    assert updated.status == 200
    assert updated.json["data"] == {"k": "2"}
    assert int(updated.json["metadata"]["resourceVersion"]) > int(meta["resourceVersion"])
    assert updated.json["metadata"]["uid"] == meta["uid"]
    stale = await api.request("PUT", f"{CONFIG_MAPS}/a", changed)
    assert stale.status == 409
    assert stale.json["message"] == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_an_update_that_changes_nothing_writes_nothing(api: RunningApiServer) -> None:
    made = (await api.request("POST", CONFIG_MAPS, config_map(k="1"))).json
    again = (await api.request("PUT", f"{CONFIG_MAPS}/a", config_map(k="1"))).json
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_generated_names_are_many(api: RunningApiServer) -> None:
    body = {"metadata": {"generateName": "x-"}}
    answers = await asyncio.gather(*(api.request("POST", CONFIG_MAPS, body) for _ in range(20)))
    names = {a.json["metadata"]["name"] for a in answers}
    assert len(names) == 20
    assert all(n.startswith("x-") and len(n) == 7 for n in names)


@pytest.mark.parametrize(
    ("method", "path", "body", "code", "text"),
    [
        ("POST", CONFIG_MAPS, {"metadata": {}}, 422, "metadata.name: Required value"),
        ("POST", CONFIG_MAPS, config_map("UPPER"), 422, 'ConfigMap "UPPER" is invalid: metadata.name'),
        (
            "POST",
            CONFIG_MAPS,
            {"metadata": {"name": "a", "namespace": "other"}},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
        ),
        ("POST", CONFIG_MAPS, {"metadata": {"name": "a", "resourceVersion": "5"}}, 400, "resourceVersion"),
        (
            "POST",
            CONFIG_MAPS,
            {"kind": "Secret", "metadata": {"name": "a"}},
            400,
            "cannot be handled as a ConfigMap",
        ),
        (
            "POST",
            CONFIG_MAPS,
            {"apiVersion": "v2", "metadata": {"name": "a"}},
            400,
            "the API version in the data (v2) does not match the expected API version (v1)",
        ),
        ("POST", CONFIG_MAPS, {"data": {"a": 1}}, 400, "$.data"),
        ("POST", CONFIG_MAPS, b"{", 400, "the object provided is unrecognized"),
        ("POST", CONFIG_MAPS, b"\xff\xfe", 400, "the object provided is unrecognized"),
        ("POST", CONFIG_MAPS, b"", 400, "empty"),
        ("POST", "/api/v1/configmaps", config_map(), 405, "the server does not allow this method"),
        ("POST", "/api/v1/namespaces/none/configmaps", config_map(), 404, 'namespaces "none" not found'),
        ("PUT", f"{CONFIG_MAPS}/a", config_map("b"), 400, "(b) does not match the name on the URL (a)"),
        ("PUT", f"{CONFIG_MAPS}/a", {}, 400, "name must be provided"),
        ("PUT", f"{CONFIG_MAPS}/a", config_map(), 404, 'configmaps "a" not found'),
        ("GET", f"{CONFIG_MAPS}/a", None, 404, 'configmaps "a" not found'),
        ("DELETE", f"{CONFIG_MAPS}/a", None, 404, 'configmaps "a" not found'),
        ("POST", f"{CONFIG_MAPS}/a", config_map(), 405, "method"),
        ("PATCH", CONFIG_MAPS, {}, 405, "method"),
        ("TRACE", CONFIG_MAPS, None, 405, "method"),
        ("GET", "/api/v1/nothing", None, 404, "the server could not find the requested resource"),
        ("GET", f"{CONFIG_MAPS}?resourceVersion=x", None, 400, "resourceVersion"),
        ("GET", f"{CONFIG_MAPS}?limit=x", None, 400, "limit"),
        ("POST", f"{CONFIG_MAPS}?dryRun=Some", config_map(), 422, "dryRun"),
        ("POST", f"{CONFIG_MAPS}?fieldValidation=Maybe", config_map(), 422, "fieldValidation"),
    ],
)
async def test_refusals(
    api: RunningApiServer, method: str, path: str, body: Any, code: int, text: str
) -> None:
    answer = await api.request(method, path, body)
    assert answer.json["kind"] == "Status"
    assert (answer.status, answer.json["code"], answer.json["status"]) == (code, code, "Failure")
    assert text in answer.json["message"]


async def test_media_types(api: RunningApiServer) -> None:
    assert (await api.request("POST", CONFIG_MAPS, b"x", content_type="text/plain")).status == 415
    answer = await api.request("POST", CONFIG_MAPS, config_map(), accept="text/html")
    assert answer.status == 406
    assert (await api.request("GET", f"{CONFIG_MAPS}/a")).status == 404, "refused before it was stored"
    yaml = b"metadata:\n  name: y\ndata:\n  when: 2024-01-01\n  n: '1'\n"
    made = await api.request("POST", CONFIG_MAPS, yaml, content_type="application/yaml")
    assert made.json["data"] == {"when": "2024-01-01", "n": "1"}
    bomb = b"a: &a [x]\nb: [*a, *a]\n"
    assert (await api.request("POST", CONFIG_MAPS, bomb, content_type="application/yaml")).status == 400


async def test_messagepack_in_and_out(api: RunningApiServer) -> None:
    secret = {"metadata": {"name": "s", "labels": None}, "data": {"k": b"\x00\xff"}}
    path = "/api/v1/namespaces/default/secrets"
    packed = "application/msgpack"
    made = await api.request("POST", path, msgspec.msgpack.encode(secret), content_type=packed, accept=packed)
    assert (made.status, made.headers.get("content-type")) == (201, packed)
    stored = msgspec.msgpack.decode(made.body)
    assert stored["data"] == {"k": b"\x00\xff"}
    got = await api.request("GET", f"{path}/s", accept=packed)
    assert msgspec.msgpack.decode(got.body) == stored
    assert (await api.request("GET", f"{path}/s")).json["data"] == {"k": "AP8="}
    items = msgspec.msgpack.decode((await api.request("GET", path, accept=packed)).body)["items"]
    assert items == [stored]
    missing = await api.request("GET", f"{path}/none", accept=packed)
    assert msgspec.msgpack.decode(missing.body)["code"] == 404


async def test_unknown_and_duplicate_fields(api: RunningApiServer) -> None:
    body = b'{"metadata":{"name":"a"},"data":{"x":"1","x":"2"},"bogus":1}'
    strict = await api.request("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", body)
    assert strict.status == 400
    assert strict.json["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "bogus", duplicate field "data.x"'
    )
    warned = await api.request("POST", CONFIG_MAPS, body)
    assert warned.status == 201
    assert warned.headers.get("warning") == (
        '299 - "unknown field \\"bogus\\"", 299 - "duplicate field \\"data.x\\""'
    )
    ignored = await api.request("PUT", f"{CONFIG_MAPS}/a?fieldValidation=Ignore", body)
    assert ignored.headers.get("warning") == ""


async def test_patches(api: RunningApiServer) -> None:
    await api.request("POST", PODS, pod())
    path = f"{PODS}/p"
    merged = await api.request("PATCH", path, {"metadata": {"labels": {"a": "b"}}}, content_type=MERGE)
    assert merged.json["metadata"]["labels"] == {"a": "b"}
    image = {"spec": {"containers": [{"name": "c", "image": "j"}]}}
    strategic = await api.request("PATCH", path, image, content_type=STRATEGIC)
    assert [c["image"] for c in strategic.json["spec"]["containers"]] == ["j"]
    test = [
        {"op": "test", "path": "/metadata/labels/a", "value": "b"},
        {"op": "remove", "path": "/metadata/labels"},
    ]
    done = await api.request("PATCH", path, test, content_type=JSON_PATCH)
    assert "labels" not in done.json["metadata"]
    assert (await api.request("PATCH", path, test, content_type=JSON_PATCH)).status == 422


@pytest.mark.parametrize(
    ("patch", "media", "code"),
    [
        ({"metadata": {"resourceVersion": "1"}}, MERGE, 409),
        ({"metadata": {"uid": "other"}}, MERGE, 409),
        ({"metadata": {"name": "other"}}, MERGE, 400),
        ({"kind": "Secret"}, MERGE, 400),
        ({"data": {"a": 1}}, MERGE, 422),
        (b"{", MERGE, 400),
        ([], MERGE, 400),
        ({}, JSON_PATCH, 400),
        ({}, "application/json", 415),
        ({}, "application/apply-patch+yaml", 415),
    ],
)
async def test_patches_that_are_refused(api: RunningApiServer, patch: Any, media: str, code: int) -> None:
    await api.request("POST", CONFIG_MAPS, config_map())
    answer = await api.request("PATCH", f"{CONFIG_MAPS}/a", patch, content_type=media)
    assert answer.status == code
    assert (await api.request("GET", f"{CONFIG_MAPS}/a")).json.get("data") is None


async def test_concurrent_patches_all_take_effect(api: RunningApiServer) -> None:
    await api.request("POST", CONFIG_MAPS, config_map())
    work = [
        api.request("PATCH", f"{CONFIG_MAPS}/a", {"data": {f"k{i}": "v"}}, content_type=MERGE)
        for i in range(20)
    ]
    assert {a.status for a in await asyncio.gather(*work)} == {200}
    assert len((await api.request("GET", f"{CONFIG_MAPS}/a")).json["data"]) == 20


async def test_dry_runs_store_nothing(api: RunningApiServer) -> None:
    assert (await api.request("POST", f"{CONFIG_MAPS}?dryRun=All", config_map())).status == 201
    assert (await api.request("GET", f"{CONFIG_MAPS}/a")).status == 404
    await api.request("POST", CONFIG_MAPS, config_map(k="1"))
    assert (await api.request("POST", f"{CONFIG_MAPS}?dryRun=All", config_map())).status == 409
    changed = await api.request("PUT", f"{CONFIG_MAPS}/a?dryRun=All", config_map(k="2"))
    assert changed.json["data"] == {"k": "2"}
    assert (await api.request("DELETE", f"{CONFIG_MAPS}/a?dryRun=All")).status == 200
    assert (await api.request("GET", f"{CONFIG_MAPS}/a")).json["data"] == {"k": "1"}


async def test_status_is_apart(api: RunningApiServer) -> None:
    made = await api.request("POST", PODS, pod() | {"status": {"phase": "Running"}})
    assert made.json["status"]["phase"] == "Pending"
    status = {"status": {"phase": "Running", "podIP": "10.1.1.2"}}
    path = f"{PODS}/p"
    running = await api.request("PATCH", f"{path}/status", status, content_type=MERGE)
    assert running.json["status"]["phase"] == "Running"
    body = running.json
    body["status"] = {}
    body["metadata"]["labels"] = {"x": "y"}
    kept = await api.request("PUT", path, body)
    assert (kept.json["status"]["phase"], kept.json["metadata"]["labels"]) == ("Running", {"x": "y"})
    spec = {"spec": {"nodeName": "n"}, "status": {"phase": "Failed"}}
    after = await api.request("PATCH", f"{path}/status", spec, content_type=MERGE)
    assert "nodeName" not in after.json["spec"]
    assert (await api.request("GET", f"{path}/status")).json == after.json


async def test_generation_counts_changes_of_the_spec(api: RunningApiServer) -> None:
    path = "/api/v1/namespaces/default/replicationcontrollers"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": pod()["spec"]}
    body = {"metadata": {"name": "rc"}, "spec": {"replicas": 1, "selector": {"a": "b"}, "template": template}}
    made = await api.request("POST", path, body)
    assert made.json["metadata"]["generation"] == 1
    for patch, generation in (
        ({"metadata": {"labels": {"x": "y"}}}, 1),
        ({"spec": {"replicas": 2}}, 2),
        ({"metadata": {"generation": 9}}, 2),
    ):
        answer = await api.request("PATCH", f"{path}/rc", patch, content_type=MERGE)
        assert answer.json["metadata"]["generation"] == generation


async def test_tables_and_metadata(api: RunningApiServer) -> None:
    await api.request("POST", PODS, pod())
    table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    for path in (PODS, f"{PODS}/p"):
        answer = (await api.request("GET", path, accept=table)).json
        assert answer["kind"] == "Table"
        assert answer["columnDefinitions"][0]["name"] == "Name"
        assert answer["rows"][0]["cells"][0] == "p"
        assert answer["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    whole = (await api.request("GET", f"{PODS}?includeObject=Object", accept=table)).json
    assert whole["rows"][0]["object"]["spec"]["containers"]
    none = (await api.request("GET", f"{PODS}?includeObject=None", accept=table)).json
    assert "object" not in none["rows"][0]
    assert (await api.request("GET", f"{PODS}?includeObject=Some", accept=table)).status == 400
    only = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    metadata = (await api.request("GET", PODS, accept=only)).json
    assert metadata["kind"] == "PartialObjectMetadataList"
    assert metadata["items"][0].keys() == {"kind", "apiVersion", "metadata"}


async def test_pretty(api: RunningApiServer) -> None:
    await api.request("POST", CONFIG_MAPS, config_map())
    assert b'\n  "kind": "ConfigMap"' in (await api.request("GET", f"{CONFIG_MAPS}/a?pretty=true")).body


async def test_objects_at_the_limits_round_trip(api: RunningApiServer) -> None:
    name = ".".join(["a" * 62] * 4)
    assert len(name) == 251
    data = {"k": "x" * 900_000, "ключ".encode().hex(): "ζωή 🚣 \u2028 \x7f"}
    made = await api.request("POST", CONFIG_MAPS, config_map(name, **data))
    assert made.status == 201
    assert (await api.request("GET", f"{CONFIG_MAPS}/{name}")).json["data"] == data


async def test_long_yaml_is_read_beside_other_requests(api: RunningApiServer) -> None:
    data = "".join(f"  k{i}: v\n" for i in range(20_000))
    text = f"metadata:\n  name: long\ndata:\n{data}".encode()
    long = asyncio.ensure_future(api.request("POST", CONFIG_MAPS, text, content_type="application/yaml"))
    answered = 0
    while not long.done():
        assert (await api.request("GET", "/api/v1/namespaces/default")).status == 200
        answered += 1
    assert len((await long).json["data"]) == 20_000
    assert answered > 1
    deep = await api.request("POST", CONFIG_MAPS, b"[" * 1_000_000, content_type="application/yaml")
    assert deep.status == 400
    assert "too deeply nested" in deep.json["message"]
