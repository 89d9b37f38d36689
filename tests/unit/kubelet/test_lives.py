"""Lives of simulated containers: the same seed gives the same sequence, and shares hold."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from dromon.api.types.container import Container as Spec
from dromon.api.types.container import Probe
from dromon.kubelet.hollow_config import HollowConfig
from dromon.kubelet.runtime.hollow import HollowProber, HollowRuntime
from dromon.kubelet.runtime.interface import ContainerSpec, PodRef, State
from dromon.kubelet.runtime.lives import distribution
from dromon.kubelet.timers import Timers
from dromon.testing.clock import FakeClock, settle

POD = PodRef("default", "p", "u")


def config(**settings: object) -> HollowConfig:
    return HollowConfig("kubeconfig", **settings)  # type: ignore[arg-type]


def test_the_same_seed_gives_a_node_the_same_sequence() -> None:
    settings = {"start_seconds": "exponential:2", "run_seconds": "uniform:1:9", "fail_share": 0.5}
    first, again, other, elsewhere = (
        [lives.next() for _ in range(50)]
        for lives in (
            config(seed=7, **settings).lives("node-1"),
            config(seed=7, **settings).lives("node-1"),
            config(seed=8, **settings).lives("node-1"),
            config(seed=7, **settings).lives("node-2"),
        )
    )
    assert first == again
    assert first != other
    assert first != elsewhere
    assert {life.exit_code for life in first} == {0, 1}


def test_crashes_come_as_often_as_asked_for() -> None:
    lives = config(crash_share=0.25).lives("n")
    drawn = [lives.next() for _ in range(1000)]
    crashed = [life for life in drawn if life.run == 0.0]
    assert 200 < len(crashed) < 300
    assert all(life.exit_code == 1 for life in crashed)
    assert all(life.run is None for life in drawn if life not in crashed)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("0.5", 0.5, 0.5), ("uniform:1:2", 1, 2), ("exponential:3", 0, 1e3), ("normal:5:1", 0, 20)],
)
def test_distributions(text: str, low: float, high: float) -> None:
    draw, random = distribution(text), Random(1)
    assert all(low <= draw(random) <= high for _ in range(200))


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "nan", "uniform:2:1", "uniform:1", "exponential:0", "normal:1", "gauss:1:1"],
)
def test_what_is_no_distribution_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is no distribution"):
        distribution(text)
    with pytest.raises(ValueError, match="distribution"):
        config(start_seconds=text)


def test_what_is_no_share_is_told() -> None:
    with pytest.raises(ValueError, match="is no share"):
        config(crash_share=1.5)


class Scene:
    def __init__(self, **settings: object) -> None:
        self.clock = FakeClock()
        self.timers = Timers(self.clock)
        self.runtime = HollowRuntime(self.clock, self.timers, config(**settings).lives("n"))

    async def start(self) -> str:
        spec = ContainerSpec(POD, "c", 0, "s", "image:1")
        container_id = await self.runtime.create(spec)
        self.starting = asyncio.create_task(self.runtime.start(container_id))
        await settle()
        return container_id

    async def state(self) -> State:
        (run,) = await self.runtime.list("u")
        return run.state


async def test_starts_take_time_and_runs_end_by_themselves() -> None:
    scene = Scene(start_seconds="2", run_seconds="10", fail_share=1.0)
    served = asyncio.create_task(scene.timers.run())
    await scene.start()
    assert await scene.state() is State.CREATED
    await scene.clock.advance(2)
    assert await scene.state() is State.RUNNING
    await scene.clock.advance(10)
    (run,) = await scene.runtime.list("u")
    assert (run.state, run.exit_code) == (State.EXITED, 1)
    served.cancel()


async def test_an_image_is_pulled_once_a_node() -> None:
    scene = Scene(pull_seconds="3")
    assert await scene.runtime.image("image:1") is None
    pull = asyncio.create_task(scene.runtime.pull("image:1"))
    await settle()
    assert not pull.done()
    await scene.clock.advance(3)
    assert await scene.runtime.image("image:1") == await pull


async def test_readiness_comes_when_its_time_has_come() -> None:
    scene = Scene(ready_seconds="5")
    await scene.start()
    (run,) = await scene.runtime.list("u")
    probe = Probe()
    spec = Spec(name="c", readiness_probe=probe)
    prober = HollowProber(scene.clock, scene.runtime)
    assert not (await prober.probe(probe, spec, run, "")).ok
    assert (await prober.probe(Probe(period_seconds=7), spec, run, "")).ok, "liveness is well all the time"
    await scene.clock.advance(5)
    assert (await prober.probe(probe, spec, run, "")).ok
