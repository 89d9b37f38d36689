"""What to do next about a pod: a pure function of the pod, what is observed and the time.

The plan names actions that the worker carries out; an action whose key is in flight is never planned twice.
Nothing here waits: when something has to wait, the plan says until when.

Sources: the talk's pods ("bound to a node, never moves; restarted in place", slides 15 and 21) and the pod
lifecycle pages of the Kubernetes documentation.

Neighbours: view has the input, operations carries the actions out, status says what it means to clients.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from dromon.api.types.container import Container as ContainerSpec
from dromon.api.types.pod import Pod
from dromon.kubelet.runtime.interface import Container, State
from dromon.kubelet.view import View, initialized, is_sidecar, is_started

KEEP = 2
"""Runs of a container that are kept: the newest, and the one before for `logs --previous`."""

SANDBOX_CHANGE = 5.0
"""Seconds between the end of containers and the creation of the sandbox that replaces theirs, at most."""


@dataclass(frozen=True, slots=True)
class MountVolumes:
    """Make the pod's volumes ready."""

    key: str = "volumes"


@dataclass(frozen=True, slots=True)
class CreateSandbox:
    """Make the sandbox and connect it."""

    attempt: int
    key: str = "sandbox"


@dataclass(frozen=True, slots=True)
class AttachNetwork:
    """Connect a sandbox that runs without an address."""

    netns: str
    key: str = "sandbox"


@dataclass(frozen=True, slots=True)
class RemoveSandbox:
    """End and remove a sandbox."""

    id: str
    key: str = "sandbox"


@dataclass(frozen=True, slots=True)
class StartContainer:
    """Pull, make and start a container. `finished_at`: when its last run ended, 0 for the first."""

    name: str
    attempt: int
    sandbox: str
    finished_at: float = 0.0

    @property
    def key(self) -> str:
        return "container/" + self.name


@dataclass(frozen=True, slots=True)
class KillContainer:
    """preStop, SIGTERM, and SIGKILL `grace` seconds later. `reason` and `message` are for the Event."""

    id: str
    name: str
    grace: float
    message: str

    @property
    def key(self) -> str:
        return "kill/" + self.id


@dataclass(frozen=True, slots=True)
class RemoveContainer:
    """Remove a dead container."""

    id: str

    @property
    def key(self) -> str:
        return "remove/" + self.id


@dataclass(frozen=True, slots=True)
class Release:
    """Unmount the pod's volumes and free its address."""

    key: str = "volumes"


@dataclass(frozen=True, slots=True)
class Finalize:
    """Nothing of the pod is left on the node: delete its API object (if it is still there) and forget it."""

    key: str = "finalize"


Action = (
    MountVolumes
    | CreateSandbox
    | AttachNetwork
    | RemoveSandbox
    | StartContainer
    | KillContainer
    | RemoveContainer
    | Release
    | Finalize
)


@dataclass(slots=True)
class Plan:
    """Actions in order, and when to plan again although nothing changed (seconds since the epoch)."""

    actions: list[Action] = field(default_factory=list)
    wake_at: float | None = None

    def wake(self, at: float) -> None:
        """Plan again at `at` at the latest."""
        self.wake_at = at if self.wake_at is None else min(self.wake_at, at)


def container_hash(container: ContainerSpec) -> str:
    """Fingerprint of what makes a running container outdated when it changes: its image."""
    return hashlib.sha256(f"{container.name}\0{container.image}".encode()).hexdigest()[:16]


