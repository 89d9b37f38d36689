"""/metrics, health and the audit log of a real apiserver over TLS."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path

from dromon.api.kinds import CONFIG_MAPS
from dromon.client.rest import Client
from dromon.testing.apiserver import RunningApiServer, running_apiserver

CONFIG = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"k": "v"}}
PATH = "/api/v1/namespaces/default/configmaps"


async def scrape(api: RunningApiServer, accept: str = "") -> dict[str, float]:
    """Samples by name and labels as they are written."""
    answer = await api.request("GET", "/metrics", accept=accept)
    assert answer.status == 200, answer.body
    found = {}
    for line in answer.body.decode().splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            found[name] = float(value)
    return found


def total(samples: dict[str, float], name: str, **labels: str) -> float:
    """The sum of the samples of that name that have these labels."""
    parts = [f'{k}="{v}"' for k, v in labels.items()]
    return sum(v for k, v in samples.items() if k.startswith(name + "{") and all(p in k for p in parts))


async def test_requests_are_counted_by_what_they_were(tmp_path: Path) -> None:
    async with running_apiserver(store_url=f"sqlite://{tmp_path}/db.sqlite") as api:
        await api.request("POST", PATH, CONFIG)
        await api.request("POST", PATH, CONFIG)
        for _ in range(3):
            await api.request("GET", f"{PATH}/a")
        await api.request("GET", "/readyz")
        await api.request("GET", "/api/v1/no/such/thing/anywhere")
        found = await scrape(api)
        name = "apiserver_request_total"
        assert total(found, name, verb="POST", resource="configmaps", scope="namespace", code="201") == 1
        assert total(found, name, verb="POST", resource="configmaps", code="409") == 1
        assert total(found, name, verb="GET", resource="configmaps", scope="resource", code="200") == 3
        assert total(found, name, verb="GET", subresource="/readyz", code="200") >= 1
        assert total(found, name, code="404") == 1
        seconds = "apiserver_request_duration_seconds"
        assert total(found, seconds + "_count", verb="GET", resource="configmaps") == 3
        assert total(found, seconds + "_bucket", verb="GET", resource="configmaps", le="+Inf") == 3
        assert found['apiserver_storage_objects{resource="configmaps"}'] >= 1
        assert total(found, "dromon_cache_bytes", resource="configmaps") > 100
        assert found["dromon_store_commit_duration_seconds_count"] >= 1
        assert found["dromon_store_commit_batch_size_sum"] >= 1
        assert found["dromon_cache_revision_lag"] == 0
        assert total(found, "apiserver_flowcontrol_dispatched_requests_total", priority_level="masters") >= 5
        for process in ("process_resident_memory_bytes", "process_open_fds", "dromon_http_connections"):
            assert found[process] > 0
        assert total(found, "python_gc_collections_total") >= 0
        assert any(k.startswith("dromon_build_info{version=") for k in found)


async def test_watches_are_counted_while_they_last() -> None:
    async with running_apiserver() as api:
        client = Client.from_kubeconfig(str(api.kubeconfig))
        async with await client.watch(CONFIG_MAPS, "default", resource_version="1") as events:
            await api.request("POST", PATH, CONFIG)
            async for _ in events:
                break
            found = await scrape(api)
            assert found["apiserver_longrunning_requests"] == 1
            assert found['dromon_watchers{resource="configmaps"}'] == 1
            assert total(found, "apiserver_watch_events_total", resource="configmaps") >= 1
            assert total(found, "apiserver_request_total", verb="WATCH", code="200") == 1
        await client.close()
        async with asyncio.timeout(20):
            while (await scrape(api))["apiserver_longrunning_requests"]:
                await asyncio.sleep(0.02)


async def test_formats_and_who_may_see_it() -> None:
    async with running_apiserver() as api:
        assert (await api.request("GET", "/metrics", authorization="")).status == 401
        plain = await api.request("GET", "/metrics")
        assert plain.headers.get("content-type").startswith("text/plain; version=")
        opened = await api.request("GET", "/metrics", accept="application/openmetrics-text; version=1.0.0")
        assert opened.headers.get("content-type").startswith("application/openmetrics-text")
        assert opened.body.endswith(b"# EOF\n")
        names = re.findall(r"^# TYPE (\S+)", plain.body.decode(), re.MULTILINE)
        assert len(names) == len(set(names))


async def test_checks_by_name() -> None:
    async with running_apiserver() as api:
        answer = await api.request("GET", "/readyz?verbose", authorization="")
        assert answer.status == 200
        lines = answer.body.decode().splitlines()
        names = ("ping", "etcd", "etcd-readiness", "informer-sync", "poststarthook/bootstrap", "shutdown")
        assert lines == [*(f"[+]{name} ok" for name in names), "readyz check passed"]
        for name in names:
            assert (await api.request("GET", f"/readyz/{name}")).body == b"ok"
        assert (await api.request("GET", "/livez/shutdown")).status == 404
        excluded = await api.request("GET", "/readyz?verbose&exclude=etcd&exclude=ping")
        assert b"[+]etcd excluded: ok" in excluded.body


async def test_readyz_fails_first_and_requests_go_on() -> None:
    async with running_apiserver(shutdown_delay_duration=60.0) as api:
        closing = asyncio.create_task(api.server.close())
        try:
            async with asyncio.timeout(20):
                while (await api.request("GET", "/readyz")).status == 200:
                    await asyncio.sleep(0.01)
            assert (await api.request("GET", "/readyz/shutdown")).status == 500
            assert (await api.request("GET", "/livez")).status == 200
            assert (await api.request("POST", PATH, CONFIG)).status == 201
        finally:
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
            object.__setattr__(api.server.config, "shutdown_delay_duration", 0.0)


async def test_the_audit_log_says_who_did_what(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    secret = {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "stringData": {"p": "hush"}}
    async with running_apiserver(audit_log=str(path)) as api:
        made = await api.request("POST", "/api/v1/namespaces/default/secrets", secret, user_agent="test/1")
        missing = await api.request("GET", f"{PATH}/none")
        await api.request("GET", PATH, authorization="")
        await api.request("GET", "/readyz", authorization="")
        client = Client.from_kubeconfig(str(api.kubeconfig))
        async with await client.watch(CONFIG_MAPS, "default", resource_version="1"):
            pass
        await client.close()
    text = path.read_text()
    assert "hush" not in text
    assert "aHVzaA" not in text
    events = {}
    for line in text.splitlines():
        event = json.loads(line)
        events.setdefault((event["verb"], event["responseStatus"]["code"], event["stage"]), []).append(event)
    (create,) = events["create", 201, "ResponseComplete"]
    assert create["auditID"] == made.headers.get("audit-id")
    assert create["user"]["username"] == "admin"
    assert create["userAgent"] == "test/1"
    assert create["objectRef"]["name"] == "s"
    assert create["sourceIPs"] == ["127.0.0.1"]
    (get,) = events["get", 404, "ResponseComplete"]
    assert get["auditID"] == missing.headers.get("audit-id")
    assert get["responseStatus"]["reason"] == "NotFound"
    (stranger,) = events["get", 401, "ResponseComplete"]
    assert stranger["user"]["username"] == "system:anonymous"
    begun, ended = events["watch", 200, "ResponseStarted"], events["watch", 200, "ResponseComplete"]
    assert [e["auditID"] for e in begun] == [e["auditID"] for e in ended]
    assert "readyz" not in text
