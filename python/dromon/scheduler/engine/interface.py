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
- A score is the sum over dromon.scheduler.scores.SCORES of weight times points, 0 to MAX_POINTS each.

Neighbours: inputs has the types, filters and scores the rules, loop calls it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from dromon.scheduler.inputs import NodeInfo, PodClass

Refusal = dict[str, int]
"""Why no node will do: reason -> how many nodes gave it. A node may give several; empty: there is no node."""

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

    def add_pod(self, uid: str, pod: CompiledPod, node: str) -> bool:
        """Count the pod on the node; replaces what was counted under this uid before.

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

    def fits(self, pod: CompiledPod, node: str) -> bool:
        """Whether the pod passes every filter on this node now (False when the node is unknown)."""
        ...

    def scores(self, pod: CompiledPod) -> dict[str, int]:
        """Every node that passes, with its score: what `schedule` would choose from."""
        ...
