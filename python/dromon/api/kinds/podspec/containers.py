"""Validity of containers: names, images, ports, environment, mounts, resources.

Source: the API reference of Container v1; paths, reasons and texts as upstream gives them.

Neighbours: spec calls it; probes has probes and lifecycle handlers.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from dromon.api import names
from dromon.api.errors import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid_value,
    not_found_value,
    not_supported,
    required,
)
from dromon.api.kinds.podspec import environment, probes, security
from dromon.api.kinds.podspec.probes import AnyContainer
from dromon.api.kinds.resources import check_requirements
from dromon.api.types.container import Container, ContainerPort, EphemeralContainer, VolumeMount
from dromon.api.types.pod import PodSpec
from dromon.api.validation import invalid

PROTOCOLS = ("SCTP", "TCP", "UDP")
PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_MESSAGE_POLICIES = ("FallbackToLogsOnError", "File")
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")


def check_containers(spec: PodSpec, path: str, found: list[FieldError]) -> None:
    """Faults of all the containers of a spec."""
    if not spec.containers:
        found.append(required(f"{path}.containers"))
    volumes = {v.name for v in spec.volumes}
    seen: set[str] = set()
    host_ports: set[str] = set()
    for i, container in enumerate(spec.containers):
        at = f"{path}.containers[{i}]"
        if container.restart_policy is not None:
            found.append(forbidden_field(f"{at}.restartPolicy", "may not be set for non-init containers"))
        _check(container, at, spec, volumes, seen, found)
        probes.check_probes(container, at, found)
        _check_host_ports(container.ports, at, host_ports, found)
    for i, container in enumerate(spec.init_containers):
        at = f"{path}.initContainers[{i}]"
        _check(container, at, spec, volumes, seen, found)
        _check_init(container, at, found)
        # Init containers run one by one, so that their host ports can't collide with each other.
        _check_host_ports(container.ports, at, set(host_ports) if _sidecar(container) else set(), found)
    for i, ephemeral in enumerate(spec.ephemeral_containers):
        _check_ephemeral(ephemeral, f"{path}.ephemeralContainers[{i}]", spec, volumes, seen, found)


def _sidecar(container: Container) -> bool:
    return container.restart_policy == "Always"


def _check(
    c: AnyContainer,
    at: str,
    spec: PodSpec,
    volumes: Collection[str],
    seen: set[str],
    found: list[FieldError],
) -> None:
    """Faults that a container of any sort can have."""
    if not c.name:
        found.append(required(f"{at}.name"))
    else:
        if why := names.label(c.name):
            found += invalid(f"{at}.name", c.name, why)
        if c.name in seen:
            found.append(duplicate(f"{at}.name", c.name))
        seen.add(c.name)
    if not c.image:
        found.append(required(f"{at}.image"))
    elif c.image != c.image.strip():
        found.append(invalid_value(f"{at}.image", c.image, "must not have leading or trailing whitespace"))
    if c.image_pull_policy not in PULL_POLICIES:
        found.append(_choice(f"{at}.imagePullPolicy", c.image_pull_policy, PULL_POLICIES))
    if c.termination_message_policy not in _MESSAGE_POLICIES:
        policy = c.termination_message_policy
        found.append(_choice(f"{at}.terminationMessagePolicy", policy, _MESSAGE_POLICIES))
    if c.ports:
        _check_ports(c.ports, at, spec.host_network, found)
    if c.env or c.env_from:
        environment.check(c, at, found)
    if c.volume_mounts:
        _check_mounts(c.volume_mounts, at, volumes, found)
    if c.resources.limits or c.resources.requests:
        check_requirements(c.resources, f"{at}.resources", found)
    if c.security_context is not None:
        security.check_container(c.security_context, f"{at}.securityContext", found)
    for i, policy_of in enumerate(c.resize_policy):
        if policy_of.resource_name not in ("cpu", "memory"):
            name = policy_of.resource_name
            found.append(_choice(f"{at}.resizePolicy[{i}].resourceName", name, ("cpu", "memory")))
        if policy_of.restart_policy not in ("NotRequired", "RestartContainer"):
            allowed = ("NotRequired", "RestartContainer")
            found.append(_choice(f"{at}.resizePolicy[{i}].restartPolicy", policy_of.restart_policy, allowed))


def _choice(path: str, value: str, allowed: Sequence[str]) -> FieldError:
    return not_supported(path, value, allowed) if value else required(path)


def _check_init(container: Container, at: str, found: list[FieldError]) -> None:
    if container.restart_policy not in (None, "Always"):
        found.append(not_supported(f"{at}.restartPolicy", container.restart_policy, ("Always",)))
    if _sidecar(container):
        probes.check_probes(container, at, found)
        return
    text = "may not be set for init containers without restartPolicy=Always"
    for wire, value in (
        ("lifecycle", container.lifecycle),
        ("livenessProbe", container.liveness_probe),
        ("readinessProbe", container.readiness_probe),
        ("startupProbe", container.startup_probe),
    ):
        if value is not None:
            found.append(forbidden_field(f"{at}.{wire}", text))


def _check_ephemeral(
    c: EphemeralContainer,
    at: str,
    spec: PodSpec,
    volumes: Collection[str],
    seen: set[str],
    found: list[FieldError],
) -> None:
    _check(c, at, spec, volumes, seen, found)
    for wire, value in (
        ("ports", c.ports),
        ("livenessProbe", c.liveness_probe),
        ("readinessProbe", c.readiness_probe),
        ("startupProbe", c.startup_probe),
        ("lifecycle", c.lifecycle),
        ("resources", c.resources.limits or c.resources.requests),
    ):
        if value:
            found.append(forbidden_field(f"{at}.{wire}", "cannot be set for an Ephemeral Container"))
    targets = {x.name for x in (*spec.containers, *spec.init_containers)}
    if c.target_container_name and c.target_container_name not in targets:
        found.append(not_found_value(f"{at}.targetContainerName", c.target_container_name))


def _check_ports(
    ports: Sequence[ContainerPort], at: str, host_network: bool, found: list[FieldError]
) -> None:
    seen: set[str] = set()
    for i, port in enumerate(ports):
        name, number = port.name, port.container_port
        if name:
            if why := names.port_name(name):
                found += invalid(f"{at}.ports[{i}].name", name, why)
            elif name in seen:
                found.append(duplicate(f"{at}.ports[{i}].name", name))
            seen.add(name)
        if not number:
            found.append(required(f"{at}.ports[{i}].containerPort"))
        elif not 1 <= number <= 65535:
            found += invalid(f"{at}.ports[{i}].containerPort", number, names.port_number(number))
        if port.host_port:
            why = names.port_number(port.host_port)
            found += invalid(f"{at}.ports[{i}].hostPort", port.host_port, why)
        if host_network and port.host_port not in (0, number):
            text = "must match `hostPort` when `hostNetwork` is true"
            found.append(invalid_value(f"{at}.ports[{i}].containerPort", number, text))
        if port.protocol not in PROTOCOLS:
            found.append(_choice(f"{at}.ports[{i}].protocol", port.protocol, PROTOCOLS))


def _check_host_ports(
    ports: Sequence[ContainerPort], at: str, taken: set[str], found: list[FieldError]
) -> None:
    for i, port in enumerate(ports):
        if port.host_port:
            key = f"{port.protocol}/{port.host_ip}/{port.host_port}"
            if key in taken:
                found.append(duplicate(f"{at}.ports[{i}].hostPort", key))
            taken.add(key)


def _check_mounts(
    mounts: Sequence[VolumeMount], at: str, volumes: Collection[str], found: list[FieldError]
) -> None:
    paths: set[str] = set()
    for i, mount in enumerate(mounts):
        if not mount.name:
            found.append(required(f"{at}.volumeMounts[{i}].name"))
        elif mount.name not in volumes:
            found.append(not_found_value(f"{at}.volumeMounts[{i}].name", mount.name))
        if not mount.mount_path:
            found.append(required(f"{at}.volumeMounts[{i}].mountPath"))
        elif mount.mount_path in paths:
            found.append(
                invalid_value(f"{at}.volumeMounts[{i}].mountPath", mount.mount_path, "must be unique")
            )
        paths.add(mount.mount_path)
        if mount.sub_path or mount.sub_path_expr:
            _check_sub_path(mount, f"{at}.volumeMounts[{i}]", found)
        propagation = mount.mount_propagation
        if propagation is not None and propagation not in _PROPAGATIONS:
            wire = f"{at}.volumeMounts[{i}].mountPropagation"
            found.append(not_supported(wire, propagation, _PROPAGATIONS))


def _check_sub_path(mount: VolumeMount, at: str, found: list[FieldError]) -> None:
    if mount.sub_path and mount.sub_path_expr:
        text = "subPathExpr and subPath are mutually exclusive"
        found.append(invalid_value(f"{at}.subPathExpr", mount.sub_path_expr, text))
    for wire, value in (("subPath", mount.sub_path), ("subPathExpr", mount.sub_path_expr)):
        check_local_path(value, f"{at}.{wire}", found)


def check_local_path(value: str, path: str, found: list[FieldError]) -> None:
    """Faults of a path inside a volume: it must be relative and stay in it."""
    if value.startswith("/"):
        found.append(invalid_value(path, value, "must be a relative path"))
    if ".." in value.split("/"):
        found.append(invalid_value(path, value, "must not contain '..'"))
