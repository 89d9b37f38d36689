"""The readable engine: every decision looks at every node, filter by filter, score by score.

It is the oracle that the Rust engine is tested against, and may run in its place (engine="python").

Neighbours: interface has the semantics; filters and scores the rules; rust/src/scheduler is the fast one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from dromon.scheduler.engine.interface import Refusal
from dromon.scheduler.engine.pick import SplitMix64
from dromon.scheduler.filters import FILTERS
from dromon.scheduler.inputs import NodeInfo, PodClass, Spread
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores import SCORES, normalize


class _Placed(NamedTuple):
    pod: PodClass
    slot: int


def is_peer(spread: Spread, pod: PodClass) -> bool:
    """Whether a placed pod is one of those that `spread` wants apart."""
    if spread.owner:
        return pod.owner == spread.owner
    return pod.namespace == spread.namespace and set(spread.selector) <= set(pod.labels)


class ReferenceEngine:
    """Implements dromon.scheduler.engine.interface.Engine.

    Args:
        seed: of the generator that breaks ties, 64 bits.
    """

    def __init__(self, seed: int) -> None:
        self._random = SplitMix64(seed)
        self._slots: list[NodeState | None] = []
        self._index: dict[str, int] = {}
        self._pods: dict[str, _Placed] = {}

    def compile(self, pod: PodClass) -> PodClass:
        return pod

    def set_node(self, node: NodeInfo) -> None:
        self._state(node.name).set_info(node)

    def remove_node(self, name: str) -> None:
        slot = self._index.get(name)
        if slot is not None and (state := self._slots[slot]) is not None:
            state.set_info(None)
            self._free(slot)

    def has_node(self, name: str) -> bool:
        slot = self._index.get(name)
        state = None if slot is None else self._slots[slot]
        return state is not None and state.info is not None

    def node_count(self) -> int:
        return sum(1 for state in self._slots if state is not None and state.info is not None)

    def add_pod(self, uid: str, pod: PodClass, node: str) -> bool:
        before = self._pods.get(uid)
        if before is not None and before.pod == pod and self._index.get(node) == before.slot:
            return False
        self.remove_pod(uid)
        state = self._state(node)
        state.add(pod)
        self._pods[uid] = _Placed(pod, self._index[node])
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

    def schedule(self, pods: Sequence[tuple[str, PodClass]]) -> list[str | Refusal]:
        results: list[str | Refusal] = []
        for uid, pod in pods:
            self.remove_pod(uid)
            scores = self.scores(pod)
            if not scores:
                results.append(self._refusal(pod))
                continue
            best = max(scores.values())
            ties = [name for name, score in scores.items() if score == best]
            node = ties[self._random.below(len(ties))] if len(ties) > 1 else ties[0]
            self.add_pod(uid, pod, node)
            results.append(node)
        return results

    def fits(self, pod: PodClass, node: str) -> bool:
        slot = self._index.get(node)
        state = None if slot is None else self._slots[slot]
        return state is not None and state.info is not None and not _reasons(pod, state)

    def scores(self, pod: PodClass) -> dict[str, int]:
        feasible = [
            (slot, state)
            for slot, state in enumerate(self._slots)
            if state is not None and state.info is not None and not _reasons(pod, state)
        ]
        peers = self._peers(pod)
        totals = dict.fromkeys((state.name for _, state in feasible), 0)
        for score in SCORES:
            raws = [score.raw(pod, state, peers[slot]) for slot, state in feasible]
            for (_, state), points in zip(feasible, normalize(score.scale, raws), strict=True):
                totals[state.name] += score.weight * points
        return totals

    def _peers(self, pod: PodClass) -> Counter[int]:
        """How many of the pods that are to be kept apart from this one are on each slot."""
        spread = pod.spread
        if spread is None:
            return Counter()
        return Counter(placed.slot for placed in self._pods.values() if is_peer(spread, placed.pod))

    def _refusal(self, pod: PodClass) -> Refusal:
        states = (state for state in self._slots if state is not None and state.info is not None)
        return dict(Counter(reason for state in states for reason in _reasons(pod, state)))

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


def _reasons(pod: PodClass, state: NodeState) -> tuple[str, ...]:
    """What the first filter that refuses says; () when none does."""
    for check in FILTERS.values():
        if reasons := check(pod, state):
            return reasons
    return ()
