"""The API over an etcd that stops answering: 503 or 504 in bounded time with Retry-After, and recovery."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dromon.testing.apiserver import Answer, RunningApiServer, running_apiserver
from dromon.testing.etcd import Etcd, program

pytestmark = pytest.mark.skipif(program() is None, reason="etcd is not installed (Debian: etcd-server)")

MAPS = "/api/v1/namespaces/default/configmaps"


async def send(api: RunningApiServer, method: str, path: str, body: Any = None) -> Answer:
    """A request that is answered within 10 s, whatever becomes of the store."""
    return await asyncio.wait_for(api.request(method, path, body), 10)


def named(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def told_when_to_retry(answer: Answer) -> bool:
    return answer.headers.get("Retry-After") == "1" and answer.json["details"]["retryAfterSeconds"] == 1


async def until_ready(api: RunningApiServer) -> None:
    async with asyncio.timeout(30):
        while (await api.request("GET", "/readyz")).status != 200:
            await asyncio.sleep(0.1)


async def test_an_etcd_that_hangs_and_one_that_is_gone(tmp_path: Path) -> None:
    with Etcd(tmp_path, durable=False) as etcd:
        async with running_apiserver(store_url=etcd.url()) as api:
            assert (await send(api, "POST", MAPS, named("a"))).status == 201
            member = etcd.members[0]

            member.pause()
            unclear = await send(api, "POST", MAPS, named("b"))
            assert (unclear.status, unclear.json["reason"]) == (504, "Timeout")
            assert told_when_to_retry(unclear)
            read = await send(api, "GET", f"{MAPS}/a")
            assert read.status == 503
            assert told_when_to_retry(read)
            assert (await send(api, "GET", f"{MAPS}/a?resourceVersion=0")).status == 200
            assert (await send(api, "GET", "/readyz")).status == 500
            member.resume()
            await until_ready(api)
            assert (await send(api, "POST", MAPS, named("c"))).status == 201

            member.kill()
            refused = await send(api, "POST", MAPS, named("d"))
            if refused.status == 504:  # sent before the connection was known to be gone
                refused = await send(api, "POST", MAPS, named("d"))
            assert (refused.status, refused.json["reason"]) == (503, "ServiceUnavailable")
            assert told_when_to_retry(refused)
            member.start()
            await until_ready(api)
            assert (await send(api, "POST", MAPS, named("d"))).status == 201
            names = [i["metadata"]["name"] for i in (await send(api, "GET", MAPS)).json["items"]]
            assert {"a", "c", "d"} <= set(names) <= {"a", "b", "c", "d", "kube-root-ca.crt"}


async def test_two_servers_on_one_etcd_read_what_the_other_wrote(tmp_path: Path) -> None:
    with Etcd(tmp_path, durable=False) as etcd:
        async with (
            running_apiserver(store_url=etcd.url()) as one,
            running_apiserver(store_url=etcd.url(), seed=1) as other,
        ):
            for number in range(30):
                writer, reader = (one, other) if number % 2 else (other, one)
                made = await send(writer, "POST", MAPS, named(f"m{number}"))
                assert made.status == 201
                read = await send(reader, "GET", f"{MAPS}/m{number}")
                assert read.json["metadata"] == made.json["metadata"]
                items = (await send(reader, "GET", MAPS)).json["items"]
                assert f"m{number}" in [i["metadata"]["name"] for i in items]
                gone = await send(reader, "DELETE", f"{MAPS}/m{number}")
                assert gone.status == 200
                assert (await send(writer, "GET", f"{MAPS}/m{number}")).status == 404
