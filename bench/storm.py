#!/usr/bin/env python3
"""The storm: ReplicationControllers of many pods over many nodes, from the POST until every pod runs.

Measures from outside, as any client would: a plain-JSON watch over TLS by the standard library, none of
dromon's own client. Prints one line of JSON with the rate at which pods were created, bound and running, the
latency of a pod's start, and what each process of the cluster used.

    bench/storm.py --nodes 100 --pods 2000
    bench/storm.py --kubeconfig FILE --pods 500        # any other API server that has nodes

Neighbours: run.py runs it after the benchmarks of the single paths.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

VENV = Path(__file__).resolve().parents[1] / ".venv" / "bin"
STAGES = ("created", "bound", "running")


class Api:
    """The API server that a kubeconfig names, by the standard library's HTTP client."""

    def __init__(self, kubeconfig: Path) -> None:
        import yaml  # here, so that the system's Python can start this file and hand over to .venv

        config = yaml.safe_load(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._url = urlsplit(cluster["server"])
        ca = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._tls = ssl.create_default_context(cadata=ca)
        with tempfile.TemporaryDirectory() as directory:
            paths = []
            for name in ("client-certificate-data", "client-key-data"):
                paths.append(Path(directory) / name)
                paths[-1].touch(mode=0o600)
                paths[-1].write_bytes(base64.b64decode(user[name]))
            self._tls.load_cert_chain(str(paths[0]), str(paths[1]))

    def open(self, method: str, path: str, body: Any = None, timeout: float = 60) -> HTTPResponse:
        """Send a request; the answer's body is still to be read."""
        assert self._url.hostname is not None
        connection = HTTPSConnection(self._url.hostname, self._url.port, context=self._tls, timeout=timeout)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        return connection.getresponse()

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request and decode the answer.

        Raises:
            RuntimeError: the status is an error.
        """
        response = self.open(method, path, body)
        data = json.loads(response.read())
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {data.get('message')}")
        return data


@dataclass
class Observer:
    """What a watch of the storm's pods has seen: pod -> the moment of each stage (seconds, monotonic)."""

    pods: int
    seen: dict[str, dict[str, float]] = field(default_factory=lambda: {stage: {} for stage in STAGES})
    done: threading.Event = field(default_factory=threading.Event)
    error: str = ""

    def watch(self, response: HTTPResponse) -> None:
        """Read events until every pod has run (the watch's thread)."""
        try:
            for line in response:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise RuntimeError(event["object"].get("message", "the watch was ended"))
                if event["type"] in ("ADDED", "MODIFIED"):
                    self._note(event["object"])
                if len(self.seen["running"]) >= self.pods:
                    return
            raise RuntimeError("the watch ended early")
        except (OSError, RuntimeError, ValueError) as error:
            self.error = str(error)
        finally:
            self.done.set()

    def _note(self, pod: dict[str, Any]) -> None:
        now, name = time.monotonic(), pod["metadata"]["name"]
        self.seen["created"].setdefault(name, now)
        if pod["spec"].get("nodeName"):
            self.seen["bound"].setdefault(name, now)
        if pod.get("status", {}).get("phase") == "Running":
            self.seen["running"].setdefault(name, now)


def controller(name: str, namespace: str, replicas: int) -> dict[str, Any]:
    """A ReplicationController whose pods ask for next to nothing."""
    labels = {"storm": name}
    container = {
        "name": "c",
        "image": "example/storm:1",
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}},
    }
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": labels,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def usage(directory: Path) -> dict[str, dict[str, float]]:
    """CPU seconds and peak memory (MB) of each process of the cluster in `directory`, by component."""
    found: dict[str, dict[str, float]] = {}
    ticks = os.sysconf("SC_CLK_TCK")
    state = json.loads((directory / "run" / "state.json").read_text())
    for component in [{"name": "supervisor", "pid": state["pid"]}, *state["components"]]:
        pid = component["pid"]
        try:
            stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            continue
        peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        found[component["name"]] = {
            "cpu_s": round((int(stat[11]) + int(stat[12])) / ticks, 2),
            "peak_mb": round(peak / 1024, 1),
        }
    return found


