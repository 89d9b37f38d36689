"""A node as the filters and scores see it: what it is, and the sums over the pods that count on it.

Neighbours: engine.reference keeps one per node; rust/src/scheduler/node.rs is the same in Rust.
"""

from __future__ import annotations

from collections import Counter

from dromon.scheduler.inputs import HostPort, NodeInfo, PodClass


class NodeState:
    """Sums that change with every pod, so that filters of one node need not look at pods.

    Attributes:
        info: the node, or None while it is unknown and only its pods are.
        labels, allocatable: of `info`, to look up by key.
        images: of `info`: name -> size in bytes.
        members: the pods that count.
        pods: how many pods count.
        used: resource -> what they request.
        nonzero: CPU and memory as scoring sees them.
        ports: how often each host port is claimed.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.info: NodeInfo | None = None
        self.labels: dict[str, str] = {}
        self.allocatable: dict[str, int] = {}
        self.images: dict[str, int] = {}
        self.members: list[PodClass] = []
        self.pods = 0
        self.used: Counter[str] = Counter()
        self.nonzero = [0, 0]
        self.ports: Counter[HostPort] = Counter()

    def set_info(self, info: NodeInfo | None) -> None:
        """Take up what the node is now."""
        self.info = info
        self.labels = dict(info.labels) if info else {}
        self.allocatable = dict(info.allocatable) if info else {}
        self.images = dict(info.images) if info else {}

    def add(self, pod: PodClass) -> None:
        """Count a pod."""
        self._change(pod, 1)
        self.members.append(pod)

    def remove(self, pod: PodClass) -> None:
        """Stop counting a pod that was added."""
        self._change(pod, -1)
        self.members.remove(pod)

    def _change(self, pod: PodClass, sign: int) -> None:
        self.pods += sign
        for resource, amount in pod.requests:
            self.used[resource] += sign * amount
        for i, amount in enumerate(pod.nonzero):
            self.nonzero[i] += sign * amount
        for port in pod.ports:
            self.ports[port] += sign
