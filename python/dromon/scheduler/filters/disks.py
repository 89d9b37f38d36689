"""A disk in use on the node can't be mounted again, unless all only read it.

Source: kube-scheduler's VolumeRestrictions plugin.

Neighbours: filters.FILTERS; model says which volumes are such disks.
"""

from __future__ import annotations

from dromon.scheduler.inputs import Disk, PodClass
from dromon.scheduler.node_state import NodeState

REASON = "node(s) had no available disk"


def check(pod: PodClass, node: NodeState) -> tuple[str, ...]:
    """Refuse nodes where a pod uses one of the pod's disks."""
    if not pod.disks:
        return ()
    taken = [disk for other in node.members for disk in other.disks]
    return (REASON,) if any(_conflict(want, have) for want in pod.disks for have in taken) else ()


def _conflict(a: Disk, b: Disk) -> bool:
    return a.id == b.id and not (a.shared and b.shared)
