"""The object cache: lists of 10,000 pods, changes, and fan-out to watchers (DESIGN §6, engine alone).

Budgets, over TLS: LIST of 10,000 pods 50 ms, 100 of 10,000 by selector 5 ms, 100,000 events/s to 500
watchers.
Each case checks its answer before its time means anything. Run with

    pytest bench/bench_cache.py --benchmark-enable

Neighbours: dromon._core.Cache is measured; bench_store.py has what is behind it.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from dromon._core import Cache
from dromon.store.interface import Change, KeyValue

PREFIX = "/registry/core/pods/"
PODS = 10_000
FIELDS = [
    ("metadata.name", "metadata.name", ""),
    ("metadata.namespace", "metadata.namespace", ""),
    ("spec.nodeName", "spec.nodeName", ""),
    ("status.phase", "status.phase", ""),
]


def body(i: int, version: int = 0) -> bytes:
    """A pod of about 1.4 KB on one of 100 nodes, of one of 100 controllers."""
    pod = {
        "kind": "Pod",
        "apiVersion": "v1",
        "metadata": {
            "name": f"pod-{i:05}",
            "namespace": "default",
            "labels": {"app": f"app-{i % 100}", "phase": "canary" if i % 10 == 0 else "stable"},
        },
        "spec": {"nodeName": f"node-{i % 100}", "containers": [{"name": "c", "image": "x" * 1100}]},
        "status": {"phase": "Running", "observedGeneration": version},
    }
    return json.dumps(pod, separators=(",", ":")).encode()


@pytest.fixture(scope="module")
def loaded() -> Cache:
    return load()


def pods() -> list[KeyValue]:
    return [KeyValue(f"{PREFIX}default/pod-{i:05}", body(i), 2, 2) for i in range(PODS)]


def load(items: list[KeyValue] | None = None) -> Cache:
    cache = Cache(lambda *_: b"")
    cache.add_resource(PREFIX, "Pod", "v1", True, FIELDS)
    cache.load(items or pods(), 2)
    return cache


def test_load(benchmark: Any) -> None:
    """What a start costs."""
    cache = benchmark.pedantic(load, args=(pods(),), rounds=3)
    assert cache.count(0) == PODS


def test_list_all(benchmark: Any, loaded: Cache) -> None:
    found = benchmark(lambda: loaded.page(0, "", "", "").body(0, ""))
    assert len(json.loads(found)["items"]) == PODS


@pytest.mark.parametrize(
    ("label", "field"), [("app=app-7", ""), ("", "spec.nodeName=node-7")], ids=["label", "field"]
)
def test_list_100_of_10000(benchmark: Any, loaded: Cache, label: str, field: str) -> None:
    found = benchmark(lambda: loaded.page(0, "", label, field).body(0, ""))
    assert [i["spec"]["nodeName"] for i in json.loads(found)["items"]] == ["node-7"] * 100


def test_get(benchmark: Any, loaded: Cache) -> None:
    found = benchmark(loaded.get, 0, "default/pod-00042", 0)
    assert json.loads(found)["metadata"]["resourceVersion"] == "2"


@pytest.mark.parametrize("unrelated", [0, 5_000])
def test_apply_with_watchers_elsewhere(benchmark: Any, unrelated: int) -> None:
    """1,000 changes, one watcher concerned; those who watch other nodes must not cost anything."""
    cache = load()
    for i in range(unrelated):
        cache.watch(0, "", "", f"spec.nodeName=elsewhere-{i}", 2)
    watcher = cache.watch(0, "", "", "spec.nodeName=node-7", 2)
    revision = 2
    changes = [Change(f"{PREFIX}default/pod-{i:05}", body(i, 1), None, 2) for i in range(1_000)]

    def run() -> int:
        nonlocal revision
        for change in changes:
            revision += 1
            cache.apply(revision, (change,))
        return len(cache.events(watcher, 1 << 30))

    assert benchmark.pedantic(run, rounds=5) == 10
    if benchmark.stats:
        benchmark.extra_info["changes_per_second"] = round(1_000 / benchmark.stats.stats.median)


def test_fan_out(benchmark: Any) -> None:
    """100 changes to 500 watchers of all pods, frames included."""
    cache = load()
    watchers = [cache.watch(0, "", "", "", 2) for _ in range(500)]
    changes = [Change(f"{PREFIX}default/pod-{i:05}", body(i, 1), None, 2) for i in range(100)]
    revision = 2

    def run() -> int:
        nonlocal revision
        for change in changes:
            revision += 1
            cache.apply(revision, (change,))
        return sum(cache.frames(0, w, 0, 1 << 20).count(b"\n") for w in watchers)

    assert benchmark.pedantic(run, rounds=5) == 50_000
    if benchmark.stats:
        benchmark.extra_info["events_per_second"] = round(50_000 / benchmark.stats.stats.median)
