"""dromon snapshot with real processes: a running cluster moves from store to store; faults are refused."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dromon.store.interface import KeyValue
from dromon.store.snapshot import Encoder, Header
from dromon.testing.cluster import DROMON, Cluster, CommandFailed
from dromon.testing.etcd import Etcd, program

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def etcd(tmp_path: Path) -> Iterator[Etcd]:
    if program() is None:
        pytest.skip("etcd is not installed (Debian: etcd-server)")
    with Etcd(tmp_path / "etcd", durable=False) as server:
        yield server


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "cluster")
    (tmp_path / "cluster").mkdir()
    yield cluster
    cluster.down()


@pytest.fixture
def idle(tmp_path: Path) -> Cluster:
    """A data directory that is still to be made."""
    return Cluster(tmp_path / "idle")


def in_(cluster: Cluster) -> tuple[str, str]:
    return ("--data-dir", str(cluster.directory))


def running(cluster: Cluster, count: int) -> dict[str, Any]:
    """Each pod's identity and what would change if a container were started again; once `count` run."""
    deadline = time.monotonic() + 60
    while True:
        listed = json.loads(cluster.dromon("get", "pods", "-o", "json"))["items"]
        ready = [p for p in listed if p["status"].get("phase") == "Running"]
        if len(ready) == len(listed) == count:
            break
        assert time.monotonic() < deadline, [p["status"] for p in listed]
        time.sleep(0.1)
    found = {}
    for pod in listed:
        [container] = pod["status"]["containerStatuses"]
        state = (container["containerID"], container["restartCount"], container["state"])
        found[pod["metadata"]["name"]] = (pod["metadata"]["uid"], pod["status"]["podIP"], state)
    return found


def uids(cluster: Cluster) -> dict[str, str]:
    kinds = "pods,services,nodes,namespaces,configmaps,replicationcontrollers,serviceaccounts"
    items = json.loads(cluster.dromon("get", kinds, "-A", "-o", "json"))["items"]
    return {
        f"{i['kind']}/{i['metadata'].get('namespace')}/{i['metadata']['name']}": i["metadata"]["uid"]
        for i in items
    }


def test_a_running_cluster_moves_to_etcd_and_back(cluster: Cluster, etcd: Etcd, tmp_path: Path) -> None:
    cluster.up("--runtime", "hollow", "--nodes", "3")
    cluster.dromon("create", "-f", str(ROOT / "deploy/demo/nifty-rc.yaml"))
    cluster.dromon("create", "-f", str(ROOT / "deploy/demo/nifty-svc.yaml"))
    before, objects = running(cluster, 4), uids(cluster)
    file = str(tmp_path / "one.snapshot")

    cluster.dromon("down", "--keep-pods", *in_(cluster))
    cluster.dromon("snapshot", "save", file, *in_(cluster))
    cluster.dromon("snapshot", "restore", file, "--store", etcd.url())
    cluster.up("--store", etcd.url())
    assert running(cluster, 4) == before
    assert uids(cluster) == objects
    assert json.loads((cluster.directory / "cluster.json").read_text())["store"] == etcd.url()
    cluster.dromon("scale", "rc", "nifty-rc", "--replicas=6")
    grown = running(cluster, 6)
    assert before.items() <= grown.items()

    # Back, by a snapshot of the running cluster; what is written after it is lost, and nothing else.
    file = str(tmp_path / "two.snapshot")
    cluster.dromon("snapshot", "save", file)
    shown = json.loads(cluster.dromon("snapshot", "show", file, "-o", "json"))
    assert shown["backend"] == "etcd"
    keys = json.loads(cluster.dromon("snapshot", "show", file, "--keys", "-o", "json"))["items"]
    assert all(item["key"].startswith("/registry/") for item in keys)
    cluster.dromon("create", "-f", "-", stdin=json.dumps(config_map("late")))
    cluster.dromon("down", "--keep-pods", *in_(cluster))
    url = f"sqlite://{cluster.directory}/db.sqlite"
    with pytest.raises(CommandFailed, match="is not empty"):
        cluster.dromon("snapshot", "restore", file, "--store", url)
    cluster.dromon("snapshot", "restore", file, "--store", url, "--replace")
    assert list(cluster.directory.glob("db.sqlite.*.old"))
    cluster.up("--store", url)
    assert running(cluster, 6) == grown
    assert "late" not in cluster.dromon("get", "configmaps")
    cluster.dromon("create", "-f", "-", stdin=json.dumps(config_map("later")))


