"""The node's labels must match the pod's nodeSelector and its required node affinity.

Source: Kubernetes documentation, "Assigning Pods to Nodes"; core/v1 NodeSelector.

Neighbours: filters.FILTERS; scores.preferred_affinity uses the same terms.
"""

from __future__ import annotations

from dromon.scheduler.inputs import PodClass, Term
from dromon.scheduler.node_state import NodeState
from dromon.scheduler.requirements import holds

REASON = "node(s) didn't match Pod's node affinity/selector"


def check(pod: PodClass, node: NodeState) -> tuple[str, ...]:
    """Refuse nodes that lack a label of nodeSelector, or that match none of the required terms."""
    for key, value in pod.selector:
        if node.labels.get(key) != value:
            return (REASON,)
    if pod.required is not None and not any(term_matches(t, node) for t in pod.required):
        return (REASON,)
    return ()


def term_matches(term: Term, node: NodeState) -> bool:
    """Whether all of the term's requirements hold; an empty term matches nothing."""
    if not term.expressions and not term.fields:
        return False
    fields = {"metadata.name": node.name}
    return all(holds(r, node.labels) for r in term.expressions) and all(holds(r, fields) for r in term.fields)
