"""The pods of one controller or service should not share a node while others have fewer.

Neighbours: scores.SCORES; inputs.Spread says who the peers are.
"""

from __future__ import annotations

from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores.facts import Facts


def raw(pod: PodClass, node: NodeState, facts: Facts) -> int:
    """How many peers the node has."""
    return facts.peers
