"""What a score of one node needs to know beyond the pod and the node.

Neighbours: engine.reference fills it in, scores read it; rust/src/scheduler/scores has the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Facts:
    """Facts about the cluster.

    Attributes:
        peers: how many pods are on the node from which inputs.Spread wants the pod apart.
        nodes: how many nodes there are.
        images: image name -> how many nodes have it.
    """

    peers: int = 0
    nodes: int = 0
    images: Mapping[str, int] = field(default_factory=dict)
