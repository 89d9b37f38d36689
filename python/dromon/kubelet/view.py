"""What the worker knows about one pod, as plain data: the input of plan and status.

Neighbours: worker fills it from the runtime, the network, the volumes and the probes; plan.plan and
status.pod_status read it and change nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from dromon.api.types.container import Container as ContainerSpec
from dromon.api.types.pod import Pod
from dromon.kubelet.runtime.interface import Container, State

CRASH_INITIAL = 10.0
"""Seconds before the second restart of a container (the first is at once); doubles from there."""

CRASH_MAXIMUM = 300.0
"""No restart waits longer, in seconds. A run of twice this length begins the back-off anew."""

LATER = 3.0
"""Seconds after which a failure is shown as a back-off (ErrImagePull, then ImagePullBackOff)."""


@dataclass(frozen=True, slots=True)
class CrashBackoff:
    """A container's restart back-off: `delay` seconds after it ended, 0: none yet; set at `updated`."""

    delay: float = 0.0
    updated: float = 0.0

    def remaining(self, finished_at: float, now: float) -> float:
        """Seconds to wait before a container that ended at `finished_at` may be started again."""
        if not self.delay or self._healthy(finished_at):
            return 0.0
        return max(0.0, finished_at + self.delay - now)

    def next(self, finished_at: float, now: float) -> CrashBackoff:
        """The back-off after one more restart, now."""
        if not self.delay or self._healthy(finished_at):
            return CrashBackoff(CRASH_INITIAL, now)
        return CrashBackoff(min(self.delay * 2, CRASH_MAXIMUM), now)

    def _healthy(self, finished_at: float) -> bool:
        return finished_at - self.updated > 2 * CRASH_MAXIMUM


@dataclass(frozen=True, slots=True)
class Blocked:
    """Something failed and is tried again at `retry_at`.

    Attributes:
        reason, message: as the waiting state shows them ("ErrImagePull").
        since: when it failed; `later` replaces both after LATER seconds ("ImagePullBackOff").
        delay: the pause that led to `retry_at`, from which the next one doubles.
    """

    reason: str
    message: str
    since: float
    retry_at: float
    delay: float
    later: tuple[str, str] = ("", "")

    @property
    def changes_at(self) -> float:
        """When `later` begins to be shown."""
        return self.since + LATER

    def shown(self, now: float) -> tuple[str, str]:
        """Reason and message to show at `now`."""
        return self.later if self.later[0] and now >= self.changes_at else (self.reason, self.message)


@dataclass(frozen=True, slots=True)
class Notes:
    """What is remembered about a container of the pod by name.

    Attributes:
        backoff: of its restarts.
        blocked: why it can't be made or started now.
        container_id: the run that the following are about.
        ready: what its readiness probe says; None: no result yet.
        started: whether its startup probe has passed; None: no result yet.
        condemned: why it must be killed ("Container x failed liveness probe, will be restarted"), "" if not.
        condemned_grace: the probe's own grace in seconds, None for the pod's.
    """

    backoff: CrashBackoff = CrashBackoff()
    blocked: Blocked | None = None
    container_id: str = ""
    ready: bool | None = None
    started: bool | None = None
    condemned: str = ""
    condemned_grace: int | None = None


NO_NOTES = Notes()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the kubelet itself fails a pod (DeadlineExceeded, ...)."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class View:
    """One pod at one moment.

    Attributes:
        sandboxes: newest first.
        containers: name -> its containers, newest first.
        notes: name -> what is remembered.
        busy: keys of the operations in flight (plan.Action.key).
        killing: container id -> the moment (seconds since the epoch) at which it gets SIGKILL.
        mounted, attached: volumes are ready; the sandbox has its network.
        address: the pod's IP, "" when it has none.
        blocked: "volumes", "sandbox", "network" -> what failed.
        gone: the API has no such pod any more.
        terminal: the pod has Succeeded or Failed, for good.
        failure: the kubelet fails the pod.
        released: volumes are unmounted (after the end).
        finalized: the API object is deleted by us, or needs not be.
    """

    sandboxes: tuple[Container, ...] = ()
    containers: Mapping[str, tuple[Container, ...]] = field(default_factory=dict)
    notes: Mapping[str, Notes] = field(default_factory=dict)
    busy: Set[str] = frozenset()
    killing: Mapping[str, float] = field(default_factory=dict)
    mounted: bool = False
    attached: bool = False
    address: str = ""
    blocked: Mapping[str, Blocked] = field(default_factory=dict)
    gone: bool = False
    terminal: bool = False
    failure: Failure | None = None
    released: bool = False
    finalized: bool = False

    @property
    def sandbox(self) -> Container | None:
        """The newest sandbox, dead or alive."""
        return self.sandboxes[0] if self.sandboxes else None

    @property
    def sandbox_alive(self) -> bool:
        return bool(self.sandboxes) and self.sandboxes[0].state is State.RUNNING

    def newest(self, name: str) -> Container | None:
        """The last made container of that name."""
        runs = self.containers.get(name)
        return runs[0] if runs else None

    def running(self) -> list[Container]:
        """Every running container, sandboxes excepted."""
        return [c for runs in self.containers.values() for c in runs if c.state is State.RUNNING]

    def notes_of(self, name: str) -> Notes:
        return self.notes.get(name, NO_NOTES)


def is_sidecar(container: ContainerSpec) -> bool:
    """An init container that is kept running beside the others (restartPolicy Always; KEP-753)."""
    return container.restart_policy == "Always"


def is_started(container: ContainerSpec, run: Container | None, notes: Notes) -> bool:
    """Whether the container runs and its startup probe, if any, has passed."""
    if run is None or run.state is not State.RUNNING:
        return False
    if container.startup_probe is None:
        return True
    return notes.container_id == run.id and bool(notes.started)


def initialized(pod: Pod, view: View) -> bool:
    """Whether every init container has done its part for the current sandbox.

    Containers that already ran in this sandbox prove it, also when the init containers were cleared away.
    """
    sandbox = view.sandbox
    if sandbox is None:
        return not pod.spec.init_containers
    for container in pod.spec.containers:
        if any(run.sandbox == sandbox.id for run in view.containers.get(container.name, ())):
            return True
    for container in pod.spec.init_containers:
        run = view.newest(container.name)
        if is_sidecar(container):
            if not is_started(container, run, view.notes_of(container.name)):
                return False
        elif run is None or run.state is not State.EXITED or run.exit_code or run.sandbox != sandbox.id:
            return False
    return True
