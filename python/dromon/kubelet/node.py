"""What a node says about itself: its Node object and Lease, as pure functions of facts and time.

Sources: core/v1 NodeStatus, the Kubernetes documentation "Node status" and "Well-known labels".

Neighbours: machine finds the facts of a real machine, registration writes the objects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dromon.api import times
from dromon.api.types.coordination import Lease, LeaseSpec
from dromon.api.types.meta import ObjectMeta, OwnerReference
from dromon.api.types.node import (
    ContainerImage,
    DaemonEndpoint,
    Node,
    NodeAddress,
    NodeCondition,
    NodeDaemonEndpoints,
    NodeSpec,
    NodeStatus,
    NodeSystemInfo,
)
from dromon.kubelet.runtime.interface import Image

VERSION = "v1.32.0-dromon"
LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
MAX_IMAGES = 50


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What is true of a node now.

    Attributes:
        capacity, allocatable: resource -> quantity.
        not_ready: why it can't run pods, "" when it can.
        pressure: "MemoryPressure" | "DiskPressure" | "PIDPressure" -> message, for those that are.
        ip: its address.  port: of its kubelet's API, 0 for none.
        images: local images.
    """

    name: str
    hostname: str
    ip: str
    port: int
    info: NodeSystemInfo
    capacity: Mapping[str, str]
    allocatable: Mapping[str, str]
    not_ready: str = ""
    pressure: Mapping[str, str] = field(default_factory=dict)
    images: tuple[Image, ...] = ()


def node_labels(facts: NodeFacts, more: Mapping[str, str]) -> dict[str, str]:
    """The labels that a kubelet gives its node."""
    return {
        "kubernetes.io/hostname": facts.hostname,
        "kubernetes.io/os": facts.info.operating_system,
        "kubernetes.io/arch": facts.info.architecture,
        "beta.kubernetes.io/os": facts.info.operating_system,
        "beta.kubernetes.io/arch": facts.info.architecture,
        **more,
    }


def node_object(facts: NodeFacts, labels: Mapping[str, str], provider_id: str, now: float) -> Node:
    """The Node to register."""
    return Node(
        metadata=ObjectMeta(name=facts.name, labels=node_labels(facts, labels)),
        spec=NodeSpec(provider_id=provider_id),
        status=node_status(facts, NodeStatus(), now),
    )


def node_status(facts: NodeFacts, old: NodeStatus, now: float) -> NodeStatus:
    """The node's status; transition times of unchanged conditions are kept, what others write stays."""
    return NodeStatus(
        capacity=dict(facts.capacity),
        allocatable=dict(facts.allocatable),
        phase=old.phase,
        conditions=_conditions(facts, old, now),
        addresses=[
            NodeAddress(type="InternalIP", address=facts.ip),
            NodeAddress(type="Hostname", address=facts.hostname),
        ],
        daemon_endpoints=NodeDaemonEndpoints(kubelet_endpoint=DaemonEndpoint(port=facts.port)),
        node_info=facts.info,
        images=_images(facts.images),
        volumes_in_use=old.volumes_in_use,
        volumes_attached=old.volumes_attached,
        config=old.config,
        runtime_handlers=old.runtime_handlers,
        features=old.features,
        declared_features=old.declared_features,
    )


def _images(images: tuple[Image, ...]) -> list[ContainerImage]:
    named = [i for i in images if any(not n.startswith("<none>") for n in i.names)]
    named.sort(key=lambda i: i.size, reverse=True)
    return [ContainerImage(names=list(i.names), size_bytes=i.size) for i in named[:MAX_IMAGES]]


_CALM = {
    "MemoryPressure": ("KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    "DiskPressure": ("KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    "PIDPressure": ("KubeletHasSufficientPID", "kubelet has sufficient PID available"),
}
_PRESSED = {
    "MemoryPressure": "KubeletHasInsufficientMemory",
    "DiskPressure": "KubeletHasDiskPressure",
    "PIDPressure": "KubeletHasInsufficientPID",
}


def _conditions(facts: NodeFacts, old: NodeStatus, now: float) -> list[NodeCondition]:
    made = []
    for kind, (reason, message) in _CALM.items():
        text = facts.pressure.get(kind)
        made.append(
            NodeCondition(type=kind, status="False", reason=reason, message=message)
            if text is None
            else NodeCondition(type=kind, status="True", reason=_PRESSED[kind], message=text)
        )
    if facts.not_ready:
        ready = NodeCondition(type="Ready", status="False", reason="KubeletNotReady", message=facts.not_ready)
    else:
        ready = NodeCondition(
            type="Ready", status="True", reason="KubeletReady", message="kubelet is posting ready status"
        )
    made.append(ready)
    before = {c.type: c for c in old.conditions}
    for condition in made:
        was = before.get(condition.type)
        same = was is not None and was.status == condition.status
        condition.last_heartbeat_time = times.format(now)
        condition.last_transition_time = was.last_transition_time if same and was else times.format(now)
    names = {c.type for c in made}
    return made + [c for c in old.conditions if c.type not in names]


def same_status(a: NodeStatus, b: NodeStatus) -> bool:
    """Whether two statuses differ in heartbeats at most."""

    def key(s: NodeStatus) -> object:
        conditions = [(c.type, c.status, c.reason, c.message) for c in s.conditions]
        rest = (s.capacity, s.allocatable, s.addresses, s.daemon_endpoints, s.node_info, s.images)
        return conditions, rest

    return key(a) == key(b)


def lease_object(node: str, uid: str, now: float) -> Lease:
    """The node's heartbeat (KEP-589)."""
    owner = OwnerReference(api_version="v1", kind="Node", name=node, uid=uid)
    return Lease(
        metadata=ObjectMeta(name=node, namespace=LEASE_NAMESPACE, owner_references=[owner]),
        spec=LeaseSpec(
            holder_identity=node, lease_duration_seconds=LEASE_SECONDS, renew_time=times.micro(now)
        ),
    )


def base_units(quantities: Mapping[str, str]) -> dict[str, int]:
    """Quantities as whole numbers: cpu in milli, everything else in its unit."""
    from dromon.api import quantity

    return {k: quantity.milli(v) if k == "cpu" else quantity.value(v) for k, v in quantities.items()}
