"""Empties namespaces that are being deleted, and lets them go when nothing is left.

Neighbours: plan (conditions, when it is over), discovery (what there may be in a namespace).
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from dromon.api import kinds
from dromon.api.errors import ApiError
from dromon.api.resource import Resource
from dromon.api.types.namespace import Namespace
from dromon.api.types.status import DeleteOptions
from dromon.client.refusals import from_response
from dromon.controllers import views
from dromon.controllers.controller import Context, Controller, each, is_conflict, is_not_found
from dromon.controllers.discovery import discover
from dromon.controllers.namespaces import plan
from dromon.controllers.views import PodView

PAGE = 500


class NamespaceController(Controller[str]):
    """The loop; its key is a namespace's name."""

    name: ClassVar[str] = "namespace"
    workers: ClassVar[int] = 4

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.namespaces = context.informers.of(kinds.NAMESPACES)
        self.pods = context.informers.of(views.PODS)
        self.watch(self.namespaces, self.on_namespace)
        self.watch(self.pods, self.on_pod)

    def on_namespace(self, old: Namespace | None, new: Namespace | None) -> None:
        """A namespace is being deleted."""
        if new is not None and plan.is_due(new):
            self.enqueue_soon(new.metadata.name)

    def on_pod(self, old: PodView | None, new: PodView | None) -> None:
        """A pod is gone: maybe it was the last thing in its namespace."""
        if new is None and old is not None:
            self.on_namespace(None, self.namespaces.get("", old.metadata.namespace))

    async def reconcile(self, key: str) -> None:
        try:
            namespace = await self.client.get(kinds.NAMESPACES, key)
        except Exception as error:
            if is_not_found(error):
                return
            raise
        if not plan.is_due(namespace):
            return
        content = await self._empty(key)
        if content.empty:
            await self._finalize(namespace)
            return
        await self._write_status(namespace, content)
        self.enqueue_soon(key, plan.next_look(content))

    async def _empty(self, namespace: str) -> plan.Content:
        """Ask for the deletion of everything in the namespace; returns what is there afterwards."""
        content = plan.Content()
        found = await discover(self.client)
        content.undiscovered = found.failures
        resources = [r for r in found.resources if r.namespaced and {"list", "delete"} <= set(r.verbs)]
        # Pods first: they take longest, and nothing they use goes away much before them.
        resources.sort(key=lambda r: (r.group, r.plural) != ("", "pods"))

        async def empty(resource: Resource[Any]) -> None:
            try:
                left = await self._delete_all(resource, namespace)
            except ApiError as error:
                content.failures.append(f"{resource.plural}.{resource.group}: {error}")
            else:
                content.add(resource.plural, resource.group, left)

        errors = await each(resources, empty, limit=8)
        if errors:
            raise errors[0]
        return content

    async def _delete_all(self, resource: Resource[Any], namespace: str) -> list[Any]:
        """Delete all objects of one resource in the namespace; returns those that are still there."""
        items = await self._list(resource, namespace)
        if all(i.metadata.deletion_timestamp is not None for i in items):
            return items
        if "deletecollection" not in resource.verbs or not await self._collectively(resource, namespace):
            errors = await each(
                [i for i in items if i.metadata.deletion_timestamp is None],
                lambda i: self._delete(resource, i),
                limit=16,
            )
            if errors:
                raise errors[0]
        return await self._list(resource, namespace)

    async def _list(self, resource: Resource[Any], namespace: str) -> list[Any]:
        items: list[Any] = []
        continue_ = ""
        while True:
            try:
                page = await self.client.list(resource, namespace, limit=PAGE, continue_=continue_)
            except Exception as error:
                if is_not_found(error):  # the kind itself went away meanwhile
                    return items
                raise
            items += page.items
            continue_ = page.continue_
            if not continue_:
                return items

    async def _collectively(self, resource: Resource[Any], namespace: str) -> bool:
        """Delete the collection in one request; False where the server does not have the verb after all."""
        body = msgspec.json.encode(DeleteOptions(propagation_policy="Background"))
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        path = resource.path(namespace)
        answer = await self.client.raw("DELETE", path, headers=headers, body=body, timeout=300.0)
        if answer.status >= 300 and answer.status not in (404, 405):
            raise from_response(answer)
        return answer.status < 300

    async def _delete(self, resource: Resource[Any], obj: Any) -> None:
        meta = obj.metadata
        try:
            await self.client.delete(
                resource, meta.name, meta.namespace, uid=meta.uid, propagation="Background"
            )
        except Exception as error:
            if not is_not_found(error) and not is_conflict(error):
                raise

    async def _finalize(self, namespace: Namespace) -> None:
        try:
            await self.client.update(kinds.NAMESPACES, plan.finalized(namespace), subresource="finalize")
        except Exception as error:
            if not is_not_found(error):
                raise

    async def _write_status(self, namespace: Namespace, content: plan.Content) -> None:
        conditions = plan.plan_conditions(namespace.status.conditions, content, self.clock.now())
        status = msgspec.structs.replace(namespace.status, phase="Terminating", conditions=conditions)
        if status == namespace.status:
            return
        wanted = msgspec.structs.replace(namespace, status=status)
        try:
            await self.client.update(kinds.NAMESPACES, wanted, subresource="status")
        except Exception as error:
            if not is_not_found(error) and not is_conflict(error):
                raise
