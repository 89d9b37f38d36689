"""The engine's interface: nodes and placed pods in, decisions out. No I/O, no time.

Two implementations give the same decisions for the same calls: dromon._core.SchedulerEngine (Rust, what
runs) and reference.ReferenceEngine (readable, the oracle of tests/parity).

Semantics:

- A pod counts on a node from `add_pod`, or from the `schedule` that placed it, until `remove_pod`. It may be
  on a node that is not known (yet, or any more): it counts when the node comes.
- `schedule` takes the pods in order; each decision sees those before it as placed. The node taken is one with
  the highest score among those that pass every filter. Among equals the choice is random, drawn from a
  generator with the seed that the engine was made with, over the nodes in the order of their slots: a new
  node takes the lowest free slot, and a slot is free when its node is gone and no pod counts on it.
- A score is the sum over dromon.scheduler.scores of weight times points, 0 to MAX_POINTS each.
- A pod that is nominated to a node waits for room to be made there. On that node a pod of at most its
  priority must pass the filters with the nominated pods as well as without them. A pod goes to the node it
  is nominated to when it may; a nomination ends when the pod is placed.

Neighbours: inputs has the types, filters and scores the rules, loop calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dromon.scheduler.inputs import Budget, Labels, NodeInfo, PodClass

Refusal = dict[str, int]
"""Why no node will do: reason -> how many nodes gave it. A node may give several; empty: there is no node."""

Preemption = tuple[str, list[str]]
"""The node on which there would be room, and the uids of the pods that must go, the most important first."""

LATEST = 2**62
"""When a pod started that has not started yet."""

CompiledPod = Any
"""A PodClass as its engine keeps it: opaque, hashable, for that engine alone."""


class Engine(Protocol):
    """See the module's docstring for the semantics that all methods share."""

    def compile(self, pod: PodClass) -> CompiledPod:
        """Prepare a class for the methods below; equal classes may share their preparation."""
        ...

    def set_node(self, node: NodeInfo) -> None:
        """Add the node, or replace what is known of it; pods on it stay."""
        ...

    def remove_node(self, name: str) -> None:
        """Forget the node (no effect when unknown); its pods still count should it come back."""
        ...

    def has_node(self, name: str) -> bool:
        """Whether the node is known."""
        ...

    def node_count(self) -> int:
        """How many nodes are known."""
        ...

    def set_namespace(self, name: str, labels: Labels) -> None:
        """What the namespace selectors of pod affinity see; a namespace that was never set has no labels."""
        ...

    def remove_namespace(self, name: str) -> None:
        """Forget the namespace's labels (no effect when unknown)."""
        ...

    def set_budgets(self, budgets: Sequence[Budget]) -> None:
        """What `preempt` respects where it can, in place of what was set before."""
        ...

    def add_pod(self, uid: str, pod: CompiledPod, node: str, started: int = LATEST) -> bool:
        """Count the pod on the node, in place of what counted under this uid before; its nomination ends.

        Args:
            started: seconds since the epoch; decides between victims.

        Returns:
            Whether anything changed: False when the pod counted on this node with this class already.
        """
        ...

    def remove_pod(self, uid: str) -> None:
        """Stop counting the pod (no effect when unknown)."""
        ...

    def pod_node(self, uid: str) -> str | None:
        """The node on which the pod counts, or None."""
        ...

    def schedule(self, pods: Sequence[tuple[str, CompiledPod]]) -> list[str | Refusal]:
        """Decide for each (uid, class) in order, and count each pod on the node it got.

        Returns:
            For each pod the node's name, or the refusal as of its turn. A uid that counts already moves.
        """
        ...

    def nominate(self, uid: str, pod: CompiledPod, node: str) -> None:
        """The pod waits for room on this node, and on no other as before."""
        ...

    def withdraw(self, uid: str) -> None:
        """The pod is nominated no more (no effect when it was not)."""
        ...

    def preempt(self, uid: str, pod: CompiledPod) -> Preemption | Refusal:
        """Where the pod could go if pods of lower priority went, and which; nothing is changed.

        As kube-scheduler does it: from a random node on, nodes are tried until a tenth of them, or 100,
        would do. On each, all pods of lower priority are taken away, and those added back that do not stand
        in the way: first those whose removal would violate a budget, the most important first. The node
        taken is the first with, in this order: the fewest violated budgets, the least highest priority of a
        victim, the least sum of priorities, the fewest victims, the latest start of the earliest among the
        most important.

        Returns:
            The node and its victims; or for each reason how many nodes it kept from helping.
        """
        ...

    def looks_around(self, pod: CompiledPod) -> bool:
        """Whether pods on other nodes decide, as things stand, whether a node may take the pod."""
        ...

    def fits(self, pod: CompiledPod, node: str) -> bool:
        """Whether the pod passes every filter on this node now, nominations apart (False: unknown node)."""
        ...

    def fits_somewhere(self, pod: CompiledPod) -> bool:
        """Whether there is a node for which `fits` is True."""
        ...

    def scores(self, pod: CompiledPod) -> dict[str, int]:
        """Every node that passes, with its score: what `schedule` would choose from but for nominations."""
        ...