def restarts(policy: str, exit_code: int) -> bool:
    """Whether a container that ended so is started again under a restartPolicy."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def init_policy(pod: Pod, container: ContainerSpec) -> str:
    """The restart policy of an init container: sidecars always, others on failure unless Never."""
    if is_sidecar(container):
        return "Always"
    return "Never" if pod.spec.restart_policy == "Never" else "OnFailure"


def grace_period(pod: Pod) -> float:
    """Seconds between SIGTERM and SIGKILL for the pod as it is now; at least 1."""
    grace = pod.metadata.deletion_grace_period_seconds if pod.metadata.deletion_timestamp else None
    if grace is None:
        grace = pod.spec.termination_grace_period_seconds
    return float(max(1, 30 if grace is None else grace))


def plan(pod: Pod, view: View, now: float) -> Plan:
    """What to do for `pod` now (seconds since the epoch).

    Guarantees: no container is started for a pod that ends; nothing is removed from a pod that is being
    deleted before all of it has stopped; actions in flight are left out.
    """
    result = Plan()
    if pod.metadata.deletion_timestamp or view.gone or view.terminal or view.failure:
        _end(result, pod, view, now)
    elif _prepare(result, pod, view, now):
        _run(result, pod, view, now)
        _clear(result, view, keep=KEEP)
    return Plan(
        [a for a in result.actions if a.key not in view.busy or _hastens(a, view, now)], result.wake_at
    )


def _hastens(action: Action, view: View, now: float) -> bool:
    """Whether a kill in flight must be replaced by one with less grace."""
    if not isinstance(action, KillContainer):
        return False
    deadline = view.killing.get(action.id)
    return deadline is not None and now + action.grace < deadline - 1.0


def _kill(result: Plan, run: Container, grace: float, message: str) -> None:
    result.actions.append(KillContainer(run.id, run.name, grace, message))


def _prepare(result: Plan, pod: Pod, view: View, now: float) -> bool:
    """Volumes, sandbox and network; True when containers can run."""
    if not view.sandbox_alive:
        running = view.running()
        for run in running:
            _kill(result, run, grace_period(pod), f"Stopping container {run.name}")
        if running or "sandbox" in view.busy:
            return False
        for dead in view.sandboxes:
            result.actions.append(RemoveSandbox(dead.id))
        startable = not view.sandboxes and _wanted(pod, view) and _mounted(result, view, now)
        if startable and not _held(result, view, "sandbox", now):
            result.actions.append(CreateSandbox(sandbox_attempt(view)))
        return False
    assert view.sandbox is not None
    for dead in view.sandboxes[1:]:
        result.actions.append(RemoveSandbox(dead.id))
    if not _mounted(result, view, now):
        return False
    if not view.attached:
        if not _held(result, view, "network", now):
            result.actions.append(AttachNetwork(view.sandbox.netns))
        return False
    return True


def sandbox_attempt(view: View) -> int:
    """The number of the next sandbox: above every one that is known."""
    return max((c.attempt for c in view.sandboxes), default=-1) + 1


def _wanted(pod: Pod, view: View) -> bool:
    """Whether any container has yet to run, or to run again."""
    for container in pod.spec.containers:
        run = view.newest(container.name)
        if run is None or run.state is State.CREATED or restarts(pod.spec.restart_policy, run.exit_code):
            return True
    return False


def _mounted(result: Plan, view: View, now: float) -> bool:
    if not view.mounted and not _held(result, view, "volumes", now):
        result.actions.append(MountVolumes())
    return view.mounted


def _held(result: Plan, view: View, what: str, now: float) -> bool:
    """Whether a failed step waits for its next try."""
    blocked = view.blocked.get(what)
    if blocked is None or now >= blocked.retry_at:
        return False
    result.wake(blocked.retry_at)
    return True


def _run(result: Plan, pod: Pod, view: View, now: float) -> None:
    """Init containers in order, sidecars among them, then all others at once."""
    sandbox = view.sandbox
    assert sandbox is not None
    ready = initialized(pod, view)
    for container in pod.spec.init_containers:
        run = view.newest(container.name)
        if is_sidecar(container):
            _tend(result, pod, container, "Always", view, now)
            if ready or is_started(container, run, view.notes_of(container.name)):
                continue
            return
        if ready:
            continue
        if run is not None and run.state is State.EXITED and run.sandbox == sandbox.id and not run.exit_code:
            continue
        _tend(result, pod, container, init_policy(pod, container), view, now)
        return
    for container in pod.spec.containers:
        _tend(result, pod, container, pod.spec.restart_policy, view, now)


def _tend(result: Plan, pod: Pod, container: ContainerSpec, policy: str, view: View, now: float) -> None:
    """Keep one container as it should be: start it, start it again, or kill it."""
    if "container/" + container.name in view.busy:
        return
    sandbox = view.sandbox
    assert sandbox is not None
    run = view.newest(container.name)
    notes = view.notes_of(container.name)
    if run is None:
        _start(result, container, 0, 0.0, view, now)
    elif run.state is State.RUNNING:
        _check(result, pod, container, run, view)
    elif run.state is State.CREATED:
        result.actions.append(RemoveContainer(run.id))
    elif run.sandbox != sandbox.id and container in pod.spec.init_containers:
        _start(result, container, run.attempt + 1, 0.0, view, now)
    elif restarts(policy, run.exit_code):
        wait = notes.backoff.remaining(run.finished_at, now)
        changed = run.hash and run.hash != container_hash(container)
        if changed or ended_with_sandbox(run, sandbox):  # neither is a crash of what is started now
            _start(result, container, run.attempt + 1, 0.0, view, now)
        elif wait > 0:
            result.wake(now + wait)
        else:
            _start(result, container, run.attempt + 1, run.finished_at, view, now)


def ended_with_sandbox(run: Container, sandbox: Container) -> bool:
    """Whether a run ended since its sandbox did, which is no crash: it needs no back-off.

    Nothing is kept of an old sandbox, so the moment at which the new one was made tells.
    """
    return run.sandbox != sandbox.id and sandbox.created_at - run.finished_at < SANDBOX_CHANGE


def _check(result: Plan, pod: Pod, container: ContainerSpec, run: Container, view: View) -> None:
    sandbox, notes = view.sandbox, view.notes_of(container.name)
    assert sandbox is not None
    if run.sandbox != sandbox.id:
        _kill(result, run, grace_period(pod), f"Stopping container {container.name}")
    elif run.hash and run.hash != container_hash(container):
        message = f"Container {container.name} definition changed, will be restarted"
        _kill(result, run, grace_period(pod), message)
    elif notes.condemned and notes.container_id == run.id:
        grace = grace_period(pod) if notes.condemned_grace is None else float(max(1, notes.condemned_grace))
        _kill(result, run, grace, notes.condemned)


def _start(
    result: Plan, container: ContainerSpec, attempt: int, finished_at: float, view: View, now: float
) -> None:
    blocked = view.notes_of(container.name).blocked
    if blocked is not None and now < blocked.retry_at:
        result.wake(blocked.retry_at)
        if blocked.later[0] and now < blocked.changes_at:
            result.wake(blocked.changes_at)
        return
    assert view.sandbox is not None
    result.actions.append(StartContainer(container.name, attempt, view.sandbox.id, finished_at))


def _clear(result: Plan, view: View, keep: int) -> None:
    """Remove all but the newest runs of each container."""
    for name, runs in view.containers.items():
        if "container/" + name in view.busy:
            continue
        result.actions += [RemoveContainer(r.id) for r in runs[keep:] if r.state is not State.RUNNING]


def _end(result: Plan, pod: Pod, view: View, now: float) -> None:
    """Stop everything, containers before sidecars before the sandbox, then free what the pod held."""
    running = view.running()
    sidecars = {c.name for c in pod.spec.init_containers if is_sidecar(c)}
    first = [run for run in running if run.name not in sidecars] or running
    for run in first:
        grace = float(max(1, run.grace)) if view.gone and not pod.spec.containers else grace_period(pod)
        _kill(result, run, grace, f"Stopping container {run.name}")
    if running or any(key.startswith("container/") for key in view.busy) or "sandbox" in view.busy:
        return
    for sandbox in view.sandboxes:
        result.actions.append(RemoveSandbox(sandbox.id))
    if view.sandboxes or "volumes" in view.busy:
        return
    if not view.released:
        if not _held(result, view, "volumes", now):
            result.actions.append(Release())
        return
    if not (pod.metadata.deletion_timestamp or view.gone):
        _clear(result, view, keep=KEEP)
        return
    _clear(result, view, keep=0)
    if not any(view.containers.values()) and not view.finalized and not _held(result, view, "final", now):
        result.actions.append(Finalize())
