"""Containers, their environment, ports and probes (core/v1).

Neighbours: pod.PodSpec holds them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, IntOrString, Quantity, always
from dromon.api.types.references import LocalObjectReference
from dromon.api.types.security import SecurityContext

PACKAGE = "k8s.io.api.core.v1"


class ConfigMapEnvSource(LocalObjectReference):
    """core/v1 ConfigMapEnvSource."""

    optional: bool | None = None


class ConfigMapKeySelector(LocalObjectReference):
    """core/v1 ConfigMapKeySelector."""

    key: str = always("")
    optional: bool | None = None


class ContainerPort(Api):
    """core/v1 ContainerPort."""

    name: str = ""
    host_port: Int32 = 0
    container_port: Int32 = always(0)
    protocol: str = ""
    host_ip: str = field(default="", name="hostIP")


class ContainerResizePolicy(Api):
    """core/v1 ContainerResizePolicy."""

    resource_name: str = always("")
    restart_policy: str = always("")


class ContainerRestartRuleOnExitCodes(Api):
    """core/v1 ContainerRestartRuleOnExitCodes."""

    operator: str = ""
    values: list[Int32] = []


class ContainerRestartRule(Api):
    """core/v1 ContainerRestartRule."""

    action: str = ""
    exit_codes: ContainerRestartRuleOnExitCodes | None = None


class SecretEnvSource(LocalObjectReference):
    """core/v1 SecretEnvSource."""

    optional: bool | None = None


class EnvFromSource(Api):
    """core/v1 EnvFromSource."""

    prefix: str = ""
    config_map_ref: ConfigMapEnvSource | None = None
    secret_ref: SecretEnvSource | None = None


class FileKeySelector(Api):
    """core/v1 FileKeySelector."""

    volume_name: str = always("")
    path: str = always("")
    key: str = always("")
    optional: bool | None = None


class ObjectFieldSelector(Api):
    """core/v1 ObjectFieldSelector."""

    api_version: str = ""
    field_path: str = always("")


class ResourceFieldSelector(Api):
    """core/v1 ResourceFieldSelector."""

    container_name: str = ""
    resource: str = always("")
    divisor: Quantity = "0"


class SecretKeySelector(LocalObjectReference):
    """core/v1 SecretKeySelector."""

    key: str = always("")
    optional: bool | None = None


class EnvVarSource(Api):
    """core/v1 EnvVarSource."""

    field_ref: ObjectFieldSelector | None = None
    resource_field_ref: ResourceFieldSelector | None = None
    config_map_key_ref: ConfigMapKeySelector | None = None
    secret_key_ref: SecretKeySelector | None = None
    file_key_ref: FileKeySelector | None = None


class EnvVar(Api):
    """core/v1 EnvVar."""

    name: str = always("")
    value: str = ""
    value_from: EnvVarSource | None = None


class ExecAction(Api):
    """core/v1 ExecAction."""

    command: list[str] = []


class HTTPHeader(Api):
    """core/v1 HTTPHeader."""

    name: str = always("")
    value: str = always("")


class HTTPGetAction(Api):
    """core/v1 HTTPGetAction."""

    path: str = ""
    port: IntOrString = 0
    host: str = ""
    scheme: str = ""
    http_headers: list[HTTPHeader] = []
    protocol: str | None = None


class SleepAction(Api):
    """core/v1 SleepAction."""

    seconds: Int64 = always(0)


class TCPSocketAction(Api):
    """core/v1 TCPSocketAction."""

    port: IntOrString = 0
    host: str = ""


class LifecycleHandler(Api):
    """core/v1 LifecycleHandler."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    sleep: SleepAction | None = None


class Lifecycle(Api):
    """core/v1 Lifecycle."""

    post_start: LifecycleHandler | None = None
    pre_stop: LifecycleHandler | None = None
    stop_signal: str | None = None


class GRPCAction(Api):
    """core/v1 GRPCAction."""

    port: Int32 = always(0)
    service: str | None = None
    mode: str | None = None


class ProbeHandler(Api):
    """core/v1 ProbeHandler."""

    exec: ExecAction | None = None
    http_get: HTTPGetAction | None = None
    tcp_socket: TCPSocketAction | None = None
    grpc: GRPCAction | None = None


class Probe(ProbeHandler):
    """core/v1 Probe."""

    initial_delay_seconds: Int32 = 0
    timeout_seconds: Int32 = 0
    period_seconds: Int32 = 0
    success_threshold: Int32 = 0
    failure_threshold: Int32 = 0
    termination_grace_period_seconds: Int64 | None = None


class ResourceClaim(Api):
    """core/v1 ResourceClaim."""

    name: str = always("")
    request: str = ""


class ResourceRequirements(Api):
    """core/v1 ResourceRequirements."""

    limits: dict[str, Quantity] = {}
    requests: dict[str, Quantity] = {}
    claims: list[ResourceClaim] = []


class VolumeDevice(Api):
    """core/v1 VolumeDevice."""

    name: str = always("")
    device_path: str = always("")


class VolumeMount(Api):
    """core/v1 VolumeMount."""

    name: str = always("")
    read_only: bool = False
    recursive_read_only: str | None = None
    mount_path: str = always("")
    sub_path: str = ""
    mount_propagation: str | None = None
    sub_path_expr: str = ""
    bind_mount_options: list[str] = []


class Container(Api):
    """core/v1 Container."""

    name: str = always("")
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    working_dir: str = ""
    ports: list[ContainerPort] = []
    env_from: list[EnvFromSource] = []
    env: list[EnvVar] = []
    resources: ResourceRequirements = field(default_factory=ResourceRequirements)
    resize_policy: list[ContainerResizePolicy] = []
    restart_policy: str | None = None
    restart_policy_rules: list[ContainerRestartRule] = []
    volume_mounts: list[VolumeMount] = []
    volume_devices: list[VolumeDevice] = []
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    termination_message_path: str = ""
    termination_message_policy: str = ""
    image_pull_policy: str = ""
    security_context: SecurityContext | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class EphemeralContainerCommon(Api):
    """core/v1 EphemeralContainerCommon."""

    name: str = always("")
    image: str = ""
    command: list[str] = []
    args: list[str] = []
    working_dir: str = ""
    ports: list[ContainerPort] = []
    env_from: list[EnvFromSource] = []
    env: list[EnvVar] = []
    resources: ResourceRequirements = field(default_factory=ResourceRequirements)
    resize_policy: list[ContainerResizePolicy] = []
    restart_policy: str | None = None
    restart_policy_rules: list[ContainerRestartRule] = []
    volume_mounts: list[VolumeMount] = []
    volume_devices: list[VolumeDevice] = []
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: Probe | None = None
    lifecycle: Lifecycle | None = None
    termination_message_path: str = ""
    termination_message_policy: str = ""
    image_pull_policy: str = ""
    security_context: SecurityContext | None = None
    stdin: bool = False
    stdin_once: bool = False
    tty: bool = False


class EphemeralContainer(EphemeralContainerCommon):
    """core/v1 EphemeralContainer."""

    target_container_name: str = ""
