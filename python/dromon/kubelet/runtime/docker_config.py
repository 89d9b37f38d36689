"""Between the seam's terms and Docker's: specs to create requests, inspections to containers. Pure.

Labels are the kubelet's only memory, so everything that a restart needs is in them. The cluster label keeps
several clusters on one daemon apart.

Source: Docker Engine API v1.41.

Neighbours: docker.DockerRuntime sends and asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dromon.api import times
from dromon.kubelet.runtime.interface import (
    Container,
    ContainerSpec,
    Image,
    PodRef,
    SandboxSpec,
    State,
)

PREFIX = "io.dromon."
CLUSTER = PREFIX + "cluster"
NODE = PREFIX + "node"
KIND = PREFIX + "kind"
NAMESPACE = PREFIX + "pod.namespace"
NAME = PREFIX + "pod.name"
UID = PREFIX + "pod.uid"
GRACE = PREFIX + "pod.grace-period"
CONTAINER = PREFIX + "container"
ATTEMPT = PREFIX + "restart-count"
HASH = PREFIX + "hash"
SANDBOX = PREFIX + "sandbox"

SANDBOX_OOM_SCORE = -998
"""Sandboxes are the last to be killed for memory."""

_LOGS = {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}}
_FAILED_START = (126, 127, 128)


def container_name(pod: PodRef, name: str, attempt: int) -> str:
    """The name that Docker shows: k8s_<container>_<pod>_<namespace>_<uid>_<attempt>."""
    return f"k8s_{name or 'POD'}_{pod.name}_{pod.namespace}_{pod.uid}_{attempt}"


def _labels(pod: PodRef, kind: str, attempt: int, grace: int, cluster: str, node: str) -> dict[str, str]:
    return {
        CLUSTER: cluster,
        NODE: node,
        KIND: kind,
        NAMESPACE: pod.namespace,
        NAME: pod.name,
        UID: pod.uid,
        ATTEMPT: str(attempt),
        GRACE: str(grace),
    }


def sandbox_request(
    spec: SandboxSpec, image: str, cluster: str, node: str, oom_floor: int = -1000
) -> dict[str, Any]:
    """The create request of a sandbox: no network of Docker's, an IPC namespace that others may join."""
    host: dict[str, Any] = {
        "NetworkMode": "host" if spec.host_network else "none",
        "IpcMode": "host" if spec.host_ipc else "shareable",
        "PidMode": "host" if spec.host_pid else "",
        "LogConfig": {"Type": "none"},
        "OomScoreAdj": max(SANDBOX_OOM_SCORE, oom_floor),
        "CpuShares": 2,
        "Sysctls": dict(spec.sysctls),
        "SecurityOpt": ["no-new-privileges"],
        "ReadonlyRootfs": True,
    }
    request: dict[str, Any] = {
        "Image": image,
        "Labels": _labels(spec.pod, "sandbox", spec.attempt, spec.grace, cluster, node),
        "HostConfig": host,
    }
    if not spec.host_network:
        request["Hostname"] = spec.hostname
    return request


def container_request(spec: ContainerSpec, cluster: str, node: str, oom_floor: int = -1000) -> dict[str, Any]:
    """The create request of a container that joins its sandbox's namespaces."""
    labels = _labels(spec.pod, "container", spec.attempt, spec.grace, cluster, node)
    labels.update({CONTAINER: spec.name, HASH: spec.hash, SANDBOX: spec.sandbox})
    request: dict[str, Any] = {
        "Image": spec.image,
        "Env": list(spec.environment),
        "WorkingDir": spec.working_dir,
        "User": spec.privileges.user,
        "Tty": spec.tty,
        "OpenStdin": spec.stdin,
        "StdinOnce": spec.stdin_once,
        "Labels": labels,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": _host_config(spec, oom_floor),
    }
    if spec.command:
        request["Entrypoint"] = list(spec.command)
    if spec.args:
        request["Cmd"] = list(spec.args)
    return request


