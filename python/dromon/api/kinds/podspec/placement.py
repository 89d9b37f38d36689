"""Validity of what constrains where a pod runs: tolerations, affinity, spread, taints.

Source: the API reference of Toleration, Affinity, TopologySpreadConstraint and Taint v1; texts as upstream.

Neighbours: spec (a pod's), kinds.node (taints).
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.api import names
from dromon.api.errors import (
    FieldError,
    duplicate,
    forbidden_field,
    invalid_value,
    not_supported,
    required,
)
from dromon.api.types.affinity import (
    Affinity,
    NodeAffinity,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    Taint,
    Toleration,
    TopologySpreadConstraint,
)
from dromon.api.validation import invalid, label_selector

EFFECTS = ("NoExecute", "NoSchedule", "PreferNoSchedule")
_WEIGHT = "must be in the range 1-100"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def check_tolerations(tolerations: Sequence[Toleration], path: str, found: list[FieldError]) -> None:
    """Faults of spec.tolerations."""
    for i, t in enumerate(tolerations):
        at = f"{path}[{i}]"
        if t.key:
            if why := names.qualified(t.key):
                found += invalid(f"{at}.key", t.key, why)
        elif t.operator != "Exists":
            text = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            found.append(invalid_value(f"{at}.operator", t.operator, text))
        if t.toleration_seconds is not None and t.effect != "NoExecute":
            text = "effect must be 'NoExecute' when `tolerationSeconds` is set"
            found.append(invalid_value(f"{at}.effect", t.effect, text))
        if t.operator in ("", "Equal"):
            if why := names.label_value(t.value):
                found.append(invalid_value(f"{at}.operator", t.value, "; ".join(why)))
        elif t.operator == "Exists":
            if t.value:
                text = "value must be empty when `operator` is 'Exists'"
                found.append(invalid_value(f"{at}.operator", t.value, text))
        else:
            found.append(not_supported(f"{at}.operator", t.operator, ("Equal", "Exists")))
        if t.effect and t.effect not in EFFECTS:
            found.append(not_supported(f"{at}.effect", t.effect, EFFECTS))


def check_taints(taints: Sequence[Taint], path: str, found: list[FieldError]) -> None:
    """Faults of a node's spec.taints."""
    seen: set[tuple[str, str]] = set()
    for i, taint in enumerate(taints):
        at = f"{path}[{i}]"
        found += invalid(f"{at}.key", taint.key, names.qualified(taint.key))
        if why := names.label_value(taint.value):
            found.append(invalid_value(f"{at}.value", taint.value, "; ".join(why)))
        if not taint.effect:
            found.append(required(f"{at}.effect"))
        elif taint.effect not in EFFECTS:
            found.append(not_supported(f"{at}.effect", taint.effect, EFFECTS))
        if (taint.key, taint.effect) in seen:
            fault = duplicate(at, taint)
            text = f"{fault.message}: taints must be unique by key and effect pair"
            found.append(FieldError(at, fault.reason, text))
        seen.add((taint.key, taint.effect))


def check_affinity(affinity: Affinity, path: str, found: list[FieldError]) -> None:
    """Faults of spec.affinity."""
    if affinity.node_affinity is not None:
        _check_node_affinity(affinity.node_affinity, f"{path}.nodeAffinity", found)
    if affinity.pod_affinity is not None:
        _check_pod_affinity(affinity.pod_affinity, f"{path}.podAffinity", found)
    if affinity.pod_anti_affinity is not None:
        _check_pod_affinity(affinity.pod_anti_affinity, f"{path}.podAntiAffinity", found)


def _check_node_affinity(affinity: NodeAffinity, path: str, found: list[FieldError]) -> None:
    selector = affinity.required_during_scheduling_ignored_during_execution
    if selector is not None:
        at = f"{path}.{_REQUIRED}.nodeSelectorTerms"
        if not selector.node_selector_terms:
            found.append(required(at, "must have at least one node selector term"))
        for i, term in enumerate(selector.node_selector_terms):
            _check_term(term, f"{at}[{i}]", found)
    for i, preferred in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        at = f"{path}.{_PREFERRED}[{i}]"
        if not 1 <= preferred.weight <= 100:
            found.append(invalid_value(f"{at}.weight", preferred.weight, _WEIGHT))
        _check_term(preferred.preference, f"{at}.preference", found)


