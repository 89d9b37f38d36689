#!/usr/bin/env python3
"""The storm: ReplicationControllers of many pods over many nodes, from the POST until every pod runs.

Measures from outside, as any client would: a plain-JSON watch over TLS, none of dromon's own client. Prints
one line of JSON: the rate at which pods were created, bound and running, the latency of a pod's start, and
what each process of the cluster used.

    bench/storm.py --nodes 1000 --pods 20000
    bench/storm.py --nodes 1000 --pods 20000 --no-bulk       # only what upstream's API has
    bench/storm.py --store etcd                              # starts an etcd of its own, one member
    bench/storm.py --churn 100                               # then 100 pods a second come and go
    bench/storm.py --kubeconfig FILE --pods 500              # any other API server that has nodes

Neighbours: observer.py watches, churn.py is the steady load, processes.py reads /proc; run.py runs this last.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

VENV = Path(__file__).resolve().parents[1] / ".venv" / "bin"
if __name__ == "__main__" and Path(sys.prefix) != VENV.parent and (VENV / "python").exists():
    os.execv(VENV / "python", [str(VENV / "python"), *sys.argv])  # any Python may start this file

from churn import churn  # noqa: E402 (after the right Python was chosen)
from observer import STAGES, Api, Observer  # noqa: E402
from processes import Processes  # noqa: E402

DURABILITY = {
    "memory": "none (memory)",
    "sqlite": "SQLite, WAL, synchronous=FULL",
    "etcd": "etcd, one member, fsync on every commit",
}


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


def storm(api: Api, pods: int, controllers: int, timeout: float) -> dict[str, Any]:
    """Run the storm in a namespace of its own; returns the figures.

    Raises:
        RuntimeError: not every pod ran within `timeout` seconds.
    """
    path = _namespace(api, "storm")
    namespace = path.rpartition("/")[2]
    observer = Observer(pods)
    observer.begin(api, path, timeout)
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
    figures |= observer.latencies()
    figures["events"] = _count(api, f"{path}/events")
    listed = _count(api, f"{path}/pods")
    if listed != pods:
        raise RuntimeError(f"{listed} pods are there, not {pods}")
    return figures


def _namespace(api: Api, purpose: str) -> str:
    """Make a namespace; the path of what is in it."""
    name = f"{purpose}-{os.getpid()}"
    api.call("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    return f"/api/v1/namespaces/{name}"


def _count(api: Api, path: str) -> int:
    page = api.call("GET", f"{path}?limit=1")
    return len(page["items"]) + int(page["metadata"].get("remainingItemCount", 0))


def versions(api: Api) -> dict[str, str]:
    """What was measured, and with what."""
    return {"server": api.call("GET", "/version")["gitVersion"], "python": sys.version.split()[0]}


@contextlib.contextmanager
def cluster(arguments: argparse.Namespace, store: str) -> Any:
    """A hollow cluster of our own, in a directory that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="storm-") as name:
        directory = Path(name) / "cluster"
        where = ["--data-dir", str(directory)]
        flags = ["--detach", "--runtime", "hollow", "--nodes", str(arguments.nodes), "--port", "0"]
        if store:
            flags += ["--store", store]
        if arguments.no_bulk:
            flags += ["--no-bulk"]
        if arguments.hollow:
            flags += ["--hollow", arguments.hollow]
        try:
            command = [str(VENV / "dromon"), "up", *flags, *where]
            subprocess.run(command, check=True, stdout=sys.stderr, timeout=300)
            yield directory
        finally:
            command = [str(VENV / "dromon"), "down", "--purge", *where]
            subprocess.run(command, check=False, stdout=sys.stderr, timeout=120)


def own_cluster(arguments: argparse.Namespace) -> dict[str, Any]:
    """Start a cluster, and etcd where it was asked for; run the storm and the churn in it."""
    with contextlib.ExitStack() as stack:
        store, kind = arguments.store, arguments.store.partition(":")[0] or "sqlite"
        if store == "etcd":
            from dromon.testing.etcd import Etcd

            data = stack.enter_context(tempfile.TemporaryDirectory(prefix="storm-etcd-"))
            store = stack.enter_context(Etcd(Path(data))).url()
        directory = stack.enter_context(cluster(arguments, store))
        api = Api(directory / "kubeconfig")
        time.sleep(arguments.settle)
        with Processes(directory) as processes:
            result = measure(api, arguments)
            result["processes"] = processes.figures(arguments.pods)
        own = [p for name, p in result["processes"].items() if name not in ("hollow", "observer")]
        result["control_plane_peak_pss_mb"] = round(sum(p["peak_pss_mb"] for p in own), 1)
        result["durability"] = DURABILITY.get(kind, kind)
        return result | {"bulk": not arguments.no_bulk, "versions": versions(api)}


def measure(api: Api, arguments: argparse.Namespace) -> dict[str, Any]:
    """The storm, then the churn."""
    result = storm(api, arguments.pods, arguments.controllers, arguments.timeout)
    if arguments.churn:
        result |= churn(api, _namespace(api, "churn"), arguments.churn, arguments.seconds)
    return result


def main() -> int:
    """Parse arguments, bring a hollow cluster up unless one is given, run, print one line of JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--nodes", type=int, default=100, help="hollow nodes (default 100)")
    add("--pods", type=int, default=2000, help="pods in all (default 2000)")
    add("--controllers", type=int, default=1, help="ReplicationControllers that share the pods")
    add("--store", default="", help="store URL, or etcd for a member of our own (default: SQLite)")
    add("--no-bulk", action="store_true", help="serve single verbs only, as upstream does")
    add("--hollow", default="", help="settings of the simulated nodes, as dromon up takes them: events=no")
    add("--churn", type=float, default=0, metavar="R", help="then create and delete R pods a second")
    add("--seconds", type=float, default=30, help="how long the churn goes on")
    add("--settle", type=float, default=2, help="seconds between the nodes' start and the storm")
    add("--kubeconfig", type=Path, help="use this API server; no cluster is started")
    add("--timeout", type=float, default=300, help="seconds until the storm has failed")
    arguments = parser.parse_args()
    if arguments.kubeconfig:
        api = Api(arguments.kubeconfig)
        arguments.nodes = len(api.call("GET", "/api/v1/nodes")["items"])
        result = measure(api, arguments) | {"versions": versions(api)}
    else:
        result = own_cluster(arguments)
    print(json.dumps({"nodes": arguments.nodes, "pods": arguments.pods} | result))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"storm: {error}", file=sys.stderr)
        sys.exit(1)
