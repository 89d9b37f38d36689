"""Nodes that have the pod's images already start it sooner.

An image counts less the fewer nodes have it, lest every pod of a template goes to the one node that ran it
first.

Source: kube-scheduler's ImageLocality plugin (thresholds).

Neighbours: scores.SCORES; model has the images' names as nodes report them.
"""

from __future__ import annotations

from dromon.scheduler.inputs import PodClass
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.scores.facts import Facts
from dromon.scheduler.scores.points import MAX_POINTS

LEAST = 23 * 2**20
"""Bytes; less than this is fetched too fast to matter."""
MOST = 1000 * 2**20
"""Bytes per container; more than this counts as this."""


def raw(pod: PodClass, node: NodeState, facts: Facts) -> int:
    """How much of what the pod runs need not be fetched, between the thresholds."""
    there = 0
    for image in pod.images:
        if image in node.images:
            there += int(float(node.images[image]) * (float(facts.images[image]) / float(facts.nodes)))
    if there <= LEAST:
        return 0
    most = MOST * len(pod.images)
    return MAX_POINTS * (min(there, most) - LEAST) // (most - LEAST)
