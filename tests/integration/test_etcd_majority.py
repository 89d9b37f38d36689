"""The API over three etcd members: without a majority requests are refused in time, with one all goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dromon.store.etcd.store import EtcdStore
from dromon.testing.apiserver import Answer, RunningApiServer, running_apiserver
from dromon.testing.etcd import Etcd, EtcdMember, program

pytestmark = pytest.mark.skipif(program() is None, reason="etcd is not installed (Debian: etcd-server)")

MAPS = "/api/v1/namespaces/default/configmaps"
SERVICES = "/api/v1/namespaces/default/services"
REFUSED = 10.0
"""Seconds within which a request must be refused: what users are promised."""


def named(name: str, kind: str = "ConfigMap", **rest: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **rest}


@asynccontextmanager
async def served(directory: Path) -> AsyncIterator[tuple[Etcd, RunningApiServer]]:
    with Etcd(directory, 3, durable=False) as etcd:
        async with running_apiserver(store_url=etcd.url()) as api:
            yield etcd, api


def asked(etcd: Etcd, api: RunningApiServer) -> EtcdMember:
    """The member that the API server talks to."""
    store = api.server.store.backend
    assert isinstance(store, EtcdStore)
    endpoint = store._cluster.members[store._cluster._current].endpoint
    return next(m for m in etcd.members if m.endpoint == endpoint)


def requests(turn: str) -> list[tuple[str, str, Any]]:
    """One of every kind, and some that need what others are busy with."""
    service = named(f"s-{turn}", "Service", spec={"ports": [{"port": 80}]})
    return [
        ("GET", f"{MAPS}/a", None),
        ("GET", MAPS, None),
        ("GET", f"{MAPS}?limit=1", None),
        ("GET", f"{MAPS}?watch=1", None),
        ("POST", MAPS, named(f"new-{turn}")),
        ("PUT", f"{MAPS}/a", named("a", data={"turn": turn})),
        ("PUT", f"{MAPS}/a", named("a", data={"turn": turn, "after": "another"})),
        ("PATCH", f"{MAPS}/b", {"data": {"turn": turn}}),
        ("DELETE", f"{MAPS}/c", None),
        ("DELETE", f"{MAPS}?labelSelector=none", None),
        ("POST", SERVICES, service),
    ]


async def send(api: RunningApiServer, method: str, path: str, body: Any = None) -> Answer:
    """A request that is answered within the bound, whatever becomes of the store."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    return await asyncio.wait_for(api.request(method, path, body, content_type=kind), REFUSED)


async def create(api: RunningApiServer, name: str) -> None:
    """Write something, with one retry; the first refusal says truly whether anything was done."""
    first = await send(api, "POST", MAPS, named(name))
    if first.status == 201:
        return
    assert first.status in (503, 504)
    again = await send(api, "POST", MAPS, named(name))
    # 503: it was never sent. 504: it was, so only a reader can tell.
    assert again.status in ((201,) if first.status == 503 else (201, 409)), f"{first.body!r}, {again.body!r}"


async def refusals(api: RunningApiServer, turn: str) -> None:
    """All kinds of requests, half of them when the others already wait, are told when to retry."""

    async def later(method: str, path: str, body: Any) -> Answer:
        await asyncio.sleep(0.5)  # a question that these may not share is under way
        return await send(api, method, path, body)

    kinds = requests(turn)
    answers = await asyncio.gather(*(send(api, *k) for k in kinds), *(later(*k) for k in kinds))
    for (method, path, _), answer in zip(kinds * 2, answers, strict=True):
        seen = f"{method} {path}: {answer.status} {answer.body[:300]!r}"
        assert answer.status in (503, 504), seen
        assert answer.headers.get("Retry-After") == "1", seen
    for path in (f"{MAPS}/a?resourceVersion=0", f"{MAPS}?resourceVersion=0"):
        assert (await send(api, "GET", path)).status == 200
    assert (await send(api, "GET", "/readyz")).status == 500


async def recovered(api: RunningApiServer) -> None:
    """The API server is ready by itself, and then does what it is asked for."""
    async with asyncio.timeout(60):
        while (await api.request("GET", "/readyz")).status != 200:
            await asyncio.sleep(0.1)
    for method, path, body in (
        ("GET", f"{MAPS}/a", None),
        ("GET", MAPS, None),
        ("PUT", f"{MAPS}/a", named("a", data={"turn": "last"})),
    ):
        assert (await send(api, method, path, body)).status == 200


@pytest.mark.parametrize("how", ["paused", "killed"])
async def test_without_a_majority_every_request_is_refused_in_time(tmp_path: Path, how: str) -> None:
    async with served(tmp_path) as (etcd, api):
        for name in "abc":
            assert (await send(api, "POST", MAPS, named(name))).status == 201
        gone = [*[m for m in etcd.members if m is not asked(etcd, api)][:1], asked(etcd, api)]
        for member in gone:
            member.pause() if how == "paused" else member.kill()
        await refusals(api, "first")
        await refusals(api, "second")  # now the members that are gone are known
        for member in gone:
            member.resume() if how == "paused" else member.start()
        await recovered(api)


async def test_one_member_s_death_costs_a_retry_at_most(tmp_path: Path) -> None:
    async with served(tmp_path) as (etcd, api):
        assert (await send(api, "POST", MAPS, named("a"))).status == 201
        for turn in range(3):  # whoever is asked, so one of them surely leads
            victim = asked(etcd, api)
            reading = [asyncio.create_task(send(api, "GET", f"{MAPS}/a")) for _ in range(8)]
            writing = [asyncio.create_task(create(api, f"{turn}-{n}")) for n in range(8)]
            await asyncio.sleep(0)
            victim.kill()
            reads = await asyncio.gather(*reading)
            reads += await asyncio.gather(*(send(api, "GET", f"{MAPS}/a") for _ in range(8)))
            assert [r.status for r in reads] == [200] * 16
            await asyncio.gather(*writing)
            await create(api, f"{turn}-after")
            victim.start()
            await asyncio.to_thread(etcd.wait)
