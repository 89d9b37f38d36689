"""Writes one Endpoints object for each Service with a selector.

Neighbours: endpoints_plan (what), members (when).
"""

from __future__ import annotations

from typing import ClassVar

from dromon.api import kinds
from dromon.api.types.endpoints import Endpoints
from dromon.api.types.service import Service
from dromon.controllers.controller import Context, already_exists, is_not_found, key_of, namespace_terminating
from dromon.controllers.services import endpoints_plan as plan
from dromon.controllers.services.members import Key, ServiceController
from dromon.controllers.views import PodView


class EndpointsController(ServiceController):
    """The loop; its key is (namespace, name) of a Service."""

    name: ClassVar[str] = "endpoints"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.events = context.recorder("endpoint-controller")
        self.endpoints = context.informers.of(kinds.ENDPOINTS)
        self.watch(self.endpoints, self.on_endpoints)
        self._deleted: set[Key] = set()

    def on_service(self, old: Service | None, new: Service | None) -> None:
        super().on_service(old, new)
        if new is None and old is not None:
            self._deleted.add(key_of(old))

    def on_endpoints(self, old: Endpoints | None, new: Endpoints | None) -> None:
        """Somebody changed or removed what this loop wrote: look at its service."""
        obj = new or old
        if obj is not None and obj.metadata.labels.get(plan.MANAGED_BY) == plan.MANAGER:
            self.queue.add(key_of(obj))

    async def bring(self, service: Service, pods: list[PodView]) -> None:
        key = key_of(service)
        self._deleted.discard(key)
        current = self.endpoints.get(*key)
        wanted = plan.plan_endpoints(service, pods, current)
        if wanted is None:
            return
        try:
            if current is None:
                await self.client.create(kinds.ENDPOINTS, wanted)
            else:
                await self.client.update(kinds.ENDPOINTS, wanted)
        except Exception as error:
            if namespace_terminating(error):
                return
            if not already_exists(error) and not is_not_found(error):
                verb = "create" if current is None else "update"
                message = f"Failed to {verb} endpoint {key[0]}/{key[1]}: {error}"
                self.events.event(service, "Warning", "FailedToUpdateEndpoint", message)
            raise

    async def gone(self, key: Key) -> None:
        """Delete the Endpoints of a service that was deleted.

        Endpoints that a person made beside no service at all stay: only those of a service whose deletion
        was seen, or that carry this loop's mark, go.
        """
        current = self.endpoints.get(*key)
        seen = key in self._deleted
        if current is not None:
            ours = current.metadata.labels.get(plan.MANAGED_BY) == plan.MANAGER
            if (seen or ours) and await self._service_absent(key):
                try:
                    await self.client.delete(kinds.ENDPOINTS, key[1], key[0], uid=current.metadata.uid)
                except Exception as error:
                    if not is_not_found(error):
                        raise
        self._deleted.discard(key)

    async def _service_absent(self, key: Key) -> bool:
        try:
            await self.client.get(kinds.SERVICES, key[1], key[0])
        except Exception as error:
            if is_not_found(error):
                return True
            raise
        return False
