"""The table of nodes: whether each is ready, its roles, versions and addresses.

Neighbours: kinds.node.
"""

from __future__ import annotations

from collections.abc import Callable

from dromon.api.kinds.columns import NONE, UNKNOWN, age_column, name_column
from dromon.api.resource import Column
from dromon.api.types.node import Node, NodeSystemInfo

_ROLE_PREFIX = "node-role.kubernetes.io/"
_ROLE = "kubernetes.io/role"


def status(node: Node) -> str:
    """ "Ready", "NotReady" or "Unknown" (never reported), and whether pods may be scheduled to it."""
    states = [
        "Ready" if c.status == "True" else "NotReady" for c in node.status.conditions if c.type == "Ready"
    ]
    states = states or ["Unknown"]
    if node.spec.unschedulable:
        states.append("SchedulingDisabled")
    return ",".join(states)


def roles(node: Node) -> str:
    """What the node's labels say that it is for."""
    found = set()
    for key, value in node.metadata.labels.items():
        if key.startswith(_ROLE_PREFIX):
            found.add(key.removeprefix(_ROLE_PREFIX))
        elif key == _ROLE:
            found.add(value)
    return ",".join(sorted(found - {""})) or NONE


def _address(kind: str) -> Callable[[Node, float], str]:
    def value(node: Node, now: float) -> str:
        return next((a.address for a in node.status.addresses if a.type == kind), "") or NONE

    return value


def _info(attribute: str) -> Callable[[Node, float], str]:
    assert attribute in NodeSystemInfo.__struct_fields__

    def value(node: Node, now: float) -> str:
        return getattr(node.status.node_info, attribute) or UNKNOWN

    return value


COLUMNS = (
    name_column(),
    Column(
        "Status",
        "string",
        lambda node, now: status(node),
        description="Whether the node is ready for pods, and whether it accepts new ones.",
    ),
    Column("Roles", "string", lambda node, now: roles(node), description="Roles that labels give the node."),
    age_column(),
    Column(
        "Version",
        "string",
        lambda node, now: node.status.node_info.kubelet_version,
        description="Version of the kubelet.",
    ),
    Column(
        "Internal-IP", "string", _address("InternalIP"), priority=1, description="Address in the cluster."
    ),
    Column("External-IP", "string", _address("ExternalIP"), priority=1, description="Address from outside."),
    Column("OS-Image", "string", _info("os_image"), priority=1, description="Operating system."),
    Column(
        "Kernel-Version", "string", _info("kernel_version"), priority=1, description="Version of the kernel."
    ),
    Column(
        "Container-Runtime",
        "string",
        _info("container_runtime_version"),
        priority=1,
        description="Container runtime and its version.",
    ),
)
