"""Two API servers, each a process of its own, on one etcd: whatever they do at once stays one cluster."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dromon.base.http.client import HttpClient
from dromon.testing.cluster import DROMON
from dromon.testing.etcd import Etcd, free_ports, program

TOKEN = "of-this-test"
SERVICES = 500


@dataclass
class Server:
    """An API server's process, and a client of it."""

    process: subprocess.Popen[bytes]
    http: HttpClient

    async def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        data = b"" if body is None else json.dumps(body).encode()
        answer = await self.http.request(method, path, headers, data)
        return answer.status, json.loads(answer.body)

    async def ready(self) -> None:
        async with asyncio.timeout(60):
            while True:
                assert self.process.poll() is None, "the API server ended"
                try:
                    if (await self.http.request("GET", "/readyz")).status == 200:
                        return
                except OSError:
                    pass
                await asyncio.sleep(0.05)


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    if program() is None:
        pytest.skip("etcd is not installed (Debian: etcd-server)")
    with Etcd(tmp_path / "etcd", durable=False) as server:
        yield server


def start(directory: Path, url: str, number: int, port: int) -> subprocess.Popen[bytes]:
    tokens = directory / "tokens.csv"
    tokens.touch(mode=0o600)
    tokens.write_text(f'{TOKEN},admin,1,"system:masters"\n')
    command = [str(DROMON), "apiserver", "--store", url, "--port", str(port)]
    command += ["--token-file", str(tokens), "--advertise-address", f"192.0.2.{number}"]
    with (directory / f"apiserver-{number}.log").open("wb") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


@pytest.fixture
async def servers(etcd: Etcd, tmp_path: Path) -> AsyncIterator[list[Server]]:
    """Both start at the same moment, on an empty store."""
    found = []
    for number, port in enumerate(free_ports(2), 1):
        process = start(tmp_path, etcd.url(), number, port)
        found.append(Server(process, HttpClient("127.0.0.1", port)))
    try:
        await asyncio.gather(*(server.ready() for server in found))
        yield found
    finally:
        for server in found:
            await server.http.close()
            server.process.terminate()
        for server in found:
            server.process.wait(timeout=30)


def service(name: str, **spec: Any) -> dict[str, Any]:
    ports = [{"port": 80, "protocol": "TCP"}]
    return {"metadata": {"name": name}, "spec": {"type": "NodePort", "ports": ports, **spec}}


async def seen(server: Server, path: str, wanted: Any, field: Any) -> None:
    """Wait until what `field` finds in the object at `path` is `wanted`."""
    deadline = time.monotonic() + 30
    while True:
        _, value = await server.request("GET", path)
        if field(value) == wanted:
            return
        assert time.monotonic() < deadline, value
        await asyncio.sleep(0.05)


def addresses(endpoints: dict[str, Any]) -> list[str]:
    return [a["ip"] for s in endpoints.get("subsets") or [] for a in s["addresses"]]


async def test_no_address_is_given_out_twice(servers: list[Server]) -> None:
    path = "/api/v1/namespaces/default/services"
    made = await asyncio.gather(
        *(servers[i % 2].request("POST", path, service(f"s-{i}")) for i in range(SERVICES))
    )
    assert {status for status, _ in made} == {201}
    specs = [body["spec"] for _, body in made]
    assert len({s["clusterIP"] for s in specs}) == SERVICES
    assert len({s["ports"][0]["nodePort"] for s in specs}) == SERVICES
    # What somebody else has is refused by both; what was let go of is had by both.
    asked = service("asked", clusterIP=specs[0]["clusterIP"])
    for server in servers:
        status, refusal = await server.request("POST", path, asked)
        assert status == 422
        assert "already allocated" in refusal["message"]
    assert (await servers[0].request("DELETE", f"{path}/s-0"))[0] == 200
    assert (await servers[1].request("POST", path, asked))[0] == 201


async def test_both_start_one_cluster_and_it_knows_who_lives(servers: list[Server]) -> None:
    one, other = servers
    for server in servers:
        _, namespaces = await server.request("GET", "/api/v1/namespaces")
        assert len(namespaces["items"]) == 4
        _, services = await server.request("GET", "/api/v1/services")
        assert [s["spec"]["clusterIP"] for s in services["items"]] == ["10.0.0.1"]
    path = "/api/v1/namespaces/default/endpoints/kubernetes"
    await seen(other, path, ["192.0.2.1", "192.0.2.2"], lambda e: sorted(addresses(e)))
    one.process.send_signal(signal.SIGTERM)
    one.process.wait(timeout=30)
    await seen(other, path, ["192.0.2.2"], addresses)


async def test_what_one_was_told_the_other_knows(servers: list[Server]) -> None:
    for i in range(30):
        first, second = servers[i % 2], servers[1 - i % 2]
        status, _ = await first.request("POST", "/api/v1/namespaces", {"metadata": {"name": f"n-{i}"}})
        assert status == 201
        path = f"/api/v1/namespaces/n-{i}/configmaps"
        status, body = await second.request("POST", path, {"metadata": {"name": "c"}})
        assert status == 201, body
