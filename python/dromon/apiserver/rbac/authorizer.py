"""Asks the stored roles and bindings for each request.

The policy is made anew when one of them changed, at the next request: few change, and all requests ask.

Neighbours: policy (pure), store.cache (what is stored, and what changes), apiserver.handler (asks).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from dromon.api import codec
from dromon.api.errors import ApiError
from dromon.api.kinds.rbac import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES
from dromon.api.resource import Resource
from dromon.api.types.rbac import PolicyRule
from dromon.apiserver.authn import User
from dromon.apiserver.authz import EVERYTHING, Attributes
from dromon.apiserver.rbac import escalation
from dromon.apiserver.rbac.policy import Policy
from dromon.store.cache import CachedStore

MASTERS = "system:masters"
_WATCHED: tuple[Resource[Any], ...] = (CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS)
_AGAIN = 0.1  # seconds before a watch that was cut off is opened anew


class RoleBased:
    """An Authorizer by RBAC. Members of system:masters may do everything, whatever is stored."""

    def __init__(self, store: CachedStore) -> None:
        self._store = store
        self._policy: Policy | None = None

    @property
    def policy(self) -> Policy:
        """What the store says now."""
        if self._policy is None:
            self._policy = self._read()
        return self._policy

    def authorize(self, user: User, attributes: Attributes) -> str | None:
        if MASTERS in user.groups or self.policy.allows(user, attributes) is not None:
            return None
        return ""

    def why(self, user: User, attributes: Attributes) -> str | None:
        """What allows a request, for people; None where nothing does."""
        if MASTERS in user.groups:
            return ""
        return self.policy.allows(user, attributes)

    def rules(self, user: User, namespace: str) -> Sequence[PolicyRule]:
        """All that a user may do in a namespace."""
        if MASTERS in user.groups:
            return EVERYTHING
        return self.policy.rules(user, namespace)

    def permit(self, user: User, r: Resource[Any], namespace: str, new: Any, old: Any | None) -> None:
        if MASTERS not in user.groups:
            escalation.check(self.policy, user, r, namespace, new, old)

    async def follow(self) -> None:
        """Notice changes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for resource in _WATCHED:
                group.create_task(self._follow(resource))

    async def _follow(self, resource: Resource[Any]) -> None:
        while True:
            with contextlib.suppress(ApiError), closing(self._store.watch(resource, after=None)) as watcher:
                while await watcher.events():
                    self._policy = None
            self._policy = None
            await asyncio.sleep(_AGAIN)

    def _read(self) -> Policy:
        cluster_roles = self._all(CLUSTER_ROLES)
        roles = self._all(ROLES)
        return Policy(
            {r.metadata.name: r for r in cluster_roles},
            {(r.metadata.namespace, r.metadata.name): r for r in roles},
            self._all(CLUSTER_ROLE_BINDINGS),
            self._all(ROLE_BINDINGS),
        )

    def _all(self, resource: Resource[Any]) -> list[Any]:
        return [codec.decode_json(resource.struct, value) for value in self._store.everything(resource)]
