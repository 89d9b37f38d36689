"""Keeps the roles and bindings that every cluster has.

What is missing is made. Where the autoupdate annotation stands, missing rules and subjects are put back, and
what people added stays.

Source: documentation, "Auto-reconciliation".

Neighbours: defaults and people say what there shall be; server calls it at start.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Iterable
from typing import Any

from dromon.api import codec
from dromon.api.errors import ApiError
from dromon.api.kinds.rbac import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES
from dromon.api.resource import Resource
from dromon.api.types.rbac import ClusterRole, ClusterRoleBinding
from dromon.apiserver.rbac import defaults, people
from dromon.apiserver.rbac.rules import covered
from dromon.apiserver.registry import Mode, Registry


async def reconcile(registry: Registry) -> None:
    """Bring all of them to what they shall be."""
    await _each(registry, CLUSTER_ROLES, (*defaults.ROLES, *people.ROLES), mend_role)
    await _each(registry, CLUSTER_ROLE_BINDINGS, defaults.BINDINGS, mend_binding)


async def _each(
    registry: Registry, resource: Resource[Any], wanted: Iterable[Any], mend: Callable[[Any, Any], Any | None]
) -> None:
    # Side by side: the store makes them durable together.
    await asyncio.gather(*(_one(registry, resource, want, mend) for want in wanted))


async def _one(
    registry: Registry, resource: Resource[Any], want: Any, mend: Callable[[Any, Any], Any | None]
) -> None:
    name = want.metadata.name
    value = registry.store.get(resource, "", name)
    if value is None:
        try:
            await registry.create(resource, copy.deepcopy(want))
        except ApiError as error:
            if error.reason != "AlreadyExists":  # another API server was faster
                raise
    elif mend(codec.decode_json(resource.struct, value), want) is not None:
        await registry.update(resource, "", name, _mending(mend, want), mode=Mode.OWN)


def _mending(mend: Callable[[Any, Any], Any | None], want: Any) -> Callable[[Any], Any]:
    def change(old: Any) -> Any:
        mended = mend(old, want)
        return old if mended is None else mended

    return change


def mend_role(old: ClusterRole, want: ClusterRole) -> ClusterRole | None:
    """The role with what it lacks; None where it lacks nothing, or people look after it."""
    if old.metadata.annotations.get(defaults.AUTOUPDATE) != "true":
        return None
    missing = [] if want.aggregation_rule is not None else covered(want.rules, old.rules)
    labels = {**old.metadata.labels, **want.metadata.labels}
    if (
        not missing
        and labels == old.metadata.labels
        and (want.aggregation_rule is None or old.aggregation_rule is not None)
    ):
        return None
    mended = copy.deepcopy(old)
    mended.rules.extend(missing)
    mended.metadata.labels = labels
    mended.aggregation_rule = mended.aggregation_rule or copy.deepcopy(want.aggregation_rule)
    return mended


def mend_binding(old: ClusterRoleBinding, want: ClusterRoleBinding) -> ClusterRoleBinding | None:
    """As `mend_role`, of a binding's subjects."""
    if old.metadata.annotations.get(defaults.AUTOUPDATE) != "true":
        return None
    missing = [s for s in want.subjects if s not in old.subjects]
    if not missing:
        return None
    mended = copy.deepcopy(old)
    mended.subjects.extend(copy.deepcopy(missing))
    return mended