def _check_term(term: NodeSelectorTerm, path: str, found: list[FieldError]) -> None:
    for i, requirement in enumerate(term.match_expressions):
        _check_requirement(requirement, f"{path}.matchExpressions[{i}]", found)
    for i, requirement in enumerate(term.match_fields):
        _check_field_requirement(requirement, f"{path}.matchFields[{i}]", found)


def _check_requirement(r: NodeSelectorRequirement, path: str, found: list[FieldError]) -> None:
    if r.operator in ("In", "NotIn"):
        if not r.values:
            found.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif r.operator in ("Exists", "DoesNotExist"):
        if r.values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            found.append(forbidden_field(f"{path}.values", text))
    elif r.operator in ("Gt", "Lt"):
        if len(r.values) != 1:
            text = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            found.append(required(f"{path}.values", text))
    else:
        found.append(invalid_value(f"{path}.operator", r.operator, "not a valid selector operator"))
    found += invalid(f"{path}.key", r.key, names.qualified(r.key))
    for i, value in enumerate(r.values):
        found += invalid(f"{path}.values[{i}]", value, names.label_value(value))


def _check_field_requirement(r: NodeSelectorRequirement, path: str, found: list[FieldError]) -> None:
    if r.operator not in ("In", "NotIn"):
        found.append(invalid_value(f"{path}.operator", r.operator, "not a valid selector operator"))
    elif len(r.values) != 1:
        text = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        found.append(required(f"{path}.values", text))
    if r.key != "metadata.name":
        found.append(invalid_value(f"{path}.key", r.key, "not a valid field selector key"))
    else:
        for i, value in enumerate(r.values):
            found += invalid(f"{path}.values[{i}]", value, names.subdomain(value))


def _check_pod_affinity(affinity: PodAffinity | PodAntiAffinity, path: str, found: list[FieldError]) -> None:
    for i, term in enumerate(affinity.required_during_scheduling_ignored_during_execution):
        _check_pod_term(term, f"{path}.{_REQUIRED}[{i}]", found)
    for i, weighted in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        at = f"{path}.{_PREFERRED}[{i}]"
        if not 1 <= weighted.weight <= 100:
            found.append(invalid_value(f"{at}.weight", weighted.weight, _WEIGHT))
        _check_pod_term(weighted.pod_affinity_term, f"{at}.podAffinityTerm", found)


def _check_pod_term(term: PodAffinityTerm, path: str, found: list[FieldError]) -> None:
    found += label_selector(term.label_selector, f"{path}.labelSelector")
    found += label_selector(term.namespace_selector, f"{path}.namespaceSelector")
    for namespace in term.namespaces:
        found += invalid(f"{path}.namespace", namespace, names.label(namespace))
    if not term.topology_key:
        found.append(required(f"{path}.topologyKey", "can not be empty"))
    else:
        found += invalid(f"{path}.topologyKey", term.topology_key, names.qualified(term.topology_key))


def check_spread(constraints: Sequence[TopologySpreadConstraint], path: str, found: list[FieldError]) -> None:
    """Faults of spec.topologySpreadConstraints."""
    seen: set[tuple[str, str]] = set()
    for i, c in enumerate(constraints):
        at = f"{path}[{i}]"
        if c.max_skew <= 0:
            found.append(invalid_value(f"{at}.maxSkew", c.max_skew, "must be greater than zero"))
        if not c.topology_key:
            found.append(required(f"{at}.topologyKey", "can not be empty"))
        else:
            found += invalid(f"{at}.topologyKey", c.topology_key, names.qualified(c.topology_key))
        if c.when_unsatisfiable not in ("DoNotSchedule", "ScheduleAnyway"):
            allowed = ("DoNotSchedule", "ScheduleAnyway")
            found.append(not_supported(f"{at}.whenUnsatisfiable", c.when_unsatisfiable, allowed))
        pair = (c.topology_key, c.when_unsatisfiable)
        if pair in seen:
            found.append(duplicate(f"{at}.{{topologyKey, whenUnsatisfiable}}", f"{{{pair[0]}, {pair[1]}}}"))
        seen.add(pair)
        if c.min_domains is not None and c.min_domains <= 0:
            found.append(invalid_value(f"{at}.minDomains", c.min_domains, "must be greater than zero"))
        for wire, policy in (
            ("nodeAffinityPolicy", c.node_affinity_policy),
            ("nodeTaintsPolicy", c.node_taints_policy),
        ):
            if policy not in (None, "Honor", "Ignore"):
                found.append(not_supported(f"{at}.{wire}", policy, ("Honor", "Ignore")))
        found += label_selector(c.label_selector, f"{at}.labelSelector")
