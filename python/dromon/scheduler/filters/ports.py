"""A host port can be claimed once per protocol and address.

Neighbours: filters.FILTERS.
"""

from __future__ import annotations

from dromon.scheduler.inputs import HostPort, PodClass
from dromon.scheduler.node_state import NodeState

REASON = "node(s) didn't have free ports for the requested pod ports"
ANY = "0.0.0.0"  # noqa: S104  # compared with, never bound


def check(pod: PodClass, node: NodeState) -> tuple[str, ...]:
    """Refuse nodes where another pod claims one of the pod's host ports."""
    taken = [port for port, count in node.ports.items() if count > 0]
    return (REASON,) if any(_conflict(want, have) for want in pod.ports for have in taken) else ()


def _conflict(a: HostPort, b: HostPort) -> bool:
    return a.port == b.port and a.protocol == b.protocol and (a.ip == b.ip or ANY in (a.ip, b.ip))
