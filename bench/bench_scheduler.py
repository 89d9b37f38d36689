"""Scheduling decisions per second, engine alone, in upstream's scheduler_perf cases, and how they grow.

Budgets (DESIGN §6): basic 50,000 pods/s at 5,000 nodes (then 200,000), required anti-affinity 5,000, each
further case 20 times upstream's threshold. Every case is judged before its time means anything: at small
size every decision, by a judge that shares no code with the engines; at full size a sample. Run with

    pytest bench/bench_scheduler.py --benchmark-enable [-k "5000 and not preemption"]

Neighbours: scheduler_workloads has the cases; dromon._core.SchedulerEngine is what is measured, the readable
engine is measured beside it at small size; bench/storm.py measures the whole.
"""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import pytest

from dromon.scheduler.engine import Engine, open_engine
from dromon.scheduler.inputs import PodClass
from dromon.testing.judge import Judge

from .scheduler_workloads import CPU, WORKLOADS, Workload, pod

SMALL = 60
SIZES = (100, 1000, 5000, 15000)
BATCH = 256
SAMPLES = 12
BUDGETS = {"basic": 50_000, "anti-affinity": 5_000}
"""Pods per second that this project asks for by itself; elsewhere 20 times upstream's threshold."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All sizes when measuring, the smallest in a plain run of the tests."""
    if "nodes" in metafunc.fixturenames:
        measuring = metafunc.config.getoption("benchmark_enable", default=False)
        metafunc.parametrize("nodes", SIZES if measuring else SIZES[:1])
    if "workload" in metafunc.fixturenames:
        metafunc.parametrize("workload", WORKLOADS, ids=lambda workload: workload.name)


class Run:
    """A workload on an engine.

    Args:
        kind: of the engine.
        workload: what is measured.
        nodes: how many.
    """

    def __init__(self, kind: str, workload: Workload, nodes: int) -> None:
        self.engine: Engine = open_engine(kind, 1)
        self.nodes = [workload.node(i) for i in range(nodes)]
        for node in self.nodes:
            self.engine.set_node(node)
        self.before = self._pods("before", workload.initial, workload.before(nodes))
        self.there = self.engine.schedule([(uid, compiled) for uid, _, compiled in self.before])
        self.pods = self._pods("pod", workload.measured, workload.pods(nodes))
        self.placed: list[Any] = []
        self.made_room: dict[str, Any] = {}
        self.preempts = workload.preempts

    def _pods(self, name: str, classes: Any, count: int) -> list[tuple[str, PodClass, Any]]:
        compiled = [(of, self.engine.compile(of)) for of in classes]
        return [(f"{name}-{i}", *made) for i, made in enumerate(islice(cycle(compiled), count))]

    def measure(self) -> Run:
        """Place the measured pods, in batches as the loop gives them."""
        pods = [(uid, compiled) for uid, _, compiled in self.pods]
        for start in range(0, len(pods), BATCH):
            batch = pods[start : start + BATCH]
            if self.preempts:
                self._make_room(batch)
            self.placed += self.engine.schedule(batch)
        return self

    def _make_room(self, batch: list[tuple[str, Any]]) -> None:
        """As the loop: a refusal, victims, a nomination; and then the victims are gone."""
        engine = self.engine
        for refusal, (uid, compiled) in zip(engine.schedule(batch), batch, strict=True):
            assert isinstance(refusal, dict)
            self.made_room[uid] = node, _ = engine.preempt(uid, compiled)
            engine.nominate(uid, compiled, node)
        for uid, _ in batch:
            for victim in self.made_room[uid][1]:
                engine.remove_pod(victim)

    def verify(self, every: int) -> None:
        """Judge every so-manieth decision, in the order in which they were made."""
        judge = Judge(self.nodes)
        for (uid, of, _), node in zip(self.before, self.there, strict=True):
            assert isinstance(node, str)
            judge.add(uid, of, node)
        for i, ((uid, of, _), node) in enumerate(zip(self.pods, self.placed, strict=True)):
            assert isinstance(node, str), node
            if self.preempts:
                assert self.made_room[uid][0] == node
                if i % every == 0:
                    judge.preempted(uid, of, *self.made_room[uid])
                else:
                    for victim in self.made_room[uid][1]:
                        del judge.pods[node][victim]
            if i % every == 0:
                judge.placed(uid, of, node)
            else:
                judge.add(uid, of, node)


def report(benchmark: Any, workload: Workload, nodes: int, pods: int) -> None:
    if benchmark.stats:
        budget = BUDGETS.get(workload.name, 20 * workload.anchor)
        benchmark.extra_info.update(
            nodes=nodes,
            pods=pods,
            pods_per_second=round(pods / benchmark.stats.stats.median),
            budget=budget,
            upstream_threshold=workload.anchor,
        )


def test_decisions(benchmark: Any, workload: Workload, nodes: int) -> None:
    """The measured engine: judged in whole at small size, then, decision by decision as many as are timed."""
    Run("rust", workload, SMALL).measure().verify(1)

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (Run("rust", workload, nodes),), {}

    done = benchmark.pedantic(Run.measure, setup=setup, rounds=3)
    done.verify(max(len(done.pods) // SAMPLES, 1))
    report(benchmark, workload, nodes, len(done.pods))


def test_the_readable_engine(benchmark: Any, workload: Workload) -> None:
    """Both engines decide the same at small size; the time is the readable one's."""
    expected = Run("rust", workload, SMALL).measure()

    def setup() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (Run("python", workload, SMALL),), {}

    done = benchmark.pedantic(Run.measure, setup=setup, rounds=1)
    assert done.placed == expected.placed
    assert done.made_room == expected.made_room
    report(benchmark, workload, SMALL, len(done.pods))


def test_refusals(benchmark: Any) -> None:
    """10,000 pods of one controller that fit nowhere: the reasons are counted once, not 10,000 times."""
    run = Run("rust", next(w for w in WORKLOADS if w.tainted), 5000)
    too_big = pod(cpu=CPU + 1)
    pods = [(f"big-{i}", run.engine.compile(too_big)) for i in range(10_000)]
    results = benchmark.pedantic(run.engine.schedule, args=(pods,), rounds=3)
    expected = {"Insufficient cpu": 4500, "node(s) had untolerated taint {dedicated: x}": 500}
    assert all(result == expected for result in results)
