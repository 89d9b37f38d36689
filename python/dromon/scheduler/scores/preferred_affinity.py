"""Preferred node affinity: terms that match add their weights up.

Neighbours: scores.SCORES; filters.node_affinity has the matching.
"""

from __future__ import annotations

from dromon.scheduler.filters.node_affinity import term_matches
from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores.facts import Facts


def raw(pod: PodClass, node: NodeState, facts: Facts) -> int:
    """The sum of the weights of the preferred terms that match the node."""
    return sum(preferred.weight for preferred in pod.preferred if term_matches(preferred.term, node))
