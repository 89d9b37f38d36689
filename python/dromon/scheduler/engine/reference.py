"""The readable engine: every decision looks at every node, filter by filter, score by score.

It is the oracle that the Rust engine is tested against, and may run in its place (engine="python").

Neighbours: interface has the semantics; filters, scores and preemption the rules; state what is known;
rust/src/scheduler is the fast one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from dromon.scheduler.engine.checks import Check
from dromon.scheduler.engine.interface import LATEST, Preemption, Refusal
from dromon.scheduler.engine.pick import SplitMix64
from dromon.scheduler.engine.preemption import (
    HOPELESS,
    NO_VICTIMS,
    Candidate,
    Member,
    enough,
    importance,
    rank,
    victims,
)
from dromon.scheduler.engine.state import ClusterState
from dromon.scheduler.inputs import Budget, Labels, NodeInfo, PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores import CLUSTER_SCORES, SCORES, normalize
from dromon.scheduler.scores.facts import Facts
from dromon.scheduler.scores.topology_spread import is_default


class ReferenceEngine:
    """Implements dromon.scheduler.engine.interface.Engine.

    Args:
        seed: of the generator that breaks ties, 64 bits.
    """

    def __init__(self, seed: int) -> None:
        self._random = SplitMix64(seed)
        self._state = ClusterState()
        self._nominated: dict[str, tuple[PodClass, str]] = {}
        self._budgets: tuple[Budget, ...] = ()

    def compile(self, pod: PodClass) -> PodClass:
        return pod

    def set_node(self, node: NodeInfo) -> None:
        self._state.set_node(node)

    def remove_node(self, name: str) -> None:
        self._state.remove_node(name)

    def has_node(self, name: str) -> bool:
        return self._state.known(name) is not None

    def node_count(self) -> int:
        return len(self._state.nodes())

    def set_namespace(self, name: str, labels: Labels) -> None:
        self._state.namespaces[name] = dict(labels)

    def remove_namespace(self, name: str) -> None:
        self._state.namespaces.pop(name, None)

    def set_budgets(self, budgets: Sequence[Budget]) -> None:
        self._budgets = tuple(budgets)

    def add_pod(self, uid: str, pod: PodClass, node: str, started: int = LATEST) -> bool:
        self._nominated.pop(uid, None)
        return self._state.add_pod(uid, pod, node, started)

    def remove_pod(self, uid: str) -> None:
        self._state.remove_pod(uid)

    def pod_node(self, uid: str) -> str | None:
        return self._state.pod_node(uid)

    def nominate(self, uid: str, pod: PodClass, node: str) -> None:
        self._nominated[uid] = (pod, node)

    def withdraw(self, uid: str) -> None:
        self._nominated.pop(uid, None)

    def schedule(self, pods: Sequence[tuple[str, PodClass]]) -> list[str | Refusal]:
        results: list[str | Refusal] = []
        for uid, pod in pods:
            self.remove_pod(uid)
            reasons = self._reasons(uid, pod)
            feasible = [node for node in self._state.nodes() if not reasons[node.name]]
            if not feasible:
                results.append(dict(Counter(r for found in reasons.values() for r in found)))
                continue
            node = self._choose(uid, pod, feasible)
            self.add_pod(uid, pod, node)
            results.append(node)
        return results

    def _choose(self, uid: str, pod: PodClass, feasible: Sequence[NodeState]) -> str:
        nominated = self._nominated.get(uid)
        if nominated is not None and nominated[1] in (node.name for node in feasible):
            return nominated[1]
        scores = self._scores(pod, feasible)
        best = max(scores.values())
        ties = [name for name, score in scores.items() if score == best]
        return ties[self._random.below(len(ties))] if len(ties) > 1 else ties[0]

    def looks_around(self, pod: PodClass) -> bool:
        if pod.affinity or pod.anti_affinity or any(c.hard for c in pod.constraints):
            return True
        cluster = self._state.cluster()
        placed = self._state.placed()
        return any(cluster.selects(term, pod) for other in placed for term in other.anti_affinity)

    def fits(self, pod: PodClass, node: str) -> bool:
        state = self._state.known(node)
        return state is not None and not Check(pod, self._state.cluster()).reasons(state)

    def fits_somewhere(self, pod: PodClass) -> bool:
        check = Check(pod, self._state.cluster())
        return any(not check.reasons(node) for node in self._state.nodes())

    def scores(self, pod: PodClass) -> dict[str, int]:
        check = Check(pod, self._state.cluster())
        return self._scores(pod, [node for node in self._state.nodes() if not check.reasons(node)])

    def _scores(self, pod: PodClass, feasible: Sequence[NodeState]) -> dict[str, int]:
        cluster = self._state.cluster()
        apart = None if is_default(pod, cluster) else pod.spread
        facts = [
            Facts(self._state.peers(apart, node), len(cluster.nodes), cluster.images) for node in feasible
        ]
        totals = dict.fromkeys((node.name for node in feasible), 0)
        for score in SCORES:
            raws = [score.raw(pod, node, about) for node, about in zip(feasible, facts, strict=True)]
            for node, points in zip(feasible, normalize(score.scale, raws), strict=True):
                totals[node.name] += score.weight * points
        for weight, points_of in CLUSTER_SCORES:
            for node, points in zip(feasible, points_of(pod, cluster, feasible), strict=True):
                totals[node.name] += weight * points
        return totals

    def _reasons(self, uid: str, pod: PodClass) -> dict[str, tuple[str, ...]]:
        """Each node's reasons against the pod, () where it may go."""
        check = Check(pod, self._state.cluster())
        return {node.name: self._objections(uid, pod, node, check) for node in self._state.nodes()}

    def _objections(
        self, uid: str, pod: PodClass, node: NodeState, check: Check | None = None
    ) -> tuple[str, ...]:
        """What speaks against the node with those that are nominated to it, else without them."""
        with self._with_nominated(uid, pod, node) as any_nominated:
            if any_nominated and (reasons := Check(pod, self._state.cluster()).reasons(node)):
                return reasons
        return (check or Check(pod, self._state.cluster())).reasons(node)

    @contextmanager
    def _with_nominated(self, uid: str, pod: PodClass, node: NodeState) -> Iterator[bool]:
        """Count those nominated to the node that the pod must make way for, for a while."""
        before = [
            other
            for other_uid, (other, name) in self._nominated.items()
            if name == node.name and other_uid != uid and other.priority >= pod.priority
        ]
        for other in before:
            node.add(other)
        yield bool(before)
        for other in before:
            node.remove(other)

    def preempt(self, uid: str, pod: PodClass) -> Preemption | Refusal:
        outcome: Counter[str] = Counter()
        potential = []
        for node in self._state.nodes():
            check = Check(pod, self._state.cluster())
            reasons = self._objections(uid, pod, node, check)
            if reasons and check.hopeless(node, reasons):
                outcome[HOPELESS] += 1
            elif reasons:
                potential.append(node)
        if not potential:
            return dict(outcome)
        candidates: list[Candidate] = []
        start = self._random.below(len(potential))
        for i in range(len(potential)):
            found = self._try(uid, pod, potential[(start + i) % len(potential)])
            if isinstance(found, Candidate):
                candidates.append(found)
                clean = any(c.violations == 0 for c in candidates)
                if clean and len(candidates) >= enough(len(potential)):
                    break
            else:
                outcome.update(found)
        if not candidates:
            return dict(outcome)
        best = min(candidates, key=rank)
        return best.node, [member.uid for member in best.victims]

    def _try(self, uid: str, pod: PodClass, node: NodeState) -> Candidate | tuple[str, ...]:
        """Whether the node would do without pods of lower priority, and which must go; else why not."""
        members = sorted(
            (m for m in self._state.members(node) if m.pod.priority < pod.priority), key=importance
        )
        if not members:
            return (NO_VICTIMS,)
        away = {member.uid: member for member in members}
        for member in members:
            node.remove(member.pod)

        def fits_with(member: Member) -> bool:
            node.add(away.pop(member.uid).pod)
            if not self._objections(uid, pod, node):
                return True
            node.remove(member.pod)
            away[member.uid] = member
            return False

        try:
            if reasons := self._objections(uid, pod, node):
                return reasons
            gone, violations = victims(members, self._budgets, fits_with)
            return Candidate(node.name, gone, violations)
        finally:
            for member in away.values():
                node.add(member.pod)
