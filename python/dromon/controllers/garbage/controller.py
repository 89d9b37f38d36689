"""Deletes what is left behind by owners that are gone; carries out foreground and orphan deletion.

Absence is never concluded from a cache: an owner counts as gone when the API itself says so, by uid.
Deletions carry uid and resourceVersion, so an object that changed meanwhile is judged anew.

Neighbours: graph (who owns whom), plan (what becomes of one object), discovery (which resources there are).
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar

from dromon.api.errors import ApiError
from dromon.api.resource import Resource
from dromon.api.types.meta import OwnerReference
from dromon.base.backoff import Backoff
from dromon.client.rest import ConnectionFailed
from dromon.controllers import views
from dromon.controllers.controller import Context, Controller, each, is_not_found
from dromon.controllers.discovery import Discovered, discover
from dromon.controllers.garbage import plan
from dromon.controllers.garbage.graph import FOREGROUND, ORPHAN, Graph, Node, node_of
from dromon.controllers.garbage.plan import Delete, Disown, Owner

log = logging.getLogger(__name__)

REFRESH = 30.0
"""Seconds between two looks at which resources are served."""

UNKNOWN_KIND = 300.0
"""Seconds until an object whose owner's kind is not served is looked at again."""

REMEMBERED = 10_000
"""Uids that are known to be gone."""

IGNORED = {("", "events"), ("events.k8s.io", "events")}


