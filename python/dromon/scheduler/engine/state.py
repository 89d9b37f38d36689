"""What the readable engine knows: nodes in slots, the pods on them, namespaces.

Neighbours: engine.reference decides over it; interface has the rule of the slots.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from dromon.scheduler.cluster import Cluster, is_peer
from dromon.scheduler.engine.preemption import Member
from dromon.scheduler.inputs import NodeInfo, PodClass, Spread
from dromon.scheduler.node_state import NodeState


class _Placed(NamedTuple):
    pod: PodClass
    slot: int
    started: int


class ClusterState:
    """See interface.Engine for what the methods do.

    Attributes:
        namespaces: name -> labels.
    """

    def __init__(self) -> None:
        self.namespaces: dict[str, dict[str, str]] = {}
        self._slots: list[NodeState | None] = []
        self._index: dict[str, int] = {}
        self._pods: dict[str, _Placed] = {}

    def set_node(self, node: NodeInfo) -> None:
        self._state(node.name).set_info(node)

    def remove_node(self, name: str) -> None:
        slot = self._index.get(name)
        if slot is not None and (state := self._slots[slot]) is not None:
            state.set_info(None)
            self._free(slot)

    def known(self, name: str) -> NodeState | None:
        """The node, if it is known and not only its pods are."""
        slot = self._index.get(name)
        state = None if slot is None else self._slots[slot]
        return state if state is not None and state.info is not None else None

    def nodes(self) -> list[NodeState]:
        """The known nodes in the order of their slots."""
        return [state for state in self._slots if state is not None and state.info is not None]

    def cluster(self) -> Cluster:
        """All of it, as filters and scores see it."""
        nodes = self.nodes()
        images = Counter(image for node in nodes for image in node.images)
        return Cluster(nodes, self.namespaces, images)

    def add_pod(self, uid: str, pod: PodClass, node: str, started: int) -> bool:
        before = self._pods.get(uid)
        if before is not None and before.pod == pod and self._index.get(node) == before.slot:
            self._pods[uid] = before._replace(started=started)
            return False
        self.remove_pod(uid)
        self._state(node).add(pod)
        self._pods[uid] = _Placed(pod, self._index[node], started)
        return True

    def remove_pod(self, uid: str) -> None:
        placed = self._pods.pop(uid, None)
        if placed is not None and (state := self._slots[placed.slot]) is not None:
            state.remove(placed.pod)
            self._free(placed.slot)

    def pod_node(self, uid: str) -> str | None:
        placed = self._pods.get(uid)
        state = None if placed is None else self._slots[placed.slot]
        return None if state is None else state.name

    def placed(self) -> Iterator[PodClass]:
        """Every pod that counts."""
        return (placed.pod for placed in self._pods.values())

    def members(self, node: NodeState) -> list[Member]:
        """The pods that count on the node."""
        slot = self._index[node.name]
        return [Member(uid, p.pod, p.started) for uid, p in self._pods.items() if p.slot == slot]

    def peers(self, spread: Spread | None, node: NodeState) -> int:
        """How many of the pods that are to be kept apart are on the node."""
        return 0 if spread is None else sum(is_peer(spread, pod) for pod in node.members)

    def _state(self, name: str) -> NodeState:
        """The node's state; a new one takes the lowest free slot."""
        slot = self._index.get(name)
        if slot is None:
            if None in self._slots:
                slot = self._slots.index(None)
            else:
                slot = len(self._slots)
                self._slots.append(None)
            self._index[name] = slot
            self._slots[slot] = NodeState(name)
        state = self._slots[slot]
        if state is None:
            raise AssertionError(f"slot {slot} of node {name} is empty")
        return state

    def _free(self, slot: int) -> None:
        state = self._slots[slot]
        if state is not None and state.info is None and state.pods == 0:
            del self._index[state.name]
            self._slots[slot] = None
