"""Scheduling decisions per second, engine alone (DESIGN §6: 50,000 pods/s at 5,000 nodes; then 200,000).

Each case checks what was decided before its time means anything. Run with

    pytest bench/bench_scheduler.py --benchmark-enable

Neighbours: dromon._core.SchedulerEngine is what is measured; bench/storm.py measures the whole.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from dromon._core import SchedulerEngine
from dromon.scheduler.inputs import NodeInfo, PodClass, Spread, Taint

PODS = 20_000
CPU = 64_000
MEMORY = 256 * 2**30
CAPACITY = (("cpu", CPU), ("memory", MEMORY))


def cluster(nodes: int) -> SchedulerEngine:
    """Nodes of one size, one in ten of them tainted."""
    engine = SchedulerEngine(1)
    for i in range(nodes):
        taints = (Taint("dedicated", "x", "NoSchedule"),) if i % 10 == 9 else ()
        labels = (("kubernetes.io/hostname", f"node-{i}"), ("zone", f"zone-{i % 3}"))
        engine.set_node(NodeInfo(f"node-{i}", labels, taints, False, CAPACITY, 110))
    return engine


def controller(k: int) -> PodClass:
    """The pods of one controller."""
    cpu = 100 + k
    return PodClass(
        namespace="default",
        labels=(("app", f"app-{k}"),),
        owner=f"rc-{k}",
        requests=(("cpu", cpu), ("memory", 2**28)),
        nonzero=(cpu, 2**28),
        spread=Spread(owner=f"rc-{k}"),
    )


def verify(engine: SchedulerEngine, placed: list[Any], classes: list[PodClass], nodes: int) -> None:
    """Nobody is on a tainted node, no node is overcommitted, no controller is lopsided."""
    assert len(placed) == PODS
    names = [node for node in placed if isinstance(node, str)]
    assert len(names) == PODS
    assert not any(int(name.removeprefix("node-")) % 10 == 9 for name in names)
    cpu, count = Counter[str](), Counter[str]()
    per_class = [Counter[str]() for _ in classes]
    for i, name in enumerate(names):
        k = i % len(classes)
        cpu[name] += classes[k].nonzero[0]
        count[name] += 1
        per_class[k][name] += 1
    assert max(cpu.values()) <= CPU
    assert max(count.values()) <= 110
    for spread in per_class:
        even = -(-spread.total() // (nodes * 9 // 10))
        assert max(spread.values()) <= even + 1
    assert engine.pod_node("pod-0") == names[0]


@pytest.mark.parametrize("controllers", [1, 20])
@pytest.mark.parametrize("nodes", [1000, 5000])
def test_decisions(benchmark: Any, nodes: int, controllers: int) -> None:
    """Batches of 256 pods, as the loop gives them, of this many controllers in turn."""
    classes = [controller(k) for k in range(controllers)]

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        engine = cluster(nodes)
        compiled = [engine.compile(pod) for pod in classes]
        pods = [(f"pod-{i}", compiled[i % controllers]) for i in range(PODS)]
        return (engine, pods), {}

    def run(engine: SchedulerEngine, pods: list[Any]) -> tuple[SchedulerEngine, list[Any]]:
        placed: list[Any] = []
        for start in range(0, PODS, 256):
            placed += engine.schedule(pods[start : start + 256])
        return engine, placed

    engine, placed = benchmark.pedantic(run, setup=setup, rounds=3)
    verify(engine, placed, classes, nodes)
    if benchmark.stats:
        benchmark.extra_info["pods_per_second"] = round(PODS / benchmark.stats.stats.median)


def test_refusals(benchmark: Any) -> None:
    """10,000 pods of one controller that fit nowhere: the reasons are counted once, not 10,000 times."""
    engine = cluster(5000)
    too_big = PodClass(requests=(("cpu", CPU + 1),), nonzero=(CPU + 1, 0))
    pods = [(f"pod-{i}", engine.compile(too_big)) for i in range(10_000)]
    results = benchmark.pedantic(engine.schedule, args=(pods,), rounds=3)
    expected = {"Insufficient cpu": 4500, "node(s) had untolerated taint {dedicated: x}": 500}
    assert all(result == expected for result in results)
