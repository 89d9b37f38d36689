"""The node's labels must match the pod's nodeSelector and its required node affinity.

Source: Kubernetes documentation, "Assigning Pods to Nodes"; core/v1 NodeSelector.

Neighbours: filters.FILTERS; scores.preferred_affinity uses the same terms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from dromon.scheduler.inputs import PodClass, Requirement, Term
from dromon.scheduler.node_state import NodeState

REASON = "node(s) didn't match Pod's node affinity/selector"
_INTEGER = re.compile(r"([+-]?)0*([0-9]{1,19})", re.ASCII)


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
    return all(_holds(r, node.labels) for r in term.expressions) and all(
        _holds(r, fields) for r in term.fields
    )


def _holds(requirement: Requirement, values: Mapping[str, str]) -> bool:
    value = values.get(requirement.key)
    match requirement.operator:
        case "In":
            return value is not None and value in requirement.values
        case "NotIn":
            return value is None or value not in requirement.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return value is not None and _compares(requirement, value)
        case _:
            return False


def _compares(requirement: Requirement, value: str) -> bool:
    have = _int64(value)
    want = _int64(requirement.values[0]) if len(requirement.values) == 1 else None
    if have is None or want is None:
        return False
    return have > want if requirement.operator == "Gt" else have < want


def _int64(text: str) -> int | None:
    """The number, or None for anything but a decimal integer of 64 bits."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        return None
    number = int(match[1] + match[2])
    return number if -(2**63) <= number < 2**63 else None
