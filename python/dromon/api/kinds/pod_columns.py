"""The table of pods: how many containers are ready, what state a person would say it is in, restarts.

Source: cells as upstream's printer of pods works them out.

Neighbours: kinds.pod.
"""

from __future__ import annotations

from dataclasses import dataclass

from dromon.api import times
from dromon.api.kinds.columns import NONE, age_column, name_column
from dromon.api.resource import Column
from dromon.api.types.pod import Pod
from dromon.api.types.pod_status import ContainerState, ContainerStatus


@dataclass(slots=True)
class Summary:
    """A pod in a few words.

    Attributes:
        reason: what kubectl shows as STATUS.  ready: ready containers.  restarts: how many;
        last_restart: RFC 3339, "" for never.
    """

    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: str = ""

    def count(self, status: ContainerStatus) -> None:
        """Take a container's restarts in."""
        self.restarts += status.restart_count
        ended = status.last_state.terminated
        if ended is not None and ended.finished_at:
            self.last_restart = max(self.last_restart, ended.finished_at)


def summarize(pod: Pod) -> Summary:
    """The state of a pod as a person would say it."""
    status = pod.status
    summary = Summary(status.reason or status.phase)
    for condition in status.conditions:
        if condition.type == "PodScheduled" and condition.reason == "SchedulingGated":
            summary.reason = "SchedulingGated"
    initial = Summary("")
    waiting_for = _initialization(pod, initial, summary) if status.init_container_statuses else ""
    if waiting_for and not _has(pod, "Initialized"):
        summary.restarts, summary.last_restart = initial.restarts, initial.last_restart
        summary.reason = waiting_for
    else:
        summary.reason = waiting_for or summary.reason
        _containers(pod, summary)
    if pod.metadata.deletion_timestamp is not None:
        if status.reason == "NodeLost":
            summary.reason = "Unknown"
        elif status.phase not in ("Succeeded", "Failed"):
            summary.reason = "Terminating"
    return summary


def _initialization(pod: Pod, initial: Summary, sidecars: Summary) -> str:
    """Why initialization is not over ("Init:0/2"), or "" when it is.

    Counts all restarts in `initial`; those of sidecars, and which of them are ready, in `sidecars`.
    """
    restartable = {c.name for c in pod.spec.init_containers if c.restart_policy == "Always"}
    for i, status in enumerate(pod.status.init_container_statuses):
        initial.count(status)
        if status.name in restartable:
            sidecars.count(status)
        state = status.state
        if state.terminated is not None and state.terminated.exit_code == 0:
            continue
        if status.name in restartable and status.started:
            sidecars.ready += status.ready
            continue
        if state.terminated is not None:
            return "Init:" + _ended(state)
        if state.waiting is not None and state.waiting.reason not in ("", "PodInitializing"):
            return "Init:" + state.waiting.reason
        return f"Init:{i}/{len(pod.spec.init_containers)}"
    return ""


def _containers(pod: Pod, summary: Summary) -> None:
    """Let the containers speak: the first one that is not well has the last word."""
    running = False
    for status in reversed(pod.status.container_statuses):
        summary.count(status)
        state = status.state
        if state.waiting is not None and state.waiting.reason:
            summary.reason = state.waiting.reason
        elif state.terminated is not None:
            summary.reason = _ended(state)
        elif status.ready and state.running is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed" and running:
        summary.reason = "Running" if _has(pod, "Ready") else "NotReady"


def _ended(state: ContainerState) -> str:
    ended = state.terminated
    assert ended is not None
    if ended.reason:
        return ended.reason
    return f"Signal:{ended.signal}" if ended.signal else f"ExitCode:{ended.exit_code}"


def _has(pod: Pod, condition: str) -> bool:
    return any(c.type == condition and c.status == "True" for c in pod.status.conditions)


def _ready(pod: Pod, now: float) -> str:
    total = len(pod.spec.containers)
    if pod.spec.init_containers:
        total += sum(c.restart_policy == "Always" for c in pod.spec.init_containers)
    return f"{summarize(pod).ready}/{total}"


def _restarts(pod: Pod, now: float) -> int | str:
    summary = summarize(pod)
    if summary.restarts and summary.last_restart:
        return f"{summary.restarts} ({times.age(summary.last_restart, now)} ago)"
    return summary.restarts


def _gates(pod: Pod, now: float) -> str:
    gates = pod.spec.readiness_gates
    return f"{sum(_has(pod, g.condition_type) for g in gates)}/{len(gates)}" if gates else NONE


COLUMNS = (
    name_column(),
    Column("Ready", "string", _ready, description="Containers that are ready, of those that should be."),
    Column(
        "Status",
        "string",
        lambda pod, now: summarize(pod).reason,
        description="State of the pod: its phase, or what its containers wait for or ended with.",
    ),
    Column(
        "Restarts",
        "integer",
        _restarts,
        description="How often containers were restarted, and how long ago the last time was.",
    ),
    age_column(),
    Column(
        "IP",
        "string",
        lambda pod, now: pod.status.pod_ip or NONE,
        priority=1,
        description="Address that the pod's containers share.",
    ),
    Column(
        "Node",
        "string",
        lambda pod, now: pod.spec.node_name or NONE,
        priority=1,
        description="Node that the pod is bound to.",
    ),
    Column(
        "Nominated Node",
        "string",
        lambda pod, now: pod.status.nominated_node_name or NONE,
        priority=1,
        description="Node on which room is being made for the pod.",
    ),
    Column(
        "Readiness Gates",
        "string",
        _gates,
        priority=1,
        description="Extra conditions for readiness that hold, of those that the pod names.",
    ),
)
