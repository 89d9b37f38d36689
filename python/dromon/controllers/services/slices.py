"""Writes the EndpointSlices of each Service with a selector.

The slices of a deleted service go by their owner reference (garbage collector).

Neighbours: slices_plan (what), members (when), expectations (what was written and is not yet seen).
"""

from __future__ import annotations

from typing import ClassVar

from dromon.api import kinds
from dromon.api.types.discovery import EndpointSlice
from dromon.api.types.service import Service
from dromon.controllers import indexes, views
from dromon.controllers.controller import Context, Stale, each, is_not_found, key_of, namespace_terminating
from dromon.controllers.expectations import Expectations
from dromon.controllers.services import slices_plan as plan
from dromon.controllers.services.members import Key, ServiceController
from dromon.controllers.views import NodeView, PodView

ZONE_LABEL = "topology.kubernetes.io/zone"


class SlicesController(ServiceController):
    """The loop; its key is (namespace, name) of a Service."""

    name: ClassVar[str] = "endpointslice"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.events = context.recorder("endpoint-slice-controller")
        self.expectations = Expectations(context.clock)
        self.nodes = context.informers.of(views.NODES)
        self.slices = context.informers.of(kinds.ENDPOINT_SLICES)
        self.watch(self.nodes, self.on_node)
        self.watch(self.slices, self.on_slice)

    def on_service(self, old: Service | None, new: Service | None) -> None:
        super().on_service(old, new)
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self.expectations.forget(old.metadata.uid)

    def on_node(self, old: NodeView | None, new: NodeView | None) -> None:
        """A node's zone changed: look at the services of its pods."""
        before = old.metadata.labels.get(ZONE_LABEL) if old is not None else None
        after = new.metadata.labels.get(ZONE_LABEL) if new is not None else None
        node = new or old
        if before != after and node is not None:
            for pod in self.pods.by_index(indexes.NODE, node.metadata.name):
                self.on_pod(None, pod)

    def on_slice(self, old: EndpointSlice | None, new: EndpointSlice | None) -> None:
        """A slice of this loop's making changed: count it off, and look at its service."""
        obj = new or old
        if obj is None or obj.metadata.labels.get(plan.MANAGED_BY_LABEL) != plan.MANAGER:
            return
        owner = next((o.uid for o in obj.metadata.owner_references if o.controller), "")
        if new is None or new.metadata.deletion_timestamp is not None:
            self.expectations.saw_deletion(owner, obj.metadata.uid)
        elif old is None:
            self.expectations.saw_creation(owner, obj.metadata.uid)
        name = obj.metadata.labels.get(indexes.SERVICE_NAME_LABEL)
        if name:
            self.queue.add((obj.metadata.namespace, name))

    async def gone(self, key: Key) -> None:
        """Nothing to do: the garbage collector follows the slices' owner references."""

    async def bring(self, service: Service, pods: list[PodView]) -> None:
        uid = service.metadata.uid
        if not self.expectations.satisfied(uid):
            self.enqueue_soon(key_of(service), self.expectations.remaining(uid))
            return
        todo = plan.plan_slices(service, pods, self._current(service), self._zones(pods))
        await self._create(service, todo.create)
        errors = await each(todo.update, self._update)
        errors += await each(todo.delete, lambda s: self._delete(service, s))
        if errors:
            raise errors[0]

    def _current(self, service: Service) -> list[EndpointSlice]:
        key = f"{service.metadata.namespace}/{service.metadata.name}"
        ours = [
            s
            for s in self.slices.by_index(indexes.SERVICE, key)
            if s.metadata.labels.get(plan.MANAGED_BY_LABEL) == plan.MANAGER
            and s.metadata.deletion_timestamp is None
        ]
        return sorted(ours, key=lambda s: s.metadata.name)

    def _zones(self, pods: list[PodView]) -> dict[str, str]:
        zones = {}
        for name in {p.spec.node_name for p in pods if p.spec.node_name}:
            node = self.nodes.get("", name)
            zones[name] = node.metadata.labels.get(ZONE_LABEL, "") if node is not None else ""
        return zones

    async def _create(self, service: Service, slices: list[EndpointSlice]) -> None:
        uid = service.metadata.uid

        async def create(slice_: EndpointSlice) -> None:
            self.expectations.creating(uid)
            try:
                made = await self.client.create(kinds.ENDPOINT_SLICES, slice_)
            except Exception as error:
                self.expectations.not_created(uid)
                if namespace_terminating(error):
                    return
                message = f"Error creating Endpoint Slices for Service {key_of(service)}: {error}"
                self.events.event(service, "Warning", "FailedToCreateEndpointSlices", message)
                raise
            self.expectations.created(uid, made.metadata.uid)

        errors = await each(slices, create)
        if errors:
            raise errors[0]
        if slices and self.expectations.satisfied(uid):
            # The events of what was made came before the answers, while nobody could act on them.
            self.enqueue_soon(key_of(service))

    async def _update(self, slice_: EndpointSlice) -> None:
        try:
            await self.client.update(kinds.ENDPOINT_SLICES, slice_)
        except Exception as error:
            if is_not_found(error):
                raise Stale(f"{slice_.metadata.name} is gone") from error
            raise

    async def _delete(self, service: Service, slice_: EndpointSlice) -> None:
        meta = slice_.metadata
        self.expectations.deleting(service.metadata.uid, [meta.uid])
        try:
            await self.client.delete(kinds.ENDPOINT_SLICES, meta.name, meta.namespace, uid=meta.uid)
        except Exception as error:
            self.expectations.not_deleted(service.metadata.uid, meta.uid)
            if not is_not_found(error):
                raise