def storm(api: Api, pods: int, controllers: int, timeout: float) -> dict[str, Any]:
    """Run the storm in a namespace of its own; returns the figures.

    Raises:
        RuntimeError: not every pod ran within `timeout` seconds.
    """
    namespace = f"storm-{os.getpid()}"
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    path = f"/api/v1/namespaces/{namespace}"
    revision = api.call("GET", f"{path}/pods")["metadata"]["resourceVersion"]
    observer = Observer(pods)
    stream = api.open("GET", f"{path}/pods?watch=1&resourceVersion={revision}", timeout=timeout)
    threading.Thread(target=observer.watch, args=(stream,), daemon=True).start()
    start = time.monotonic()
    for n in range(controllers):
        share = pods // controllers + (n < pods % controllers)
        api.call("POST", f"{path}/replicationcontrollers", controller(f"storm-{n}", namespace, share))
    finished = observer.done.wait(timeout)
    counts = {stage: len(observer.seen[stage]) for stage in STAGES}
    if not finished or observer.error:
        raise RuntimeError(f"{observer.error or 'timed out'}; seen of {pods} pods: {counts}")
    figures: dict[str, Any] = {}
    for stage in STAGES:
        last = max(observer.seen[stage].values()) - start
        figures[f"{stage}_pods_per_s"] = round(pods / last, 1)
        figures[f"{stage}_s"] = round(last, 3)
    created, running = observer.seen["created"], observer.seen["running"]
    latencies = sorted(running[name] - created[name] for name in running)
    figures["start_latency_p50_s"] = round(statistics.median(latencies), 3)
    figures["start_latency_p99_s"] = round(latencies[int(len(latencies) * 0.99)], 3)
    listed = len(api.call("GET", f"{path}/pods")["items"])
    if listed != pods:
        raise RuntimeError(f"{listed} pods are there, not {pods}")
    return figures


def versions(api: Api) -> dict[str, str]:
    """What was measured, and with what."""
    return {"server": api.call("GET", "/version")["gitVersion"], "python": sys.version.split()[0]}


def main() -> int:
    """Parse arguments, bring a hollow cluster up unless one is given, run, print one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--nodes", type=int, default=100, help="hollow nodes (default 100)")
    parser.add_argument("--pods", type=int, default=2000, help="pods in all (default 2000)")
    parser.add_argument(
        "--controllers", type=int, default=1, help="ReplicationControllers that share the pods"
    )
    parser.add_argument("--store", default="", help="store URL (default: SQLite in the data directory)")
    parser.add_argument("--kubeconfig", type=Path, help="use this API server; no cluster is started")
    parser.add_argument("--timeout", type=float, default=300, help="seconds until the storm has failed")
    arguments = parser.parse_args()
    result: dict[str, Any] = {"nodes": arguments.nodes, "pods": arguments.pods}
    if arguments.kubeconfig:
        api = Api(arguments.kubeconfig)
        result["nodes"] = len(api.call("GET", "/api/v1/nodes")["items"])
        result |= storm(api, arguments.pods, arguments.controllers, arguments.timeout)
        print(json.dumps(result | {"versions": versions(api)}))
        return 0
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        directory = Path(name) / "cluster"
        up = ["up", "--detach", "--runtime", "hollow", "--nodes", str(arguments.nodes), "--port", "0"]
        store = ["--store", arguments.store] if arguments.store else []
        where = ["--data-dir", str(directory)]
        try:
            subprocess.run(
                [str(VENV / "dromon"), *up, *store, *where], check=True, stdout=sys.stderr, timeout=120
            )
            api = Api(directory / "kubeconfig")
            result |= storm(api, arguments.pods, arguments.controllers, arguments.timeout)
            memory = arguments.store.startswith("memory")
            result["durability"] = "none (memory)" if memory else "SQLite, WAL, synchronous=FULL"
            result["processes"] = usage(directory)
            print(json.dumps(result | {"versions": versions(api)}))
        finally:
            subprocess.run(
                [str(VENV / "dromon"), "down", "--purge", *where], check=False, stdout=sys.stderr, timeout=120
            )
    return 0


if __name__ == "__main__":
    if Path(sys.prefix) != VENV.parent and (VENV / "python").exists():
        os.execv(VENV / "python", [str(VENV / "python"), *sys.argv])
    try:
        sys.exit(main())
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"storm: {error}", file=sys.stderr)
        sys.exit(1)
