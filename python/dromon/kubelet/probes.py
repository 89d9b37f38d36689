"""Liveness, readiness and startup probes: a small state machine, and what keeps it going.

The machine is pure: thresholds turn single outcomes into results. ProbeSet schedules the probes of one pod on
shared timers and keeps their results; a startup probe holds the others back until it has passed.

Sources: core/v1 Probe and the Kubernetes documentation "Configure liveness, readiness and startup probes".

Neighbours: prober carries a single probe out; worker reads the results as view.Notes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Protocol

from dromon.api.types.container import Container as ContainerSpec
from dromon.api.types.container import Probe
from dromon.base.clock import Clock
from dromon.kubelet.runtime.interface import Container
from dromon.kubelet.timers import Timers


@dataclass(frozen=True, slots=True)
class Outcome:
    """One probe: whether it was well, and what it said if not."""

    ok: bool
    message: str = ""


class Prober(Protocol):
    """Carries out one probe of a running container; never raises for a probe that fails."""

    async def probe(
        self, probe: Probe, spec: ContainerSpec, container: Container, pod_ip: str
    ) -> Outcome: ...


@dataclass(frozen=True, slots=True)
class Machine:
    """Outcomes so far: `result` is what counts (None: nothing yet), `run` how often `last` came in a row."""

    result: bool | None = None
    last: bool | None = None
    run: int = 0

    def observe(self, ok: bool, probe: Probe) -> Machine:
        """The machine after one more outcome."""
        run = self.run + 1 if ok == self.last else 1
        enough = (probe.success_threshold or 1) if ok else (probe.failure_threshold or 3)
        return Machine(ok if run >= enough else self.result, ok, run)


@dataclass(slots=True)
class _Watched:
    """The probes of one running container."""

    spec: ContainerSpec
    container: Container
    machines: dict[str, Machine] = field(default_factory=dict)
    condemned: str = ""
    grace: int | None = None


KINDS = ("startup", "liveness", "readiness")


def probe_of(spec: ContainerSpec, kind: str) -> Probe | None:
    """The probe of a kind."""
    if kind == "startup":
        return spec.startup_probe
    return spec.liveness_probe if kind == "liveness" else spec.readiness_probe


class ProbeSet:
    """The probes of one pod.

    Args:
        changed: called when a result changes.
        unhealthy: called with (container name, kind, message) for every failed probe.
        address: gives the pod's IP.
    """

    def __init__(
        self,
        prober: Prober,
        timers: Timers,
        clock: Clock,
        *,
        changed: Callable[[], None],
        unhealthy: Callable[[str, str, str], None],
        address: Callable[[], str],
    ) -> None:
        self._prober, self._timers, self._clock = prober, timers, clock
        self._changed, self._unhealthy, self._address = changed, unhealthy, address
        self._watched: dict[str, _Watched] = {}
        self._readiness_only = False
        self._tasks: set[asyncio.Task[None]] = set()

    def reconcile(
        self,
        running: Iterable[tuple[ContainerSpec, Container]],
        was: Callable[[Container], tuple[bool, bool]],
        *,
        readiness_only: bool = False,
    ) -> None:
        """Probe exactly these containers.

        Args:
            was: container -> (ready, started) as the API has it for this very run, so that a restart of the
                kubelet makes no healthy container unready.
            readiness_only: the pod ends: nothing needs to be restarted any more.
        """
        self._readiness_only = readiness_only
        wanted = {c.id: (s, c) for s, c in running if any(probe_of(s, k) for k in KINDS)}
        for container_id in [i for i in self._watched if i not in wanted]:
            self._drop(container_id)
        for container_id, (spec, container) in wanted.items():
            if container_id not in self._watched:
                self._add(spec, container, *was(container))

    def results(self, container_id: str) -> tuple[bool | None, bool | None, str, int | None]:
        """(ready, started, condemned, grace) of a container, as view.Notes has them."""
        watched = self._watched.get(container_id)
        if watched is None:
            return None, None, "", None
        ready = watched.machines.get("readiness", Machine()).result
        started = watched.machines.get("startup", Machine()).result
        return ready, started, watched.condemned, watched.grace

    def close(self) -> None:
        """Stop probing."""
        for container_id in list(self._watched):
            self._drop(container_id)
        for task in self._tasks:
            task.cancel()

    def _add(self, spec: ContainerSpec, container: Container, ready: bool, started: bool) -> None:
        watched = self._watched[container.id] = _Watched(spec, container)
        if ready and spec.readiness_probe is not None:
            watched.machines["readiness"] = Machine(True)
        if started and spec.startup_probe is not None:
            watched.machines["startup"] = Machine(True)
        for kind in KINDS:
            probe = probe_of(spec, kind)
            if probe is None or (kind == "startup" and started):
                continue
            age = self._clock.now() - container.started_at
            self._schedule(container.id, kind, max(0.0, probe.initial_delay_seconds - age))

    def _drop(self, container_id: str) -> None:
        del self._watched[container_id]
        for kind in KINDS:
            self._timers.cancel((self, container_id, kind))

    def _schedule(self, container_id: str, kind: str, delay: float) -> None:
        self._timers.at((self, container_id, kind), delay, lambda: self._begin(container_id, kind))

    def _begin(self, container_id: str, kind: str) -> None:
        watched = self._watched.get(container_id)
        if watched is None or watched.condemned or (self._readiness_only and kind != "readiness"):
            return
        probe = probe_of(watched.spec, kind)
        assert probe is not None
        held = kind != "startup" and watched.spec.startup_probe is not None
        if held and not watched.machines.get("startup", Machine()).result:
            self._schedule(container_id, kind, 1.0)
            return
        task = asyncio.get_running_loop().create_task(self._once(container_id, kind, probe, watched))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _once(self, container_id: str, kind: str, probe: Probe, watched: _Watched) -> None:
        outcome = await self._prober.probe(probe, watched.spec, watched.container, self._address())
        if self._watched.get(container_id) is not watched:
            return
        before = watched.machines.get(kind, Machine())
        after = watched.machines[kind] = before.observe(outcome.ok, probe)
        name = watched.spec.name
        if not outcome.ok:
            self._unhealthy(name, kind, outcome.message)
        failed = after.result is False and after.last is False
        if failed and kind != "readiness":
            watched.condemned = f"Container {name} failed {kind} probe, will be restarted"
            watched.grace = probe.termination_grace_period_seconds
        elif kind != "startup" or not after.result:
            self._schedule(container_id, kind, float(probe.period_seconds or 10))
        if after.result != before.result:
            self._changed()
