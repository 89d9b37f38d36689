"""Keeps each PodDisruptionBudget's status: how many of its pods may be evicted now.

Neighbours: plan counts; the eviction subresource takes from what is written here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import msgspec

from dromon.api import kinds, scheme
from dromon.api.types.autoscaling import Scale
from dromon.api.types.meta import OwnerReference
from dromon.api.types.policy import PodDisruptionBudget, PodDisruptionBudgetStatus
from dromon.controllers import indexes, views
from dromon.controllers import pods as about
from dromon.controllers.controller import Context, Controller, is_not_found, key_of
from dromon.controllers.disruption import plan
from dromon.controllers.views import PodView

Key = tuple[str, str]
BUDGETS = kinds.POD_DISRUPTION_BUDGETS


class Uncountable(Exception):
    """The pods' owners can't tell how many there should be."""


class DisruptionController(Controller[Key]):
    """The loop; its key is (namespace, name) of a PodDisruptionBudget."""

    name: ClassVar[str] = "disruption"
    workers: ClassVar[int] = 2

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.events = context.recorder("controllermanager")
        self.budgets = context.informers.of(BUDGETS)
        self.pods = context.informers.of(views.PODS)
        self.controllers = context.informers.of(kinds.REPLICATION_CONTROLLERS)
        self.sets = context.informers.of(kinds.REPLICA_SETS)
        self.deployments = context.informers.of(kinds.DEPLOYMENTS)
        self.watch(self.budgets, self.on_budget)
        self.watch(self.pods, self.on_pod)
        for informer in (self.controllers, self.sets, self.deployments):
            self.watch(informer)

    def on_budget(self, old: PodDisruptionBudget | None, new: PodDisruptionBudget | None) -> None:
        """A budget changed: count."""
        if new is not None:
            self.queue.add(key_of(new))

    def on_pod(self, old: PodView | None, new: PodView | None) -> None:
        """A pod changed: count for the budgets that are about it."""
        for pod in (old, new):
            if pod is not None:
                for pdb in self._about(pod):
                    self.enqueue_soon(key_of(pdb))

    def _about(self, pod: PodView) -> Iterable[PodDisruptionBudget]:
        for value in indexes.choosers(pod.metadata.namespace, pod.metadata.labels):
            for pdb in self.budgets.by_index(indexes.SELECTOR, value):
                if about.selects(pdb.spec.selector, pod.metadata.labels):
                    yield pdb

    async def reconcile(self, key: Key) -> None:
        pdb = self.budgets.get(*key)
        if pdb is None:
            return
        pods = self._selected(pdb)
        now = self.clock.now()
        try:
            wanted = await self._wanted(pods) if plan.needs_owners(pdb) else None
        except Uncountable as error:
            self.events.event(pdb, "Warning", "CalculateExpectedPodCountFailed", str(error))
            await self._write(pdb, plan.failed_status(pdb, str(error), now))
            return
        if not pods:
            self.events.event(pdb, "Normal", "NoPods", "No matching pods found")
        status = plan.plan_status(pdb, pods, wanted, now)
        await self._write(pdb, status)
        wait = plan.next_look(status.disrupted_pods, now)
        if wait is not None:
            self.enqueue_soon(key, wait + 0.1)

    def _selected(self, pdb: PodDisruptionBudget) -> list[PodView]:
        selector = pdb.spec.selector
        if selector is None:
            return []
        namespace = pdb.metadata.namespace
        if selector.match_labels:
            key = min(selector.match_labels)
            value = indexes.pair(namespace, key, selector.match_labels[key])
            candidates: Iterable[PodView] = self.pods.by_index(indexes.LABEL, value)
        else:
            candidates = (p for p in self.pods.items() if p.metadata.namespace == namespace)
        return [p for p in candidates if about.selects(selector, p.metadata.labels)]

    async def _wanted(self, pods: Sequence[PodView]) -> int:
        """How many pods the owners of these want in all, each owner counted once.

        Raises:
            Uncountable: a pod has no owner, or one without a scale.
        """
        sizes: dict[str, int] = {}
        for pod in pods:
            owner = about.controller_of(pod.metadata)
            if owner is None:
                raise Uncountable(f"found no controller ref for pod {pod.metadata.name!r}")
            if owner.uid not in sizes:
                uid, size = await self._size(pod.metadata.namespace, owner)
                sizes[owner.uid] = 0
                sizes[uid] = size
        return sum(sizes.values())

    async def _size(self, namespace: str, owner: OwnerReference) -> tuple[str, int]:
        """The uid and replicas of what decides on an owner's size: a replica set's is its deployment's."""
        if owner.kind == "ReplicationController":
            rc = self.controllers.get(namespace, owner.name)
            if rc is not None and rc.metadata.uid == owner.uid:
                return owner.uid, 1 if rc.spec.replicas is None else rc.spec.replicas
        elif owner.kind == "ReplicaSet":
            rs = self.sets.get(namespace, owner.name)
            if rs is not None and rs.metadata.uid == owner.uid:
                above = about.controller_of(rs.metadata)
                d = self.deployments.get(namespace, above.name) if above is not None else None
                if d is not None and above is not None and d.metadata.uid == above.uid:
                    return above.uid, 1 if d.spec.replicas is None else d.spec.replicas
                return owner.uid, 1 if rs.spec.replicas is None else rs.spec.replicas
        return owner.uid, await self._scale(namespace, owner)

    async def _scale(self, namespace: str, owner: OwnerReference) -> int:
        """spec.replicas by the scale subresource, for owners of any kind."""
        resource = scheme.by_kind(owner.api_version, owner.kind)
        if resource is None or "scale" not in resource.subresources:
            raise Uncountable(f"{owner.kind} {owner.name!r} does not implement the scale subresource")
        try:
            scale: Scale = await self.client.subresource(
                "GET", resource, owner.name, namespace, "scale", None, Scale
            )
        except Exception as error:
            if is_not_found(error):
                return 0
            raise
        return scale.spec.replicas

    async def _write(self, pdb: PodDisruptionBudget, status: PodDisruptionBudgetStatus) -> None:
        if status == pdb.status:
            return
        # The resourceVersion makes sure that no eviction that was let through meanwhile is forgotten.
        try:
            await self.client.update(
                BUDGETS, msgspec.structs.replace(pdb, status=status), subresource="status"
            )
        except Exception as error:
            if not is_not_found(error):
                raise
