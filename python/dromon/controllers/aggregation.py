"""Fills aggregated ClusterRoles with the rules of those that their selectors choose.

Source: documentation, "Aggregated ClusterRoles".

Neighbours: controller.Controller (the loop); the apiserver's default roles view, edit and admin are such.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import msgspec

from dromon.api import kinds
from dromon.api.types.rbac import ClusterRole, PolicyRule
from dromon.controllers import pods as about
from dromon.controllers.controller import Context, Controller, is_not_found


def gathered(role: ClusterRole, others: Iterable[ClusterRole]) -> list[PolicyRule]:
    """The rules of all roles that an aggregated one chooses, by name, each once."""
    selectors = role.aggregation_rule.cluster_role_selectors if role.aggregation_rule is not None else []
    rules: list[PolicyRule] = []
    for other in sorted(others, key=lambda r: r.metadata.name):
        if other.metadata.name == role.metadata.name:
            continue
        if any(about.selects(selector, other.metadata.labels) for selector in selectors):
            rules += [rule for rule in other.rules if rule not in rules]
    return rules


class AggregationController(Controller[str]):
    """The loop; its key is the name of an aggregated ClusterRole."""

    name: ClassVar[str] = "clusterrole-aggregation"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.roles = context.informers.of(kinds.CLUSTER_ROLES)
        self.watch(self.roles, self.on_role)

    def on_role(self, old: ClusterRole | None, new: ClusterRole | None) -> None:
        """A role changed: any aggregated one may choose it. There are few."""
        for role in self.roles.items():
            if role.aggregation_rule is not None:
                self.enqueue_soon(role.metadata.name)
        if new is not None and new.aggregation_rule is not None:
            self.enqueue_soon(new.metadata.name)

    async def reconcile(self, key: str) -> None:
        role = self.roles.get("", key)
        if role is None or role.aggregation_rule is None:
            return
        rules = gathered(role, self.roles.items())
        if rules == role.rules:
            return
        try:
            await self.client.update(kinds.CLUSTER_ROLES, msgspec.structs.replace(role, rules=rules))
        except Exception as error:
            if not is_not_found(error):
                raise
