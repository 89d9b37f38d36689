"""What to tell the API about a pod: a pure function of the pod, what is observed and the time.

Phases as the talk has them (slide 21): pending, running, succeeded, failed, and failed is the end. Container
states, conditions and reasons as the pod lifecycle pages of the Kubernetes documentation describe them.

Neighbours: view has the input, statuswriter sends the result when it differs from what the API has.
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.api import times
from dromon.api.types.container import Container as ContainerSpec
from dromon.api.types.pod import Pod
from dromon.api.types.pod_status import (
    ContainerState,
    ContainerStateRunning,
    ContainerStateTerminated,
    ContainerStateWaiting,
    ContainerStatus,
    HostIP,
    PodCondition,
    PodIP,
    PodStatus,
)
from dromon.kubelet.plan import init_policy, restarts
from dromon.kubelet.qos import qos_class
from dromon.kubelet.runtime.interface import Container, State
from dromon.kubelet.view import Notes, View, initialized, is_sidecar, is_started

DONE = frozenset({"Succeeded", "Failed"})
"""Phases that are never left."""


def pod_status(pod: Pod, view: View, now: float, *, host_ip: str, scheme: str) -> PodStatus:
    """The pod's status.

    Args:
        pod: as the API has it; its status is the previous one, whose transition times are kept.
        now: seconds since the epoch.
        host_ip: the node's address.
        scheme: of container ids ("docker").
    """
    old = pod.status
    ending = bool(pod.metadata.deletion_timestamp or view.gone or view.terminal or view.failure)
    maker = _Statuses(pod, view, now, scheme, ending)
    status = PodStatus(
        host_ip=host_ip,
        host_ips=[HostIP(ip=host_ip)] if host_ip else [],
        start_time=old.start_time or times.format(now),
        qos_class=old.qos_class or qos_class(pod),
        message=old.message,
        reason=old.reason,
        nominated_node_name=old.nominated_node_name,
        init_container_statuses=[maker.make(c, init=True) for c in pod.spec.init_containers],
        container_statuses=[maker.make(c, init=False) for c in pod.spec.containers],
        ephemeral_container_statuses=old.ephemeral_container_statuses,
    )
    address = host_ip if pod.spec.host_network else view.address
    if not address and (old.phase in DONE or ending):
        address = old.pod_ip
    if address:
        status.pod_ip = address
        status.pod_ips = [PodIP(ip=address)]
    status.phase = _final_phase(pod, view, status, ending) or phase(pod, status)
    if view.failure and old.phase not in DONE:
        status.reason, status.message = view.failure.reason, view.failure.message
    status.conditions = _conditions(pod, view, status, now)
    return status


class _Statuses:
    """Makes the status of each container of one pod."""

    def __init__(self, pod: Pod, view: View, now: float, scheme: str, ending: bool) -> None:
        self._pod, self._view, self._now, self._scheme = pod, view, now, scheme
        self._ending = ending
        self._ready_to_run = initialized(pod, view)
        self._old = {s.name: s for s in (*pod.status.init_container_statuses, *pod.status.container_statuses)}

    def make(self, container: ContainerSpec, *, init: bool) -> ContainerStatus:
        """The status of one container."""
        run = self._view.newest(container.name)
        old = self._old.get(container.name)
        if run is None or run.state is State.CREATED:
            runs = [r for r in self._view.containers.get(container.name, ()) if r.state is not State.CREATED]
            if not runs:
                return self._not_run(container, old)
            run = runs[0]
        notes = self._view.notes_of(container.name)
        status = ContainerStatus(
            name=container.name,
            image=run.image or container.image,
            image_id=f"{self._scheme}://{run.image_id}" if run.image_id else "",
            restart_count=run.attempt,
            container_id=f"{self._scheme}://{run.id}",
        )
        earlier = self._view.containers.get(container.name, ())[1:]
        if run.state is State.RUNNING:
            started_at = times.format(run.started_at)
            status.state = ContainerState(running=ContainerStateRunning(started_at=started_at))
            status.started = is_started(container, run, notes)
            plain_init = init and not is_sidecar(container)
            status.ready = status.started and not plain_init and self._ready(container, run, notes)
            status.last_state = self._last(earlier, old, run)
            return status
        ended = self._terminated(run)
        waiting = self._waiting_again(container, run, notes, init)
        status.started = False
        status.ready = init and run.exit_code == 0 and not is_sidecar(container)
        if waiting is None:
            status.state = ContainerState(terminated=ended)
            status.last_state = self._last(earlier, old, run)
        else:
            status.state = ContainerState(waiting=waiting)
            status.last_state = ContainerState(terminated=ended)
        return status

    def _ready(self, container: ContainerSpec, run: Container, notes: Notes) -> bool:
        if container.readiness_probe is None:
            return True
        return notes.container_id == run.id and bool(notes.ready)

    def _not_run(self, container: ContainerSpec, old: ContainerStatus | None) -> ContainerStatus:
        """A container that has not run yet, or of which nothing is left."""
        if self._ending and old is not None and old.container_id:
            return old
        status = ContainerStatus(name=container.name, image=container.image, started=False)
        blocked = self._view.notes_of(container.name).blocked
        if blocked is not None:
            reason, message = blocked.shown(self._now)
        elif self._pod.spec.init_containers and not self._ready_to_run:
            reason, message = "PodInitializing", ""
        else:
            reason, message = "ContainerCreating", ""
        status.state = ContainerState(waiting=ContainerStateWaiting(reason=reason, message=message))
        return status

    def _waiting_again(
        self, container: ContainerSpec, run: Container, notes: Notes, init: bool
    ) -> ContainerStateWaiting | None:
        """Why an ended container is not running yet, or None when it stays as it is."""
        policy = init_policy(self._pod, container) if init else self._pod.spec.restart_policy
        if self._ending or not restarts(policy, run.exit_code):
            return None
        if notes.blocked is not None:
            reason, message = notes.blocked.shown(self._now)
            return ContainerStateWaiting(reason=reason, message=message)
        if notes.backoff.remaining(run.finished_at, self._now) > 0:
            return ContainerStateWaiting(
                reason="CrashLoopBackOff",
                message=back_off_message(self._pod, container.name, notes.backoff.delay),
            )
        return None

    def _last(
        self, earlier: Sequence[Container], old: ContainerStatus | None, run: Container
    ) -> ContainerState:
        """The state before this one: of the run before, else what the API remembers."""
        for before in earlier:
            if before.state is State.EXITED:
                return ContainerState(terminated=self._terminated(before))
        if old is not None and old.restart_count == run.attempt:
            return old.last_state
        if old is not None and old.state.terminated is not None:
            return old.state
        return ContainerState()

    def _terminated(self, run: Container) -> ContainerStateTerminated:
        if run.oom_killed:
            reason = "OOMKilled"
        elif run.lost:
            reason = "ContainerStatusUnknown"
        elif run.error:
            reason = "ContainerCannotRun"
        else:
            reason = "Error" if run.exit_code else "Completed"
        return ContainerStateTerminated(
            exit_code=run.exit_code,
            reason=reason,
            message=run.error or run.message,
            started_at=times.format(run.started_at or run.created_at),
            finished_at=times.format(run.finished_at or run.created_at),
            container_id=f"{self._scheme}://{run.id}",
        )


def back_off_message(pod: Pod, container: str, delay: float) -> str:
    """The text of a CrashLoopBackOff."""
    meta = pod.metadata
    return (
        f"back-off {duration(delay)} restarting failed container={container} "
        f"pod={meta.name}_{meta.namespace}({meta.uid})"
    )


def duration(seconds: float) -> str:
    """Whole seconds as clients know durations: "10s", "2m40s", "5m0s"."""
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"


def _final_phase(pod: Pod, view: View, status: PodStatus, ending: bool) -> str:
    """The phase of a pod that is over or ends, "" while it lives."""
    if pod.status.phase in DONE:
        return pod.status.phase
    if view.failure:
        return "Failed"
    if not ending or view.running() or not pod.spec.containers:
        return ""
    ended = [s.state.terminated for s in status.container_statuses]
    if any(t is None for t in ended):
        return ""
    return "Failed" if any(t and t.exit_code for t in ended) else "Succeeded"


def phase(pod: Pod, status: PodStatus) -> str:
    """The phase that follows from the containers' states."""
    specs = {c.name: c for c in pod.spec.init_containers}
    pending = False
    for s in status.init_container_statuses:
        ended = s.state.terminated
        if is_sidecar(specs[s.name]):
            pending = pending or not (s.started or ended or s.last_state.terminated)
        elif ended is None or ended.exit_code:
            if ended is not None and pod.spec.restart_policy == "Never":
                return "Failed"
            pending = True
    states = status.container_statuses
    waiting = any(s.state.waiting and not s.last_state.terminated for s in states)
    if pending or waiting or not states:
        return "Pending"
    if any(s.state.running for s in states) or pod.spec.restart_policy == "Always":
        return "Running"
    ended_states = [s.state.terminated for s in states]
    if any(t is None for t in ended_states):
        return "Running"
    if all(t and t.exit_code == 0 for t in ended_states):
        return "Succeeded"
    return "Failed" if pod.spec.restart_policy == "Never" else "Running"


