"""Keeps as many pods of each ReplicationController, and of each ReplicaSet, as it asks for.

Both kinds mean the same; they differ in the form of their selector.

Neighbours: plan (what to do), expectations (what was done and is not yet seen), controller (the loop).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

import msgspec

from dromon.api import kinds
from dromon.api.resource import Resource
from dromon.client.bulk import Bulk, Identity
from dromon.controllers import indexes, views
from dromon.controllers import pods as about
from dromon.controllers.controller import (
    Context,
    Controller,
    Retry,
    Stale,
    each,
    is_conflict,
    is_not_found,
    key_of,
    namespace_terminating,
)
from dromon.controllers.expectations import Expectations
from dromon.controllers.replication import plan
from dromon.controllers.views import PodView

Key = tuple[str, str]


class ReplicationManager(Controller[Key]):
    """The loop; its key is (namespace, name) of a ReplicationController."""

    name: ClassVar[str] = "replicationcontroller"
    workers: ClassVar[int] = 5
    resource: ClassVar[Resource[Any]] = kinds.REPLICATION_CONTROLLERS
    component: ClassVar[str] = "replication-controller"

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.expectations = Expectations(context.clock)
        self.events = context.recorder(self.component)
        self.bulk = Bulk(context.client)
        self.controllers = context.informers.of(self.resource)
        self.pods = context.informers.of(views.PODS)
        self.watch(self.controllers, self.on_controller)
        self.watch(self.pods, self.on_pod)

    def on_controller(self, old: plan.Replicated | None, new: plan.Replicated | None) -> None:
        """A controller changed: look at it."""
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self.expectations.forget(old.metadata.uid)
        obj = new or old
        if obj is not None:
            self.queue.add(key_of(obj))

    def on_pod(self, old: PodView | None, new: PodView | None) -> None:
        """A pod changed: count it off, and look at the controllers that it concerns."""
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._gone(old)
            old = None
        if new is None:
            return
        if new.metadata.deletion_timestamp is not None:
            self._gone(new)
        owner = about.controller_of(new.metadata)
        before = about.controller_of(old.metadata) if old is not None else None
        if before is not None and (owner is None or owner.uid != before.uid):
            self._enqueue_owner(new.metadata.namespace, before.kind, before.name)
        if owner is not None:
            if old is None:
                self.expectations.saw_creation(owner.uid, new.metadata.uid)
            if self.expectations.satisfied(owner.uid):
                self._enqueue_owner(new.metadata.namespace, owner.kind, owner.name)
        elif old is None or before is not None or old.metadata.labels != new.metadata.labels:
            for rc in self._selecting(new):
                self.enqueue_soon(key_of(rc))

    def _gone(self, pod: PodView) -> None:
        owner = about.controller_of(pod.metadata)
        if owner is not None:
            self.expectations.saw_deletion(owner.uid, pod.metadata.uid)
            self._enqueue_owner(pod.metadata.namespace, owner.kind, owner.name)

    def _enqueue_owner(self, namespace: str, kind: str, name: str) -> None:
        rc = self.controllers.get(namespace, name) if kind == self.resource.kind else None
        if rc is not None:
            self.enqueue_soon((namespace, name), self.patience(rc.status.replicas))

    def _selecting(self, pod: PodView) -> Iterable[plan.Replicated]:
        for value in indexes.choosers(pod.metadata.namespace, pod.metadata.labels):
            for rc in self.controllers.by_index(indexes.SELECTOR, value):
                if about.selects(rc.spec.selector, pod.metadata.labels):
                    yield rc

    async def reconcile(self, key: Key) -> None:
        rc = self.controllers.get(*key)
        if rc is None:
            return
        candidates = [
            *self.pods.by_index(indexes.CONTROLLER, rc.metadata.uid),
            *self.pods.by_index(indexes.ORPHAN, rc.metadata.namespace),
        ]
        owned = await self._claim(rc, plan.plan_claims(rc, candidates))
        failure = None
        if self.expectations.satisfied(rc.metadata.uid):
            failure = await self._scale(rc, plan.plan_scale(rc, owned))
        now = self.clock.now()
        await self._write_status(rc, plan.plan_status(rc, owned, failure, now))
        for wait in (plan.next_look(rc, owned, now), self.expectations.remaining(rc.metadata.uid)):
            if wait:
                self.enqueue_soon(key, wait)
        if failure is not None:
            raise Retry(failure.message)

    # Adoption and release.

    async def _claim(self, rc: plan.Replicated, claims: plan.Claims) -> list[PodView]:
        """Adopt and release; returns the pods that are the controller's afterwards."""
        owned = list(claims.owned)
        if claims.adopt:
            if not await self._unchanged(rc):
                raise Stale(f"{rc.metadata.namespace}/{rc.metadata.name} changed")
            adopted: list[PodView] = []

            async def adopt(pod: PodView) -> None:
                if await self._patch_owner(pod, msgspec.to_builtins(plan.owner_reference(rc))):
                    adopted.append(pod)

            errors = await each(claims.adopt, adopt)
            if errors:
                raise errors[0]
            owned += adopted

        async def release(pod: PodView) -> None:
            await self._patch_owner(pod, {"$patch": "delete", "uid": rc.metadata.uid})

        errors = await each(claims.release, release)
        if errors:
            raise errors[0]
        return owned

    async def _patch_owner(self, pod: PodView, reference: dict[str, object]) -> bool:
        """Write one owner reference; False where the pod is gone, or is another by now."""
        patch = {"metadata": {"uid": pod.metadata.uid, "ownerReferences": [reference]}}
        try:
            await self.client.patch(views.PODS, pod.metadata.name, pod.metadata.namespace, patch)
        except Exception as error:
            if is_not_found(error) or is_conflict(error) or getattr(error, "reason", "") == "Invalid":
                return False
            raise
        return True

    async def _unchanged(self, rc: plan.Replicated) -> bool:
        """Ask the API itself whether this very controller lives and still wants what the cache says."""
        try:
            live = await self.client.get(self.resource, rc.metadata.name, rc.metadata.namespace)
        except Exception as error:
            if is_not_found(error):
                return False
            raise
        return (
            live.metadata.uid == rc.metadata.uid
            and live.metadata.deletion_timestamp is None
            and live.metadata.generation == rc.metadata.generation
        )

    # Creation and deletion.

    async def _scale(self, rc: plan.Replicated, scale: plan.Scale) -> plan.Failure | None:
        if scale.create:
            acted, errors = await self._create(rc, scale.create)
            reason = "FailedCreate"
        elif scale.delete:
            # The cache may be behind a scale-up: only the controller as it stands may cost pods their lives.
            if not await self._unchanged(rc):
                return None
            acted, errors = True, await self._delete(rc, scale.delete)
            reason = "FailedDelete"
        else:
            return None
        if acted and not errors and self.expectations.satisfied(rc.metadata.uid):
            # The events came before the answers, while nobody could act on them.
            self.enqueue_soon(key_of(rc))
        return plan.Failure(reason, str(errors[0])) if errors else None

    async def _create(self, rc: plan.Replicated, count: int) -> tuple[bool, list[Exception]]:
        """Create `count` pods in growing batches; the first batch with an error is the last.

        In a namespace that is being deleted nothing can be made, which is no error. When the controller is
        changed meanwhile, the rest is left to the next look.

        Returns:
            Whether any was made, and the errors.
        """
        uid = rc.metadata.uid
        made, refused = 0, 0
        pod = plan.pod_for(rc)
        errors: list[Exception] = []
        for size in plan.batches(count):
            self.expectations.creating(uid, size)
            for outcome in await self.bulk.create(kinds.PODS, [pod] * size):
                if isinstance(outcome, Identity):
                    made += 1
                    self.expectations.created(uid, outcome.uid)
                    self.events.event(rc, "Normal", "SuccessfulCreate", f"Created pod: {outcome.name}")
                    continue
                self.expectations.not_created(uid)
                refused += 1
                if not namespace_terminating(outcome):
                    errors.append(outcome)
                    self.events.event(rc, "Warning", "FailedCreate", f"Error creating: {outcome}")
            if refused or self._superseded(rc):
                break
        return made > 0, errors

    def _superseded(self, rc: plan.Replicated) -> bool:
        """Whether the informer shows that the controller is gone, or wants something else by now."""
        now = self.controllers.get(rc.metadata.namespace, rc.metadata.name)
        return (
            now is None
            or now.metadata.uid != rc.metadata.uid
            or now.metadata.generation != rc.metadata.generation
            or now.metadata.deletion_timestamp is not None
        )

    async def _delete(self, rc: plan.Replicated, pods: Iterable[PodView]) -> list[Exception]:
        uid = rc.metadata.uid
        victims = list(pods)
        self.expectations.deleting(uid, [p.metadata.uid for p in victims])

        async def delete(pod: PodView) -> None:
            meta = pod.metadata
            try:
                await self.client.delete(views.PODS, meta.name, meta.namespace, uid=meta.uid)
            except Exception as error:
                # A pod that is gone already will be seen to be gone: its expectation stands.
                if is_not_found(error) or is_conflict(error):
                    cached = self.pods.get(meta.namespace, meta.name)
                    if cached is None or cached.metadata.uid != meta.uid:
                        self.expectations.not_deleted(uid, meta.uid)
                    return
                self.expectations.not_deleted(uid, meta.uid)
                self.events.event(rc, "Warning", "FailedDelete", f"Error deleting: {error}")
                raise
            self.events.event(rc, "Normal", "SuccessfulDelete", f"Deleted pod: {meta.name}")

        return await each(victims, delete)

    # Status.

    async def _write_status(self, rc: plan.Replicated, status: plan.Status) -> None:
        if status == rc.status:
            return
        wanted = msgspec.structs.replace(rc, status=status)
        try:
            await self.client.update(self.resource, wanted, subresource="status")
        except Exception as error:
            if not is_not_found(error):
                raise


class ReplicaSetManager(ReplicationManager):
    """The same for ReplicaSets."""

    name: ClassVar[str] = "replicaset"
    resource: ClassVar[Resource[Any]] = kinds.REPLICA_SETS
    component: ClassVar[str] = "replicaset-controller"
