"""The probe machine, and ProbeSet on a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from dromon.api.types.container import Container as Spec
from dromon.api.types.container import Probe
from dromon.kubelet.probes import Machine, Outcome, ProbeSet
from dromon.kubelet.runtime.interface import Container, PodRef, State
from dromon.kubelet.timers import Timers
from dromon.testing.clock import FakeClock, settle


class Scripted:
    """A prober whose answers a test sets; it counts the probes of each kind."""

    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.well = {"startup": True, "liveness": True, "readiness": True}
        self.asked = {"startup": 0, "liveness": 0, "readiness": 0}

    async def probe(self, probe: Probe, spec: Spec, container: Container, pod_ip: str) -> Outcome:
        probes = (spec.startup_probe, spec.liveness_probe, spec.readiness_probe)
        kind = next(k for k, p in zip(self.asked, probes, strict=True) if p is probe)
        self.asked[kind] += 1
        return Outcome(self.well[kind], "no")


class Bench:
    """A ProbeSet with one container."""

    def __init__(self, spec: Spec, clock: FakeClock, timers: Timers) -> None:
        self.prober = Scripted(spec)
        self.clock = clock
        self.changes = 0
        self.unhealthy: list[tuple[str, str, str]] = []
        self.set = ProbeSet(
            self.prober,
            timers,
            clock,
            changed=self.changed,
            unhealthy=lambda *told: self.unhealthy.append(told),
            address=lambda: "10.1.0.2",
        )
        ref = PodRef("default", "web", "u1")
        self.container = Container("c0", ref, "c", 0, State.RUNNING, started_at=clock.now())

    def changed(self) -> None:
        self.changes += 1

    async def watch(self, ready: bool = False, started: bool = False) -> None:
        self.set.reconcile([(self.prober.spec, self.container)], lambda run: (ready, started))
        await settle()


@pytest.fixture
async def timers() -> AsyncIterator[tuple[FakeClock, Timers]]:
    clock = FakeClock()
    made = Timers(clock)
    task = asyncio.ensure_future(made.run())
    await settle()
    yield clock, made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_thresholds() -> None:
    probe = Probe(success_threshold=2, failure_threshold=3)
    machine = Machine()
    results = []
    for ok in (True, True, False, False, True, False, False, False, True, True):
        machine = machine.observe(ok, probe)
        results.append(machine.result)
    assert results == [None, True, True, True, True, True, True, False, False, True]


async def test_readiness_follows_the_container(timers: tuple[FakeClock, Timers]) -> None:
    clock, wheel = timers
    probe = Probe(initial_delay_seconds=5, period_seconds=2, failure_threshold=2)
    bench = Bench(Spec(name="c", readiness_probe=probe), clock, wheel)
    await bench.watch()
    await clock.advance(4.9)
    assert bench.set.results("c0")[0] is None
    await clock.advance(0.2)
    assert bench.set.results("c0")[0] is True
    bench.prober.well["readiness"] = False
    await clock.advance(2)
    assert bench.set.results("c0")[0] is True
    await clock.advance(2)
    assert bench.set.results("c0") == (False, None, "", None)
    assert bench.unhealthy == [("c", "readiness", "no")] * 2
    assert bench.changes == 2


async def test_liveness_condemns_once(timers: tuple[FakeClock, Timers]) -> None:
    clock, wheel = timers
    probe = Probe(period_seconds=1, failure_threshold=3, termination_grace_period_seconds=4)
    bench = Bench(Spec(name="c", liveness_probe=probe), clock, wheel)
    await bench.watch()
    await clock.advance(0.5)
    bench.prober.well["liveness"] = False
    await clock.advance(10)
    assert bench.set.results("c0")[2:] == ("Container c failed liveness probe, will be restarted", 4)
    assert bench.prober.asked["liveness"] == 4


async def test_a_startup_probe_holds_the_others_back(timers: tuple[FakeClock, Timers]) -> None:
    clock, wheel = timers
    probe = Probe(period_seconds=1, failure_threshold=30)
    spec = Spec(
        name="c", startup_probe=probe, readiness_probe=Probe(period_seconds=1), liveness_probe=Probe()
    )
    bench = Bench(spec, clock, wheel)
    bench.prober.well["startup"] = False
    await bench.watch()
    await clock.advance(5.5)
    assert bench.prober.asked == {"startup": 6, "liveness": 0, "readiness": 0}
    bench.prober.well["startup"] = True
    await clock.advance(2.5)
    assert bench.set.results("c0")[:2] == (True, True)
    assert bench.prober.asked["startup"] == 7


async def test_a_restarted_kubelet_keeps_what_the_api_says(timers: tuple[FakeClock, Timers]) -> None:
    clock, wheel = timers
    spec = Spec(name="c", readiness_probe=Probe(period_seconds=1), startup_probe=Probe(period_seconds=1))
    bench = Bench(spec, clock, wheel)
    await bench.watch(ready=True, started=True)
    assert bench.set.results("c0")[:2] == (True, True)
    await clock.advance(0.1)
    assert bench.prober.asked["startup"] == 0


async def test_containers_that_are_gone_are_not_probed(timers: tuple[FakeClock, Timers]) -> None:
    clock, wheel = timers
    bench = Bench(Spec(name="c", readiness_probe=Probe(period_seconds=1)), clock, wheel)
    await bench.watch()
    await clock.advance(1.5)
    bench.set.reconcile([], lambda run: (False, False))
    asked = bench.prober.asked["readiness"]
    await clock.advance(10)
    assert bench.prober.asked["readiness"] == asked


async def test_timers_fire_in_order_and_are_replaced(timers: tuple[FakeClock, Timers]) -> None:
    clock, wheel = timers
    fired: list[str] = []
    wheel.at("a", 10, lambda: fired.append("late a"))
    wheel.at("b", 5, lambda: fired.append("b"))
    await settle()
    wheel.at("a", 1, lambda: fired.append("a"))
    wheel.at("c", 3, lambda: fired.append("c"))
    wheel.cancel("c")
    await clock.advance(20)
    assert fired == ["a", "b"]