def _host_config(spec: ContainerSpec, oom_floor: int) -> dict[str, Any]:
    limits, may = spec.limits, spec.privileges
    security = ["no-new-privileges"] if may.no_new_privileges else []
    if may.unconfined:
        security.append("seccomp=unconfined")
    join = f"container:{spec.sandbox}"
    host: dict[str, Any] = {
        "NetworkMode": join,
        "IpcMode": "host" if spec.host_ipc else join,
        "PidMode": {"": "", "sandbox": join, "host": "host"}[spec.pid_mode],
        "LogConfig": _LOGS,
        "CpuShares": limits.cpu_shares,
        "OomScoreAdj": max(limits.oom_score_adj, oom_floor),
        "Privileged": may.privileged,
        "CapAdd": list(may.add),
        "CapDrop": list(may.drop),
        "GroupAdd": list(may.groups),
        "ReadonlyRootfs": may.read_only_root,
        "SecurityOpt": security,
        "Mounts": [
            {
                "Type": "bind",
                "Source": bind.source,
                "Target": bind.target,
                "ReadOnly": bind.read_only,
                # Left to the engine where nothing is asked: private, but for a bind that has the engine's
                # own directory in it, which it refuses to make private.
                "BindOptions": {"Propagation": bind.propagation} if bind.propagation else {},
            }
            for bind in spec.binds
        ],
    }
    if limits.cpu_quota:
        host.update({"CpuQuota": limits.cpu_quota, "CpuPeriod": limits.cpu_period})
    if limits.memory:
        host.update({"Memory": limits.memory, "MemorySwap": limits.memory})
    return host


def _time(text: str) -> float:
    """A stamp of Docker's, 0 for its zero time."""
    return 0.0 if not text or text.startswith("0001-") else times.parse(text)


def container_of(inspection: Mapping[str, Any]) -> Container:
    """A container from its inspection; one that could not be started counts as exited."""
    labels: Mapping[str, str] = inspection["Config"]["Labels"]
    status = inspection["State"]
    running = bool(status["Running"]) and not status.get("Restarting")
    created = _time(inspection["Created"])
    never_ran = status["Status"] == "created"
    failed = never_ran and (bool(status.get("Error")) or status["ExitCode"] in _FAILED_START)
    if running:
        state = State.RUNNING
    elif never_ran and not failed:
        state = State.CREATED
    else:
        state = State.EXITED
    sandbox = labels[KIND] == "sandbox"
    return Container(
        id=inspection["Id"],
        pod=PodRef(labels[NAMESPACE], labels[NAME], labels[UID]),
        name="" if sandbox else labels[CONTAINER],
        attempt=int(labels.get(ATTEMPT, "0")),
        state=state,
        created_at=created,
        started_at=_time(status["StartedAt"]),
        finished_at=0.0 if running else _time(status["FinishedAt"]) or created,
        sandbox=labels.get(SANDBOX, ""),
        exit_code=0 if running else int(status["ExitCode"]),
        oom_killed=bool(status.get("OOMKilled")),
        error=status.get("Error", ""),
        image=inspection["Config"]["Image"],
        image_id=inspection["Image"],
        hash=labels.get(HASH, ""),
        grace=int(labels.get(GRACE, "30")),
        netns=f"/proc/{status['Pid']}/ns/net" if sandbox and running else "",
    )


def image_of(inspection: Mapping[str, Any]) -> Image:
    """An image from its inspection."""
    config = inspection.get("Config") or {}
    names = (*(inspection.get("RepoTags") or ()), *(inspection.get("RepoDigests") or ()))
    return Image(
        id=inspection["Id"],
        names=names,
        size=int(inspection.get("Size", 0)),
        user=config.get("User", ""),
        environment=tuple(config.get("Env") or ()),
    )


def split_reference(reference: str) -> tuple[str, str]:
    """Repository and tag (or digest) of an image's name; the tag is "latest" when none is given."""
    if "@" in reference:
        repository, _, digest = reference.partition("@")
        return repository, digest
    head, _, tail = reference.rpartition("/")
    name, colon, tag = tail.partition(":")
    repository = f"{head}/{name}" if head else name
    return repository, tag if colon and tag else "latest"
