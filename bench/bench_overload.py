#!/usr/bin/env python3
"""Overload: what kubectl and heartbeats notice of a client that misbehaves, and the server's memory.

    bench/bench_overload.py                                  # the whole: 10,000 LISTs, 2,000 watches
    bench/bench_overload.py --lists 500 --watches 100 --seconds 20
    bench/bench_overload.py --as-admin                       # the client is kubectl's user

Prints one line of JSON: latencies (milliseconds) before and during, the server's resident memory (MB), what
the client was answered. As a test it runs once, small.

Neighbours: misbehave.py is the client; dromon.apiserver.flowcontrol is what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import ssl
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dromon.base.http.client import HttpClient
from dromon.base.pki import Authority, Pair
from dromon.testing.cluster import Cluster

HERE = Path(__file__).resolve().parent
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
MASTERS = ["system:masters"]
SMALL = ["--lists=60", "--watches=20", "--creators=8", "--stock=300", "--seconds=4"]
STOCK = 5_000
"""Objects that a LIST shows, of 1.3 KB each."""


@dataclass
class Times:
    """Latencies in milliseconds."""

    heartbeat: list[float] = field(default_factory=list)
    kubectl: list[float] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = {"failed": len(self.failed), "failures": self.failed[:3]}
        for name, values in (("heartbeat", self.heartbeat), ("kubectl", self.kubectl)):
            ordered = sorted(values) or [0.0]
            at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
            found[name] = {k: round(ordered[int((len(ordered) - 1) * q)], 1) for k, q in at.items()}
            found[name]["n"] = len(values)
        return found


class Bench:
    """A cluster with something to list, and the clients that measure."""

    def __init__(self, cluster: Cluster, as_admin: bool = False) -> None:
        self.cluster = cluster
        self.pki = Authority.ensure(cluster.directory / "pki", time.time())
        settings = json.loads((cluster.directory / "cluster.json").read_text())
        self.port = int(settings["port"])
        self.node = self.pki.client("probe", user="system:node:probe", groups=MASTERS)
        self.admin = self.pki.client("person", user="kubernetes-admin", groups=MASTERS)
        self.noisy = self.pki.client(
            "noisy", user="kubernetes-admin" if as_admin else "noisy", groups=MASTERS
        )

    def client(self, pair: Pair) -> HttpClient:
        tls = ssl.create_default_context(cafile=str(self.pki.ca_file))
        tls.load_cert_chain(str(pair.certificate), str(pair.key))
        return HttpClient("127.0.0.1", self.port, ssl_context=tls)

    async def stock(self, number: int) -> None:
        """Make what is listed."""
        client = self.client(self.admin)
        for start in range(0, number, 500):
            names = [f"stock-{n}" for n in range(start, min(number, start + 500))]
            kind = {"kind": "ConfigMap", "apiVersion": "v1", "data": {"a": "x" * 1100}}
            items = [{**kind, "metadata": {"name": name}} for name in names]
            body = json.dumps({"kind": "ConfigMapList", "apiVersion": "v1", "items": items}).encode()
            path = "/api/v1/namespaces/default/configmaps?includeObject=None"
            answer = await client.request("POST", path, {"Content-Type": "application/json"}, body)
            assert answer.status == 207, answer.body
        await client.close()

    async def heartbeats(self, times: Times, until: float) -> None:
        """Renew a Lease ten times a second over one connection, as a kubelet does every ten seconds."""
        client = self.client(self.node)
        meta = {"name": "probe", "namespace": "kube-node-lease"}
        lease = {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": meta}
        headers = {"Content-Type": "application/json", "User-Agent": "kubelet"}
        await client.request("POST", LEASES, headers, json.dumps(lease).encode())
        patch = {"Content-Type": "application/merge-patch+json", "User-Agent": "kubelet"}
        number = 0
        while time.monotonic() < until:
            number += 1
            body = json.dumps({"spec": {"leaseTransitions": number}}).encode()
            await _timed(client, "PATCH", f"{LEASES}/probe", patch, body, times.heartbeat, times.failed)
            await asyncio.sleep(0.1)
        await client.close()

    async def kubectl(self, times: Times, until: float) -> None:
        """What `kubectl get` asks, with a connection of its own each time."""
        headers = {"Accept": TABLE, "User-Agent": "kubectl/v1.32.0"}
        path = "/api/v1/namespaces/kube-system/configmaps?limit=500"
        while time.monotonic() < until:
            client = self.client(self.admin)
            await _timed(client, "GET", path, headers, b"", times.kubectl, times.failed)
            await client.close()
            await asyncio.sleep(0.2)

    async def measure(self, seconds: float) -> Times:
        times, until = Times(), time.monotonic() + seconds
        await asyncio.gather(self.heartbeats(times, until), self.kubectl(times, until))
        return times

    async def overload(
        self, lists: int, watches: int, creators: int, seconds: float
    ) -> tuple[Times, Any, int]:
        """Latencies while the client misbehaves, what it was answered, the server's largest memory (MB)."""
        arguments = {
            "url": f"https://127.0.0.1:{self.port}",
            "ca": self.pki.ca_file,
            "cert": self.noisy.certificate,
            "key": self.noisy.key,
            "lists": lists,
            "watches": watches,
            "creators": creators,
            "seconds": seconds,
        }
        command = [a for name, value in arguments.items() for a in (f"--{name}", str(value))]
        client = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "misbehave.py"), *command, stdout=asyncio.subprocess.PIPE
        )
        assert client.stdout is not None
        peak = asyncio.create_task(self._peak())
        try:
            times = await self.measure(seconds)
            said = json.loads(await client.stdout.read() or "{}")
        finally:
            peak.cancel()
            if client.returncode is None:
                client.kill()
            await client.wait()
        return times, said, self.largest

    async def _peak(self) -> None:
        self.largest = 0
        while True:
            self.largest = max(self.largest, self.memory())
            await asyncio.sleep(0.5)

    def memory(self) -> int:
        """The apiserver's resident memory in MB."""
        status = Path(f"/proc/{self.cluster.processes()['apiserver']}/status").read_text()
        return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmRSS"))