def _conditions(pod: Pod, view: View, status: PodStatus, now: float) -> list[PodCondition]:
    """The kubelet's conditions, with those of others kept."""
    connected = view.sandbox_alive and view.attached
    containers = _containers_ready(status)
    made = [
        _condition("PodReadyToStartContainers", connected),
        _initialized(pod, view, status),
        _ready(pod, containers),
        containers,
    ]
    old = {c.type: c for c in pod.status.conditions}
    if "PodScheduled" not in old:
        made.append(_condition("PodScheduled", True))
    for condition in made:
        before = old.get(condition.type)
        same = before is not None and before.status == condition.status
        condition.last_transition_time = (
            before.last_transition_time if same and before is not None else times.format(now)
        )
    names = {c.type for c in made}
    return made + [c for c in pod.status.conditions if c.type not in names]


def _condition(kind: str, ok: bool, reason: str = "", message: str = "") -> PodCondition:
    return PodCondition(type=kind, status="True" if ok else "False", reason=reason, message=message)


def _initialized(pod: Pod, view: View, status: PodStatus) -> PodCondition:
    if status.phase == "Succeeded":
        return _condition("Initialized", True, "PodCompleted")
    over = status.phase in DONE or pod.metadata.deletion_timestamp
    old = next((c for c in pod.status.conditions if c.type == "Initialized"), None)
    if not pod.spec.init_containers or initialized(pod, view) or (over and old and old.status == "True"):
        return _condition("Initialized", True)
    unfinished = [s.name for s in status.init_container_statuses if not s.ready]
    message = f"containers with incomplete status: [{' '.join(unfinished)}]"
    return _condition("Initialized", False, "ContainersNotInitialized", message)


def _containers_ready(status: PodStatus) -> PodCondition:
    if status.phase == "Succeeded":
        return _condition("ContainersReady", False, "PodCompleted")
    if status.phase == "Failed":
        return _condition("ContainersReady", False, "PodFailed")
    unready = [s.name for s in status.container_statuses if not s.ready]
    sidecars = [s.name for s in status.init_container_statuses if s.state.running and not s.ready]
    if not unready and not sidecars and status.container_statuses:
        return _condition("ContainersReady", True)
    message = f"containers with unready status: [{' '.join([*sidecars, *unready])}]"
    return _condition("ContainersReady", False, "ContainersNotReady", message)


def _ready(pod: Pod, containers: PodCondition) -> PodCondition:
    if containers.status != "True":
        return _condition("Ready", False, containers.reason, containers.message)
    have = {c.type: c.status for c in pod.status.conditions}
    for gate in pod.spec.readiness_gates:
        kind = gate.condition_type
        if have.get(kind) != "True":
            text = f'corresponding condition of pod readiness gate "{kind}" '
            text += f'has status "{have[kind]}".' if kind in have else "does not exist."
            return _condition("Ready", False, "ReadinessGatesNotReady", text.rstrip("."))
    return _condition("Ready", True)
