"""All filters for one pod in one state of the cluster.

Neighbours: filters has the tables; engine.reference asks node by node.
"""

from __future__ import annotations

from dromon.scheduler.cluster import Cluster
from dromon.scheduler.filters import CLUSTER_FILTERS, FILTERS, HOPELESS
from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState


class Check:
    """Prepared when it is made: ask before anything changes.

    Args:
        pod: who shall be placed.
        cluster: as it is now.
    """

    def __init__(self, pod: PodClass, cluster: Cluster) -> None:
        self._pod = pod
        self._prepared = [prepare(pod, cluster) for prepare in CLUSTER_FILTERS.values()]

    def reasons(self, node: NodeState) -> tuple[str, ...]:
        """What the first filter that refuses says; () when none does."""
        for filter in FILTERS.values():
            if reasons := filter.check(self._pod, node):
                return reasons
        for check in self._prepared:
            if reason := check(node):
                return (reason,)
        return ()

    def hopeless(self, node: NodeState, reasons: tuple[str, ...]) -> bool:
        """Whether these reasons, just given against the node, would stay if all pods left it."""
        for filter in FILTERS.values():
            if filter.check(self._pod, node):
                return filter.hopeless(self._pod, node)
        return bool(HOPELESS.intersection(reasons))