async def _timed(
    client: HttpClient, method: str, path: str, headers: dict[str, str], body: bytes, times: list[float],
    failed: list[str],
) -> None:  # fmt: skip
    began = time.monotonic()
    try:
        answer = await client.request(method, path, headers, body, timeout=30)
        if answer.status >= 400:
            failed.append(f"{method} {answer.status} {answer.body[:200].decode(errors='replace')}")
    except OSError as error:
        failed.append(f"{method} {error!r}")
    times.append((time.monotonic() - began) * 1000)


async def run(cluster: Cluster, arguments: argparse.Namespace) -> dict[str, Any]:
    """The figures."""
    bench = Bench(cluster, arguments.as_admin)
    await bench.stock(arguments.stock)
    quiet = await bench.measure(min(5.0, arguments.seconds))
    before = bench.memory()
    numbers = (arguments.lists, arguments.watches, arguments.creators, arguments.seconds)
    times, said, largest = await bench.overload(*numbers)
    await asyncio.sleep(2)
    return {
        "lists": arguments.lists, "watches": arguments.watches, "creators": arguments.creators,
        "seconds": arguments.seconds, "as_admin": arguments.as_admin,
        "quiet": quiet.summary(), "overloaded": times.summary(),
        "memory_mb": {"before": before, "largest": largest, "after": bench.memory()}, "client": said,
    }  # fmt: skip


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lists", type=int, default=10_000)
    parser.add_argument("--watches", type=int, default=2_000)
    parser.add_argument("--creators", type=int, default=200)
    parser.add_argument("--stock", type=int, default=STOCK)
    parser.add_argument("--seconds", type=float, default=90.0)
    parser.add_argument("--as-admin", action="store_true")
    return parser.parse_args(arguments)


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Bring a cluster up, run, and take it down."""
    with tempfile.TemporaryDirectory(prefix="dromon-overload-") as directory:
        cluster = Cluster(Path(directory))
        cluster.up("--runtime", "hollow", "--nodes", "10")
        try:
            return asyncio.run(run(cluster, arguments))
        finally:
            cluster.down()


def test_overload() -> None:
    """Small: everybody but the misbehaving client is served."""
    found = measure(options(SMALL))
    for when in ("quiet", "overloaded"):
        assert found[when]["failed"] == 0, found
        assert found[when]["heartbeat"]["n"] > 0
    assert found["client"]["create"].get("201", 0) > 0, found


if __name__ == "__main__":
    print(json.dumps(measure(options())))
