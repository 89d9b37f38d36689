"""From a pod's spec to what the runtime shall make: users, privileges, limits, binds. Pure but for subPaths.

Sources: core/v1 SecurityContext and PodSecurityContext (the container's settings win over the pod's).

Neighbours: operations calls it, env gives the environment, runtime.interface has the result's types.
"""

from __future__ import annotations

from collections.abc import Mapping

from dromon.api.types.container import Container, VolumeMount
from dromon.api.types.pod import Pod
from dromon.api.types.security import PodSecurityContext, SecurityContext
from dromon.kubelet.env import ConfigError, expand
from dromon.kubelet.files import subpath
from dromon.kubelet.network.interface import HostPort
from dromon.kubelet.plan import container_hash
from dromon.kubelet.qos import limits
from dromon.kubelet.runtime.interface import (
    Bind,
    ContainerSpec,
    Image,
    PodRef,
    Privileges,
    SandboxSpec,
)
from dromon.kubelet.view import is_sidecar

_PROPAGATION = {"HostToContainer": "rslave", "Bidirectional": "rshared"}


def ref_of(pod: Pod) -> PodRef:
    """The pod's identity."""
    return PodRef(pod.metadata.namespace, pod.metadata.name, pod.metadata.uid)


def _grace(pod: Pod) -> int:
    grace = pod.spec.termination_grace_period_seconds
    return 30 if grace is None else grace


def sandbox_spec(pod: Pod, attempt: int, hostname: str) -> SandboxSpec:
    """The pod's sandbox."""
    security = pod.spec.security_context
    return SandboxSpec(
        pod=ref_of(pod),
        attempt=attempt,
        hostname=hostname,
        host_network=pod.spec.host_network,
        host_ipc=pod.spec.host_ipc,
        host_pid=pod.spec.host_pid,
        sysctls={s.name: s.value for s in security.sysctls} if security else {},
        grace=_grace(pod),
        annotations=pod.metadata.annotations,
    )


def container_spec(
    pod: Pod,
    container: Container,
    *,
    attempt: int,
    sandbox: str,
    image: Image,
    environment: Mapping[str, str],
    binds: tuple[Bind, ...],
    memory_capacity: int,
) -> ContainerSpec:
    """One container of the pod.

    Args:
        environment: resolved variables.
        binds: volumes and the node's own files.
        memory_capacity: of the node in bytes, for oom_score_adj.

    Raises:
        ConfigError: it must not run as root, but would.
    """
    pid_mode = "host" if pod.spec.host_pid else "sandbox" if pod.spec.share_process_namespace else ""
    return ContainerSpec(
        pod=ref_of(pod),
        name=container.name,
        attempt=attempt,
        sandbox=sandbox,
        image=container.image,
        hash=container_hash(container),
        grace=_grace(pod),
        command=tuple(expand(word, environment) for word in container.command),
        args=tuple(expand(word, environment) for word in container.args),
        environment=tuple(f"{k}={v}" for k, v in environment.items()),
        working_dir=container.working_dir,
        binds=binds,
        limits=limits(pod, container, memory_capacity),
        privileges=privileges(pod, container, image),
        pid_mode=pid_mode,
        host_ipc=pod.spec.host_ipc,
        stdin=container.stdin,
        stdin_once=container.stdin_once,
        tty=container.tty,
        init=container in pod.spec.init_containers and not is_sidecar(container),
        annotations=pod.metadata.annotations,
    )


def privileges(pod: Pod, container: Container, image: Image) -> Privileges:
    """Who the container runs as and what it may do.

    Raises:
        ConfigError: runAsNonRoot is set and the user is root or can't be told.
    """
    shared = pod.spec.security_context or PodSecurityContext()
    own = container.security_context or SecurityContext()
    user = own.run_as_user if own.run_as_user is not None else shared.run_as_user
    group = own.run_as_group if own.run_as_group is not None else shared.run_as_group
    non_root = own.run_as_non_root if own.run_as_non_root is not None else shared.run_as_non_root
    if non_root:
        _refuse_root(container.name, user, image)
    text = "" if user is None else str(user)
    if group is not None:
        text = f"{text or image.user.partition(':')[0] or '0'}:{group}"
    groups = [str(g) for g in shared.supplemental_groups]
    if shared.fs_group is not None:
        groups.append(str(shared.fs_group))
    capabilities = own.capabilities
    seccomp = own.seccomp_profile or shared.seccomp_profile
    return Privileges(
        user=text,
        groups=tuple(groups),
        privileged=bool(own.privileged),
        add=tuple(capabilities.add) if capabilities else (),
        drop=tuple(capabilities.drop) if capabilities else (),
        read_only_root=bool(own.read_only_root_filesystem),
        no_new_privileges=own.allow_privilege_escalation is False,
        unconfined=seccomp is not None and seccomp.type == "Unconfined",
    )


def _refuse_root(name: str, user: int | None, image: Image) -> None:
    if user is not None:
        if user == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy (container: {name})")
        return
    asked = image.user.partition(":")[0]
    if asked in ("", "0", "root"):
        raise ConfigError(f"container has runAsNonRoot and image will run as root (container: {name})")
    if not asked.isdigit():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({asked}), "
            f"cannot verify user is non-root (container: {name})"
        )


def volume_binds(
    container: Container, volumes: Mapping[str, str], environment: Mapping[str, str]
) -> tuple[Bind, ...]:
    """The container's volume mounts. Makes the directories of subPaths.

    Args:
        volumes: volume name -> host path.

    Raises:
        ConfigError: a mount names no volume, or a subPath leads out of it.
    """
    return tuple(_bind(mount, volumes, environment) for mount in container.volume_mounts)


def _bind(mount: VolumeMount, volumes: Mapping[str, str], environment: Mapping[str, str]) -> Bind:
    source = volumes.get(mount.name)
    if source is None:
        raise ConfigError(f'no volume is named "{mount.name}"')
    inner = mount.sub_path or expand(mount.sub_path_expr, environment)
    if inner:
        try:
            source = subpath(source, inner)
        except (ValueError, OSError) as error:
            raise ConfigError(f'failed to prepare subPath for volumeMount "{mount.name}": {error}') from error
    propagation = _PROPAGATION.get(mount.mount_propagation or "", "")
    target = mount.mount_path if mount.mount_path.startswith("/") else "/" + mount.mount_path
    return Bind(source, target, mount.read_only, propagation)


def file_binds(container: Container, files: Mapping[str, str]) -> tuple[Bind, ...]:
    """Binds of the node's own files (target -> source), except where the container has a mount of its own."""
    taken = {mount.mount_path.rstrip("/") for mount in container.volume_mounts}
    return tuple(Bind(source, target) for target, source in files.items() if target not in taken)


def host_ports(pod: Pod) -> list[HostPort]:
    """The node's ports that lead to the pod."""
    if pod.spec.host_network:
        return []
    every = [*pod.spec.containers, *(c for c in pod.spec.init_containers if is_sidecar(c))]
    return [
        HostPort(port.host_port, port.container_port, port.protocol or "TCP", port.host_ip)
        for container in every
        for port in container.ports
        if port.host_port
    ]
