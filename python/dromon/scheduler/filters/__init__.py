"""The filters: each says whether a node may take a pod, and if not, why.

Adding one is one module here and one line in a table (and the same in rust/src/scheduler). A filter of one
node is a pure function of the pod and the node; it returns the reasons that users read, () when it has none.
A filter that looks at other nodes, too, is prepared with the whole cluster once a decision. Reasons are
worded as kube-scheduler words them. A node is refused by the first filter that objects.

Neighbours: engine.reference runs them, explain counts the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from dromon.scheduler.cluster import Cluster
from dromon.scheduler.filters import (
    disks,
    fit,
    node_affinity,
    node_name,
    pod_affinity,
    ports,
    taints,
    topology_spread,
    unschedulable,
)
from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState


class Filter(NamedTuple):
    """One line of the table.

    Attributes:
        check: the reasons against this node.
        hopeless: once `check` refused: whether it would refuse the node without any pods on it, too.
    """

    check: Callable[[PodClass, NodeState], tuple[str, ...]]
    hopeless: Callable[[PodClass, NodeState], bool]


def _always(pod: PodClass, node: NodeState) -> bool:
    return True


def _never(pod: PodClass, node: NodeState) -> bool:
    return False


FILTERS: Mapping[str, Filter] = {
    "NodeUnschedulable": Filter(unschedulable.check, _always),
    "NodeName": Filter(node_name.check, _always),
    "TaintToleration": Filter(taints.check, _always),
    "NodeAffinity": Filter(node_affinity.check, _always),
    "NodePorts": Filter(ports.check, _never),
    "NodeResourcesFit": Filter(fit.check, fit.hopeless),
    "VolumeRestrictions": Filter(disks.check, _never),
}
"""In the order in which they are asked, under the names of upstream's plugins."""

CLUSTER_FILTERS: Mapping[str, Callable[[PodClass, Cluster], Callable[[NodeState], str]]] = {
    "PodTopologySpread": topology_spread.prepare,
    "InterPodAffinity": pod_affinity.prepare,
}
"""Asked after FILTERS, likewise."""

HOPELESS = frozenset((topology_spread.MISSING_LABEL, pod_affinity.AFFINITY))
"""Reasons of CLUSTER_FILTERS that no removal of pods is taken to change."""
