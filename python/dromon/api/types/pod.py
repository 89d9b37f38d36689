"""Pod, the scheduling atom, and Binding (core/v1; talk, slide 15).

Neighbours: pod_status has its observed state.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.affinity import Affinity, Toleration, TopologySpreadConstraint
from dromon.api.types.base import Api, Int32, Int64, Quantity, always, always_list
from dromon.api.types.container import Container, EphemeralContainer, ResourceRequirements
from dromon.api.types.meta import ListMeta, ObjectMeta
from dromon.api.types.pod_status import PodStatus
from dromon.api.types.references import LocalObjectReference, ObjectReference
from dromon.api.types.security import PodSecurityContext
from dromon.api.types.volume import Volume

PACKAGE = "k8s.io.api.core.v1"


class Binding(Api):
    """core/v1 Binding."""

    kind: str = always("Binding")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    target: ObjectReference = field(default_factory=ObjectReference)


class EvictionResponder(Api):
    """core/v1 EvictionResponder."""

    name: str = always("")
    priority: Int32 | None = None


class HostAlias(Api):
    """core/v1 HostAlias."""

    ip: str = always("")
    hostnames: list[str] = []


class PodDNSConfigOption(Api):
    """core/v1 PodDNSConfigOption."""

    name: str = ""
    value: str | None = None


class PodDNSConfig(Api):
    """core/v1 PodDNSConfig."""

    nameservers: list[str] = []
    searches: list[str] = []
    options: list[PodDNSConfigOption] = []


class PodOS(Api):
    """core/v1 PodOS."""

    name: str = always("")


class PodReadinessGate(Api):
    """core/v1 PodReadinessGate."""

    condition_type: str = always("")


class PodResourceClaim(Api):
    """core/v1 PodResourceClaim."""

    name: str = always("")
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class PodSchedulingGate(Api):
    """core/v1 PodSchedulingGate."""

    name: str = always("")


class PodSchedulingGroup(Api):
    """core/v1 PodSchedulingGroup."""

    pod_group_name: str | None = None


class PodSpec(Api):
    """core/v1 PodSpec."""

    volumes: list[Volume] = []
    init_containers: list[Container] = []
    containers: list[Container] = always_list()
    ephemeral_containers: list[EphemeralContainer] = []
    restart_policy: str = ""
    termination_grace_period_seconds: Int64 | None = None
    active_deadline_seconds: Int64 | None = None
    dns_policy: str = ""
    node_selector: dict[str, str] = {}
    service_account_name: str = ""
    service_account: str = ""
    automount_service_account_token: bool | None = None
    node_name: str = ""
    host_network: bool = False
    host_pid: bool = field(default=False, name="hostPID")
    host_ipc: bool = field(default=False, name="hostIPC")
    share_process_namespace: bool | None = None
    security_context: PodSecurityContext | None = None
    image_pull_secrets: list[LocalObjectReference] = []
    hostname: str = ""
    subdomain: str = ""
    affinity: Affinity | None = None
    scheduler_name: str = ""
    tolerations: list[Toleration] = []
    host_aliases: list[HostAlias] = []
    priority_class_name: str = ""
    priority: Int32 | None = None
    dns_config: PodDNSConfig | None = None
    readiness_gates: list[PodReadinessGate] = []
    runtime_class_name: str | None = None
    enable_service_links: bool | None = None
    preemption_policy: str | None = None
    overhead: dict[str, Quantity] = {}
    topology_spread_constraints: list[TopologySpreadConstraint] = []
    set_hostname_as_fqdn: bool | None = field(default=None, name="setHostnameAsFQDN")
    os: PodOS | None = None
    host_users: bool | None = None
    scheduling_gates: list[PodSchedulingGate] = []
    resource_claims: list[PodResourceClaim] = []
    resources: ResourceRequirements | None = None
    hostname_override: str | None = None
    scheduling_group: PodSchedulingGroup | None = None
    eviction_responders: list[EvictionResponder] = []


class Pod(Api):
    """core/v1 Pod."""

    kind: str = always("Pod")
    api_version: str = always("v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)


class PodList(Api):
    """A page of Pod objects."""

    kind: str = always("PodList")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Pod] = always_list()