def config_map(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def test_a_cluster_that_runs_is_not_restored_to(cluster: Cluster, tmp_path: Path) -> None:
    cluster.up("--runtime", "hollow")
    file = str(tmp_path / "a.snapshot")
    cluster.dromon("snapshot", "save", file)
    for command in ("save", "restore"):
        with pytest.raises(CommandFailed, match="a cluster runs in"):
            cluster.dromon("snapshot", command, file, *in_(cluster))
        with pytest.raises(CommandFailed, match="is in use by another process"):
            cluster.dromon("snapshot", command, file, "--store", f"sqlite://{cluster.directory}/db.sqlite")
    other = Cluster(tmp_path / "other")
    text = cluster.dromon("snapshot", "restore", file, *in_(other))
    assert "restored" in text
    # A new data directory has certificates of its own.
    other.directory.mkdir(exist_ok=True)
    try:
        other.up("--runtime", "hollow")
        assert uids(other) == uids(cluster)
    finally:
        other.down()


def written(path: Path, keys: int, size: int = 100) -> Path:
    """A snapshot of `keys` keys."""
    encoder = Encoder()
    items = [KeyValue(f"/registry/test/{i:06}", b"x" * size, i + 1, i + 1) for i in range(keys)]
    parts = [
        encoder.header(Header("0.1.0", keys, 1.0, "sqlite")),
        encoder.entries(items, {}),
        encoder.footer(),
    ]
    path.write_bytes(b"".join(parts))
    return path


def test_what_is_damaged_is_refused_before_anything_is_written(idle: Cluster, tmp_path: Path) -> None:
    good = written(tmp_path / "good", 100).read_bytes()
    damaged = {
        "ends too early": good[:-1],
        "checksum does not match": good.replace(b"xx", b"xy", 1),
        "something follows": good + b"!",
        "version 9": good.replace(b"snapshot 1", b"snapshot 9", 1),
        "is not a snapshot": b"SQLite format 3\0",
    }
    for why, data in damaged.items():
        file = tmp_path / "bad"
        file.write_bytes(data)
        for command in (["restore", str(file), *in_(idle)], ["show", str(file)]):
            with pytest.raises(CommandFailed, match=why):
                idle.dromon("snapshot", *command)
    assert not idle.directory.exists()
    with pytest.raises(CommandFailed, match="No such file"):
        idle.dromon("snapshot", "show", str(tmp_path / "none"))


def test_what_has_content_is_not_filled(idle: Cluster, tmp_path: Path) -> None:
    first, second = written(tmp_path / "first", 10), written(tmp_path / "second", 20)
    idle.dromon("snapshot", "restore", str(first), *in_(idle))
    with pytest.raises(CommandFailed, match="is not empty"):
        idle.dromon("snapshot", "restore", str(second), *in_(idle))
    assert count(idle.directory / "db.sqlite") == 10
    idle.dromon("snapshot", "restore", str(second), *in_(idle), "--replace")
    assert count(idle.directory / "db.sqlite") == 20
    [old] = idle.directory.glob("db.sqlite.*.old")
    assert count(old) == 10
    with pytest.raises(CommandFailed, match="lives in its API server"):
        idle.dromon("snapshot", "restore", str(first), "--store", "memory://")


def count(file: Path) -> int:
    db = sqlite3.connect(file)
    try:
        return int(db.execute("SELECT COUNT(*) FROM current").fetchone()[0])
    finally:
        db.close()


@pytest.mark.parametrize("replace", [False, True])
def test_a_restore_that_is_killed_left_all_or_nothing(idle: Cluster, tmp_path: Path, replace: bool) -> None:
    large, few = written(tmp_path / "large", 10_000, 1_000), written(tmp_path / "few", 3)
    before = 3 if replace else 0
    flag = ("--replace",) if replace else ()
    command = [str(DROMON), "snapshot", "restore", str(large), *in_(idle), *flag]

    def begin_anew() -> None:
        for left in idle.directory.glob("db.sqlite*"):
            left.unlink()
        if replace:
            idle.dromon("snapshot", "restore", str(few), *in_(idle))

    begin_anew()
    began = time.monotonic()
    idle.run(*command)
    took = time.monotonic() - began
    for part in (0.3, 0.5, 0.6, 0.7, 0.8, 0.9):
        begin_anew()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(took * part)
        process.kill()
        process.wait()
        assert stands(idle, tmp_path) in (before, 10_000)
    # What the last one left is in nobody's way.
    idle.run(*command, ok=False)
    assert count(idle.directory / "db.sqlite") == 10_000


def stands(cluster: Cluster, scratch: Path) -> int:
    """How many keys a store that starts has."""
    if not (cluster.directory / "db.sqlite").exists():
        return 0
    file = scratch / "found.snapshot"
    cluster.dromon("snapshot", "save", str(file), *in_(cluster))
    return int(json.loads(cluster.dromon("snapshot", "show", str(file), "-o", "json"))["keys"])
