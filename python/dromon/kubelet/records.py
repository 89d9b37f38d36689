"""Records of containers and pods that are made rather than observed: groups, lost runs, orphans. Pure.

Neighbours: worker looks at its pod through them, agent makes orphans.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from dromon.api import times
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod
from dromon.api.types.pod_status import ContainerStatus
from dromon.kubelet.runtime.interface import Container, PodRef, State


def orphan(ref: PodRef) -> Pod:
    """A pod of which only containers are left."""
    return Pod(metadata=ObjectMeta(name=ref.name, namespace=ref.namespace, uid=ref.uid))


def group(observed: Iterable[Container]) -> dict[str, list[Container]]:
    """Containers by name, newest first."""
    runs: dict[str, list[Container]] = {}
    for container in observed:
        if not container.is_sandbox:
            runs.setdefault(container.name, []).append(container)
    for each in runs.values():
        each.sort(key=lambda c: (c.attempt, c.created_at), reverse=True)
    return runs


def lost_run(ref: PodRef, status: ContainerStatus, now: float) -> Container | None:
    """A record of the run that `status` is about, None when it never ran."""
    ended = status.state.terminated or (status.last_state.terminated if status.state.waiting else None)
    if not status.container_id or not (ended or status.state.running):
        return None
    made = Container(
        id=status.container_id.partition("://")[2],
        pod=ref,
        name=status.name,
        attempt=status.restart_count,
        state=State.EXITED,
        image=status.image,
        image_id=status.image_id.partition("://")[2],
        lost=True,
    )
    if ended is not None:
        return dataclasses.replace(
            made,
            exit_code=ended.exit_code,
            oom_killed=ended.reason == "OOMKilled",
            message=ended.message,
            lost=ended.reason == "ContainerStatusUnknown",
            started_at=times.parse(ended.started_at) if ended.started_at else 0.0,
            finished_at=times.parse(ended.finished_at) if ended.finished_at else now,
        )
    running = status.state.running
    assert running is not None
    return dataclasses.replace(
        made,
        exit_code=137,
        message="The container could not be located when the pod was looked at",
        started_at=times.parse(running.started_at) if running.started_at else 0.0,
        finished_at=now,
    )
