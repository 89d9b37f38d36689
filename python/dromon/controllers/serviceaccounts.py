"""Gives every active namespace its `default` ServiceAccount, which pods run as unless they say otherwise.

Neighbours: root_ca publishes the CA in the same way.
"""

from __future__ import annotations

from typing import Any, ClassVar

from dromon.api import kinds
from dromon.api.types.config import ServiceAccount
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace
from dromon.controllers import views
from dromon.controllers.controller import (
    Context,
    Controller,
    already_exists,
    is_not_found,
    namespace_terminating,
)

DEFAULT = "default"


def is_active(namespace: Namespace) -> bool:
    """Whether objects may still be made in the namespace."""
    return namespace.metadata.deletion_timestamp is None and namespace.status.phase != "Terminating"


def plan_accounts(namespace: Namespace, existing: set[str]) -> list[ServiceAccount]:
    """The accounts to create, given the names of those that are there."""
    if not is_active(namespace) or DEFAULT in existing:
        return []
    return [ServiceAccount(metadata=ObjectMeta(name=DEFAULT, namespace=namespace.metadata.name))]


class ServiceAccountsController(Controller[str]):
    """The loop; its key is a namespace's name."""

    name: ClassVar[str] = "serviceaccount"
    workers: ClassVar[int] = 4

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.namespaces = context.informers.of(kinds.NAMESPACES)
        self.accounts = context.informers.of(views.metadata_of(kinds.SERVICE_ACCOUNTS))
        self.watch(self.namespaces, self.on_namespace)
        self.watch(self.accounts, self.on_account)

    def on_namespace(self, old: Namespace | None, new: Namespace | None) -> None:
        """A namespace is new or changed."""
        if new is not None:
            self.queue.add(new.metadata.name)

    def on_account(self, old: Any, new: Any) -> None:
        """Somebody deleted a default account: make it anew."""
        if new is None and old.metadata.name == DEFAULT:
            self.queue.add(old.metadata.namespace)

    async def reconcile(self, key: str) -> None:
        namespace = self.namespaces.get("", key)
        if namespace is None:
            return
        existing = {DEFAULT} if self.accounts.get(key, DEFAULT) is not None else set()
        for account in plan_accounts(namespace, existing):
            try:
                await self.client.create(kinds.SERVICE_ACCOUNTS, account)
            except Exception as error:
                gone = namespace_terminating(error) or is_not_found(error)
                if not gone and not already_exists(error):
                    raise
