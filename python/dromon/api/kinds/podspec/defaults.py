"""What a pod spec holds where the client said nothing.

Source: the API reference of Pod v1 ("Defaults to ..."). Specs of templates get all but what only a pod
decides: requests from limits, service links, host ports of host-network pods.

Neighbours: kinds.pod, kinds.podtemplate, kinds.replicationcontroller; volume_defaults has those of volumes.
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.api.kinds.podspec.pulling import pull_policy
from dromon.api.kinds.podspec.volume_defaults import default_volume
from dromon.api.kinds.resources import canonical_or_same, make_canonical
from dromon.api.types.container import (
    Container,
    EnvVar,
    EphemeralContainer,
    HTTPGetAction,
    Lifecycle,
    Probe,
    ResourceRequirements,
)
from dromon.api.types.pod import PodSpec
from dromon.api.types.security import PodSecurityContext
from dromon.api.types.workload import PodTemplateSpec

AnyContainer = Container | EphemeralContainer

GRACE_PERIOD = 30
"""Seconds between SIGTERM and SIGKILL."""


def default_pod_spec(spec: PodSpec) -> None:
    """Defaults of a pod's spec."""
    default_spec(spec)
    if spec.enable_service_links is None:
        spec.enable_service_links = True
    for container in (*spec.containers, *spec.init_containers):
        _requests_from_limits(container.resources)
        if spec.host_network:
            for port in container.ports:
                port.host_port = port.host_port or port.container_port


def default_template(template: PodTemplateSpec) -> None:
    """Defaults of a pod template."""
    default_spec(template.spec)


def default_spec(spec: PodSpec) -> None:
    """Defaults that pods and templates share."""
    spec.restart_policy = spec.restart_policy or "Always"
    spec.dns_policy = spec.dns_policy or "ClusterFirst"
    spec.scheduler_name = spec.scheduler_name or "default-scheduler"
    if spec.termination_grace_period_seconds is None:
        spec.termination_grace_period_seconds = GRACE_PERIOD
    if spec.security_context is None:
        spec.security_context = PodSecurityContext()
    # The old name of the field is kept equal to the new one, as clients read either.
    account = spec.service_account_name or spec.service_account
    spec.service_account_name = spec.service_account = account
    if spec.overhead:
        make_canonical(spec.overhead)
    for container in spec.containers:
        _default_container(container)
    for container in spec.init_containers:
        _default_container(container)
    for ephemeral in spec.ephemeral_containers:
        _default_container(ephemeral)
    for volume in spec.volumes:
        default_volume(volume)


def _default_container(c: AnyContainer) -> None:
    c.image_pull_policy = c.image_pull_policy or pull_policy(c.image)
    c.termination_message_path = c.termination_message_path or "/dev/termination-log"
    c.termination_message_policy = c.termination_message_policy or "File"
    for port in c.ports:
        port.protocol = port.protocol or "TCP"
    if c.env:
        _default_env(c.env)
    resources = c.resources
    if resources.limits:
        make_canonical(resources.limits)
    if resources.requests:
        make_canonical(resources.requests)
    if c.liveness_probe is not None:
        _default_probe(c.liveness_probe)
    if c.readiness_probe is not None:
        _default_probe(c.readiness_probe)
    if c.startup_probe is not None:
        _default_probe(c.startup_probe)
    if c.lifecycle is not None:
        _default_lifecycle(c.lifecycle)


def _default_env(env: Sequence[EnvVar]) -> None:
    for variable in env:
        source = variable.value_from
        if source is None:
            continue
        if source.field_ref is not None:
            source.field_ref.api_version = source.field_ref.api_version or "v1"
        if source.resource_field_ref is not None:
            source.resource_field_ref.divisor = canonical_or_same(source.resource_field_ref.divisor)


def _default_probe(probe: Probe) -> None:
    probe.timeout_seconds = probe.timeout_seconds or 1
    probe.period_seconds = probe.period_seconds or 10
    probe.success_threshold = probe.success_threshold or 1
    probe.failure_threshold = probe.failure_threshold or 3
    if probe.http_get is not None:
        _default_http(probe.http_get)
    elif probe.grpc is not None and probe.grpc.service is None:
        probe.grpc.service = ""


def _default_http(action: HTTPGetAction) -> None:
    action.path = action.path or "/"
    action.scheme = action.scheme or "HTTP"


def _default_lifecycle(lifecycle: Lifecycle) -> None:
    for handler in (lifecycle.post_start, lifecycle.pre_stop):
        if handler is not None and handler.http_get is not None:
            _default_http(handler.http_get)


def _requests_from_limits(resources: ResourceRequirements) -> None:
    if resources.limits:
        resources.requests = {**resources.limits, **resources.requests}
