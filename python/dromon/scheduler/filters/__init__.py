"""The filters: each says whether a node may take a pod, and if not, why.

Adding one is one module here and one line in FILTERS (and the same in rust/src/scheduler/filters). A filter
is a pure function of the pod and the node; it returns the reasons that users read, () when it has none.
Reasons are worded as kube-scheduler words them. A node is refused by the first filter that objects.

Neighbours: engine.reference runs them, explain counts the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dromon.scheduler.filters import fit, node_affinity, node_name, ports, taints, unschedulable
from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState

Filter = Callable[[PodClass, NodeState], tuple[str, ...]]

FILTERS: Mapping[str, Filter] = {
    "NodeUnschedulable": unschedulable.check,
    "NodeName": node_name.check,
    "TaintToleration": taints.check,
    "NodeAffinity": node_affinity.check,
    "NodePorts": ports.check,
    "NodeResourcesFit": fit.check,
}
"""In the order in which they are asked, under the names of upstream's plugins."""
