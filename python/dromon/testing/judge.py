"""A judge of scheduling decisions: slow, written from the documentation alone, for tests and benchmarks.

It keeps pods by node and no sums, shares no code with the engines, and looks at everything anew each time.

Neighbours: dromon.scheduler.inputs has the data; tests/unit/scheduler and bench/bench_scheduler.py ask it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dromon.scheduler.inputs import Constraint, LabelSelector, NodeInfo, PodClass, PodTerm, Taint

ANY = "0.0.0.0"  # noqa: S104  # compared with, never bound


class Judge:
    """A cluster as it is, and what may be done in it.

    Args:
        nodes: all of them.
        namespaces: labels by name.
    """

    def __init__(
        self, nodes: Iterable[NodeInfo], namespaces: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.namespaces = namespaces or {}
        self.pods: dict[str, dict[str, PodClass]] = {name: {} for name in self.nodes}
        self._labels = {name: dict(node.labels) for name, node in self.nodes.items()}

    def add(self, uid: str, pod: PodClass, node: str) -> None:
        """The pod is on the node."""
        self.pods.setdefault(node, {})[uid] = pod

    def remove(self, uid: str) -> None:
        """The pod is nowhere."""
        for pods in self.pods.values():
            pods.pop(uid, None)

    def placed(self, uid: str, pod: PodClass, node: str) -> None:
        """A decision: the pod goes to the node.

        Raises:
            AssertionError: it may not.
        """
        broken = self.broken(pod, node)
        if broken:
            raise AssertionError(f"{uid} on {node} breaks {broken}")
        self.add(uid, pod, node)

    def refused(self, uid: str, pod: PodClass, reasons: Mapping[str, int]) -> None:
        """A decision: the pod goes nowhere.

        Raises:
            AssertionError: it might, or not every node has a reason.
        """
        for node in self.nodes:
            if not self.broken(pod, node):
                raise AssertionError(f"{uid} might go to {node}, but was refused: {dict(reasons)}")
        if sum(reasons.values()) < len(self.nodes):
            raise AssertionError(f"{uid}: {len(self.nodes)} nodes, but {dict(reasons)}")

    def preempted(self, uid: str, pod: PodClass, node: str, victims: Sequence[str]) -> None:
        """A decision: these pods leave the node, so that the pod may go there. They are removed.

        Raises:
            AssertionError: it is not allowed, does not help, or one of them could stay.
        """
        there = self.pods[node]
        gone = {victim: there.pop(victim) for victim in victims}
        if not gone or any(victim.priority >= pod.priority for victim in gone.values()):
            raise AssertionError(f"{uid} may not preempt {victims}")
        if broken := self.broken(pod, node):
            raise AssertionError(f"{uid}: {node} breaks {broken} without {victims}")
        for victim, what in gone.items():
            there[victim] = what
            if not self.broken(pod, node):
                raise AssertionError(f"{uid} would fit beside {victim}")
            del there[victim]

    def broken(self, pod: PodClass, node: str) -> list[str]:
        """The rules that the pod would break on the node."""
        found = self._broken_alone(pod, self.nodes[node], self.pods.get(node, {}).values())
        if not found:
            found += [c.topology for c in pod.constraints if c.hard and not self._even(c, pod, node)]
            found += self._broken_affinity(pod, node)
        return found

    def _broken_alone(self, pod: PodClass, node: NodeInfo, there: Iterable[PodClass]) -> list[str]:
        there = list(there)
        found = []
        if node.unschedulable and not tolerated(
            pod, Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
        ):
            found.append("cordoned")
        if pod.node_name and pod.node_name != node.name:
            found.append("another node")
        if not self._taints_tolerated(pod, node):
            found.append("taint")
        if not self._node_matches(pod, node):
            found.append("node affinity")
        if len(there) + 1 > node.max_pods:
            found.append("pods")
        for resource, amount in pod.requests:
            used = sum(dict(other.requests).get(resource, 0) for other in there)
            if used + amount > dict(node.allocatable).get(resource, 0):
                found.append(resource)
        for disk in pod.disks:
            using = [other for p in there for other in p.disks if other.id == disk.id]
            if using and not all(other.shared for other in (disk, *using)):
                found.append(disk.id)
        for port in pod.ports:
            for other in (p for pod_there in there for p in pod_there.ports):
                same = port.port == other.port and port.protocol == other.protocol
                if same and (port.ip == other.ip or ANY in (port.ip, other.ip)):
                    found.append(f"port {port.port}")
        return found

    def _taints_tolerated(self, pod: PodClass, node: NodeInfo) -> bool:
        hard = [t for t in node.taints if t.effect != "PreferNoSchedule"]
        return all(tolerated(pod, taint) for taint in hard)

    def _node_matches(self, pod: PodClass, node: NodeInfo) -> bool:
        labels = self._labels[node.name]
        if any(labels.get(key) != value for key, value in pod.selector):
            return False
        if pod.required is None:
            return True
        name = {"metadata.name": node.name}
        return any(
            bool(term.expressions or term.fields)
            and matches(term.expressions, labels)
            and matches(term.fields, name)
            for term in pod.required
        )

    def _even(self, constraint: Constraint, pod: PodClass, node: str) -> bool:
        keys = [c.topology for c in pod.constraints if c.hard]
        if constraint.topology not in self._labels[node]:
            return False
        counts: dict[str, int] = {}
        for name, info in self.nodes.items():
            labels = self._labels[name]
            if not all(key in labels for key in keys):
                continue
            if constraint.honor_affinity and not self._node_matches(pod, info):
                continue
            if constraint.honor_taints and not self._taints_tolerated(pod, info):
                continue
            value = labels[constraint.topology]
            matching = sum(self._counts(constraint, pod, other) for other in self.pods[name].values())
            counts[value] = counts.get(value, 0) + matching
        emptiest = min(counts.values()) if len(counts) >= max(constraint.min_domains, 1) else 0
        here = counts.get(self._labels[node][constraint.topology], 0)
        itself = matches(constraint.selector, dict(pod.labels))
        return here + itself - emptiest <= constraint.max_skew

    def _counts(self, constraint: Constraint, pod: PodClass, other: PodClass) -> bool:
        same = other.namespace == pod.namespace and not other.leaving
        return same and matches(constraint.selector, dict(other.labels))

    def _broken_affinity(self, pod: PodClass, node: str) -> list[str]:
        found = []
        if pod.affinity and not self._has_company(pod, node):
            found.append("affinity")
        for name, pods in self.pods.items():
            for other in pods.values():
                for term in pod.anti_affinity:
                    if self._together(term, node, name) and self.speaks_of(term, other):
                        found.append("anti-affinity")
                for term in other.anti_affinity:
                    if self._together(term, node, name) and self.speaks_of(term, pod):
                        found.append("anti-affinity of others")
        return found

    def _has_company(self, pod: PodClass, node: str) -> bool:
        if any(term.topology not in self._labels[node] for term in pod.affinity):
            return False
        company = [
            name
            for name, pods in self.pods.items()
            if name in self.nodes
            for other in pods.values()
            if all(self.speaks_of(term, other) for term in pod.affinity)
        ]
        known = [name for name in company if any(t.topology in self._labels[name] for t in pod.affinity)]
        if not known and all(self.speaks_of(term, pod) for term in pod.affinity):
            return True
        return all(any(self._together(term, node, name) for name in company) for term in pod.affinity)

    def _together(self, term: PodTerm, one: str, other: str) -> bool:
        """Whether both nodes are in one domain of the term."""
        if other not in self.nodes:
            return False
        here, there = self._labels[one].get(term.topology), self._labels[other].get(term.topology)
        return here is not None and here == there

    def speaks_of(self, term: PodTerm, pod: PodClass) -> bool:
        """Whether the term selects the pod."""
        labels = self.namespaces.get(pod.namespace, {})
        near = pod.namespace in term.namespaces or matches(term.namespace_selector, labels)
        return near and matches(term.selector, dict(pod.labels))


def tolerated(pod: PodClass, taint: Taint) -> bool:
    """Whether the pod tolerates the taint."""
    return any(
        t.effect in ("", taint.effect)
        and t.key in ("", taint.key)
        and (t.operator == "Exists" or (t.operator in ("", "Equal") and t.value == taint.value))
        for t in pod.tolerations
    )


def matches(selector: LabelSelector, labels: Mapping[str, str]) -> bool:
    """Whether all requirements hold; None selects nothing. Gt and Lt take plain decimal integers."""
    if selector is None:
        return False
    for requirement in selector:
        value = labels.get(requirement.key)
        bound = int(requirement.values[0]) if requirement.operator in ("Gt", "Lt") else 0
        holds = {
            "In": value in requirement.values,
            "NotIn": value not in requirement.values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
            "Gt": value is not None and value.isdigit() and int(value) > bound,
            "Lt": value is not None and value.isdigit() and int(value) < bound,
        }
        if not holds[requirement.operator]:
            return False
    return True