class GarbageCollector(Controller[str]):
    """The loop; its key is an object's uid."""

    name: ClassVar[str] = "garbagecollector"
    workers: ClassVar[int] = 20

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.graph = Graph()
        self._resources: dict[tuple[str, str], Resource[Any]] = {}
        self._by_kind: dict[tuple[str, str], Resource[Any]] = {}
        self._absent: OrderedDict[str, None] = OrderedDict()

    # Which resources there are.

    async def synced(self) -> None:
        backoff = Backoff(0.1, 5.0, random=self.context.random.random)
        while True:
            try:
                self.take_up(await discover(self.client))
                break
            except (ApiError, ConnectionFailed) as error:
                log.info("discovery failed", extra={"error": str(error)})
                await self.clock.sleep(backoff.next())
        await super().synced()

    def loops(self) -> Sequence[Callable[[], Coroutine[Any, Any, None]]]:
        return (self._refresh,)

    async def _refresh(self) -> None:
        """Follow kinds that come and go."""
        while True:
            await self.clock.sleep(REFRESH)
            try:
                self.take_up(await discover(self.client))
            except (ApiError, ConnectionFailed) as error:
                log.info("discovery failed", extra={"error": str(error)})

    def take_up(self, found: Discovered) -> None:
        """Watch what is new; what is no longer served (and could be asked for) is forgotten."""
        served = {
            (r.group, r.plural): r
            for r in found.resources
            if {"list", "watch", "delete"} <= set(r.verbs) and (r.group, r.plural) not in IGNORED
        }
        for key, resource in served.items():
            if key not in self._resources:
                self._resources[key] = resource
                informer = self.context.informers.of(views.metadata_of(resource))
                self.watch(informer, self._handler(resource))
        if not found.failures:
            for key in set(self._resources) - set(served):
                self.context.informers.drop(self._resources.pop(key))
                for uid in self.graph.uids(*key):
                    self._look(self.graph.remove(uid))
        self._by_kind = {(r.group, r.kind): r for r in self._resources.values()}

    def _handler(self, resource: Resource[Any]) -> Callable[[Any, Any], None]:
        def handle(old: Any, new: Any) -> None:
            if new is None:
                self._look(self.graph.remove(old.metadata.uid))
            else:
                self._look(self.graph.put(node_of(resource, new)))

        return handle

    def _look(self, uids: set[str]) -> None:
        for uid in sorted(uids):
            self.queue.add(uid)

    # One object.

    async def reconcile(self, key: str) -> None:
        node = self.graph.get(key)
        if node is None:
            return
        if node.orphans_dependents:
            await self._orphan(node)
        elif node.awaits_dependents:
            await self._foreground(node)
        elif node.owners and not node.deleting:
            await self._judge(node)

    async def _judge(self, node: Node) -> None:
        owners = {o.uid: await self._owner(node, o) for o in node.owners}
        verdict = plan.judge(node, owners, self.graph.dependents(node.uid))
        if isinstance(verdict, Disown):
            await self._patch_owners(node, plan.without(node.owners, verdict.uids))
        elif isinstance(verdict, Delete):
            if verdict.unblock:
                await self._unblock(node)
            await self._delete(node, verdict.propagation, precise=not verdict.unblock)

    async def _owner(self, node: Node, reference: OwnerReference) -> Owner:
        """What is known about an owner; that it is gone is known from the API alone."""
        if reference.uid in self._absent:
            return Owner.ABSENT
        known = self.graph.get(reference.uid)
        if known is not None:
            return Owner.WAITING if known.awaits_dependents else Owner.PRESENT
        group = reference.api_version.rpartition("/")[0]
        resource = self._by_kind.get((group, reference.kind))
        if resource is None or (resource.namespaced and not node.namespace):
            self.enqueue_soon(node.uid, UNKNOWN_KIND)
            return Owner.PRESENT
        try:
            live = await self.client.get(
                resource, reference.name, node.namespace if resource.namespaced else ""
            )
        except Exception as error:
            if not is_not_found(error):
                raise
        else:
            if live.metadata.uid == reference.uid:
                return Owner.WAITING if node_of(resource, live).awaits_dependents else Owner.PRESENT
        self._remember_absent(reference.uid)
        return Owner.ABSENT

    def _remember_absent(self, uid: str) -> None:
        self._absent[uid] = None
        if len(self._absent) > REMEMBERED:
            self._absent.popitem(last=False)

    async def _delete(self, node: Node, propagation: str, *, precise: bool) -> None:
        log.debug("deleting", extra={"resource": node.resource.plural, "object": node.name})
        try:
            await self.client.delete(
                node.resource,
                node.name,
                node.namespace,
                propagation=propagation,
                uid=node.uid,
                resource_version=node.resource_version if precise else "",
            )
        except Exception as error:
            if not is_not_found(error):
                raise

    async def _foreground(self, node: Node) -> None:
        """Let the owner go when nothing blocks it any more; until then see to what does."""
        dependents = self.graph.dependents(node.uid)
        if not plan.blocking(node, dependents):
            await self._drop_finalizer(node, FOREGROUND)
        else:
            self._look({d.uid for d in dependents if not d.deleting})

    async def _orphan(self, node: Node) -> None:
        """Take the owner out of its dependents' references, then let it go."""

        async def disown(dependent: Node) -> None:
            left = plan.without(dependent.owners, frozenset({node.uid}))
            await self._patch_owners(dependent, left)

        errors = await each(self.graph.dependents(node.uid), disown, limit=16)
        if errors:
            raise errors[0]
        await self._drop_finalizer(node, ORPHAN)

    # Patches: of a known version only, since they replace whole lists.

    async def _unblock(self, node: Node) -> None:
        references = [
            OwnerReference(
                api_version=o.api_version,
                kind=o.kind,
                name=o.name,
                uid=o.uid,
                controller=o.controller,
                block_owner_deletion=False,
            )
            for o in node.owners
        ]
        await self._patch_owners(node, references)

    async def _patch_owners(self, node: Node, owners: Sequence[OwnerReference]) -> None:
        await self._patch(node, {"ownerReferences": list(owners)})

    async def _drop_finalizer(self, node: Node, finalizer: str) -> None:
        await self._patch(node, {"finalizers": [f for f in node.finalizers if f != finalizer]})

    async def _patch(self, node: Node, metadata: dict[str, Any]) -> None:
        """Raises a conflict where the object is not as the graph has it: it will be looked at again."""
        patch = {"metadata": {"uid": node.uid, "resourceVersion": node.resource_version, **metadata}}
        try:
            await self.client.patch(node.resource, node.name, node.namespace, patch, kind="merge")
        except Exception as error:
            if not is_not_found(error):
                raise
