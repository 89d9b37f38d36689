"""Does one rule allow a request, and does one set of rules cover another? Pure.

Source: documentation, "Using RBAC Authorization".

Neighbours: policy finds a user's rules; escalation compares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dromon.api.types.rbac import PolicyRule
from dromon.apiserver.authz import Attributes

ALL = "*"


def allows(rule: PolicyRule, a: Attributes) -> bool:
    """Whether a rule allows a request (the namespace is the binding's matter)."""
    if not _has(rule.verbs, a.verb):
        return False
    if not a.resource:
        return any(_url(pattern, a.path) for pattern in rule.non_resource_urls)
    return (
        _has(rule.api_groups, a.group)
        and _resource(rule.resources, a.resource, a.subresource)
        and (not rule.resource_names or a.name in rule.resource_names)
    )


def _has(values: Sequence[str], wanted: str) -> bool:
    return ALL in values or wanted in values


def _resource(values: Sequence[str], resource: str, subresource: str) -> bool:
    if ALL in values:
        return True
    if not subresource:
        return resource in values
    return f"{resource}/{subresource}" in values or f"*/{subresource}" in values


def _url(pattern: str, path: str) -> bool:
    if pattern in (ALL, path):
        return True
    return pattern.endswith(ALL) and path.startswith(pattern.rstrip(ALL))


def covered(wanted: Iterable[PolicyRule], owned: Sequence[PolicyRule]) -> list[PolicyRule]:
    """The parts of `wanted` that nothing in `owned` covers; none: whoever has `owned` may give `wanted`."""
    return [part for rule in wanted for part in parts(rule) if not any(_covers(o, part) for o in owned)]


def parts(rule: PolicyRule) -> Iterator[PolicyRule]:
    """A rule as rules of one verb on one resource or URL each."""
    for verb in rule.verbs:
        for url in rule.non_resource_urls:
            yield PolicyRule(verbs=[verb], non_resource_urls=[url])
        for group in rule.api_groups:
            for resource in rule.resources:
                if not rule.resource_names:
                    yield PolicyRule(verbs=[verb], api_groups=[group], resources=[resource])
                for name in rule.resource_names:
                    yield PolicyRule(
                        verbs=[verb], api_groups=[group], resources=[resource], resource_names=[name]
                    )


def _covers(owner: PolicyRule, part: PolicyRule) -> bool:
    if not _has(owner.verbs, part.verbs[0]):
        return False
    if part.non_resource_urls:
        return any(_url(pattern, part.non_resource_urls[0]) for pattern in owner.non_resource_urls)
    if not _has(owner.api_groups, part.api_groups[0]):
        return False
    resource, _, subresource = part.resources[0].partition("/")
    if not (part.resources[0] in owner.resources or _resource(owner.resources, resource, subresource)):
        return False
    if not owner.resource_names:
        return True
    return bool(part.resource_names) and part.resource_names[0] in owner.resource_names


def compact(rules: Iterable[PolicyRule]) -> list[PolicyRule]:
    """Rules without repeats, in their order."""
    found: list[PolicyRule] = []
    for rule in rules:
        if rule not in found:
            found.append(rule)
    return found
