"""Carries a deployment's rollout out: makes and sizes its replica sets, and tells how it goes.

Neighbours: revisions, rollout and status (what to do, pure), controller.Controller (the loop); the replica
sets' own loop makes the pods.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

import msgspec

from dromon.api import kinds
from dromon.api.types.deployment import Deployment, DeploymentStatus, ReplicaSet
from dromon.controllers import indexes, views
from dromon.controllers import pods as about
from dromon.controllers.controller import (
    Context,
    Controller,
    Stale,
    already_exists,
    is_conflict,
    is_not_found,
    key_of,
    namespace_terminating,
)
from dromon.controllers.deployments import revisions, rollout, status
from dromon.controllers.views import PodView

Key = tuple[str, str]
SETS = kinds.REPLICA_SETS


class DeploymentController(Controller[Key]):
    """The loop; its key is (namespace, name) of a Deployment."""

    name: ClassVar[str] = "deployment"
    workers: ClassVar[int] = 5

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.events = context.recorder("deployment-controller")
        self.deployments = context.informers.of(kinds.DEPLOYMENTS)
        self.sets = context.informers.of(SETS)
        self.pods = context.informers.of(views.PODS)
        self.watch(self.deployments, self.on_deployment)
        self.watch(self.sets, self.on_set)
        self.watch(self.pods, self.on_pod)

    def on_deployment(self, old: Deployment | None, new: Deployment | None) -> None:
        """A deployment changed: look at it."""
        obj = new or old
        if obj is not None:
            self.queue.add(key_of(obj))

    def on_set(self, old: ReplicaSet | None, new: ReplicaSet | None) -> None:
        """A replica set changed: look at its deployment, or at those that may adopt it."""
        for rs in (old, new):
            if rs is None:
                continue
            owner = about.controller_of(rs.metadata)
            if owner is not None and owner.kind == "Deployment":
                self.enqueue_soon((rs.metadata.namespace, owner.name))
        if new is not None and about.controller_of(new.metadata) is None:
            for d in self._selecting(new):
                self.enqueue_soon(key_of(d))

    def on_pod(self, old: PodView | None, new: PodView | None) -> None:
        """A pod ended: a recreation may have waited for it."""
        if old is None or (new is not None and about.is_terminated(new) == about.is_terminated(old)):
            return
        owner = about.controller_of(old.metadata)
        if owner is None or owner.kind != SETS.kind:
            return
        rs = self.sets.get(old.metadata.namespace, owner.name)
        above = about.controller_of(rs.metadata) if rs is not None else None
        if above is None:
            return
        d = self.deployments.get(old.metadata.namespace, above.name)
        if d is not None and d.spec.strategy.type == "Recreate":
            self.enqueue_soon(key_of(d))

    def _selecting(self, rs: ReplicaSet) -> Iterable[Deployment]:
        for value in indexes.choosers(rs.metadata.namespace, rs.metadata.labels):
            for d in self.deployments.by_index(indexes.SELECTOR, value):
                if about.selects(d.spec.selector, rs.metadata.labels):
                    yield d

    async def reconcile(self, key: Key) -> None:
        d = self.deployments.get(*key)
        if d is None:
            return
        sets = await self._claim(d)
        new = revisions.newest(d, sets)
        old = [rs for rs in sets if new is None or rs.metadata.uid != new.metadata.uid]
        if d.metadata.deletion_timestamp is not None:
            await self._write_status(d, status.counted(d, new, old))
            return
        created = False
        if d.spec.paused or rollout.is_scaling(d, sets):
            new, old = await self._resize(d, new, old, rollout.resized(d, new, old))
        elif d.spec.strategy.type == "Recreate":
            new, old, created = await self._recreate(d, new, old)
        else:
            new, old, created = await self._roll(d, new, old)
        now = self.clock.now()
        wanted = status.plan_status(d, new, old, now, created)
        if not d.spec.paused and status.is_complete(d, wanted):
            await self._clean_up(d, old)
        await self._write_status(d, wanted)
        wait = status.deadline(d, wanted, now)
        if wait is not None:
            self.enqueue_soon(key, wait + 1.0)

    # Rollouts.

    async def _roll(
        self, d: Deployment, new: ReplicaSet | None, old: list[ReplicaSet]
    ) -> tuple[ReplicaSet | None, list[ReplicaSet], bool]:
        created = new is None
        new = await self._newest(d, new, old, rollout.first_size(d, old))
        if new is None:
            return None, old, False
        found, rest = await self._resize(d, new, old, rollout.rolling(d, new, old))
        return found, rest, created

    async def _recreate(
        self, d: Deployment, new: ReplicaSet | None, old: list[ReplicaSet]
    ) -> tuple[ReplicaSet | None, list[ReplicaSet], bool]:
        sizes = rollout.recreate(d, new, old, self._have_pods(old))
        if sizes is None:
            return new, old, False
        created = new is None and not sizes
        if not sizes:
            new = await self._newest(d, new, old, rollout.replicas(d))
        found, rest = await self._resize(d, new, old, sizes)
        return found, rest, created and found is not None

    def _have_pods(self, sets: Sequence[ReplicaSet]) -> bool:
        """Whether a pod of these sets has not ended."""
        return any(
            not about.is_terminated(pod)
            for rs in sets
            for pod in self.pods.by_index(indexes.CONTROLLER, rs.metadata.uid)
        )

    async def _newest(
        self, d: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], size: int
    ) -> ReplicaSet | None:
        """The replica set of the present template, made when missing, annotated as it shall be."""
        revision = revisions.next_revision(old)
        annotations = revisions.annotations_for(d, new, revision, rollout.maximum(d))
        if new is None:
            new = await self._create(d, revisions.new_set(d, size, annotations))
            if new is None:
                return None
        elif (
            annotations != new.metadata.annotations or new.spec.min_ready_seconds != d.spec.min_ready_seconds
        ):
            changed = copy.deepcopy(new)
            changed.metadata.annotations = annotations
            changed.spec.min_ready_seconds = d.spec.min_ready_seconds
            new = await self.client.update(SETS, changed)
        number = new.metadata.annotations.get(revisions.REVISION, "")
        if number and d.metadata.annotations.get(revisions.REVISION) != number:
            patch = {"metadata": {"uid": d.metadata.uid, "annotations": {revisions.REVISION: number}}}
            await self.client.patch(
                kinds.DEPLOYMENTS, d.metadata.name, d.metadata.namespace, patch, kind="merge"
            )
        return new

    async def _create(self, d: Deployment, rs: ReplicaSet) -> ReplicaSet | None:
        """Make a replica set; ours of that name is taken, another's makes us choose another name."""
        try:
            made: ReplicaSet = await self.client.create(SETS, rs)
        except Exception as error:
            if namespace_terminating(error):
                return None
            if not already_exists(error):
                text = f'Failed to create new replica set "{rs.metadata.name}": {error}'
                self.events.event(d, "Warning", "ReplicaSetCreateError", text)
                raise
            found: ReplicaSet = await self.client.get(SETS, rs.metadata.name, rs.metadata.namespace)
            owner = about.controller_of(found.metadata)
            if owner is not None and owner.uid == d.metadata.uid and revisions.same_template(found, d):
                return found
            collided = copy.copy(d.status)
            collided.collision_count = (d.status.collision_count or 0) + 1
            await self._write_status(d, collided)
            raise Stale(f"the name {rs.metadata.name} is taken") from error
        if rollout.replicas(made):
            self._scaled(d, made.metadata.name, 0, rollout.replicas(made))
        return made

    async def _resize(
        self, d: Deployment, new: ReplicaSet | None, old: Sequence[ReplicaSet], sizes: rollout.Sizes
    ) -> tuple[ReplicaSet | None, list[ReplicaSet]]:
        """Give replica sets their sizes, and note whose size of the deployment that is."""
        note = revisions.scale_annotations(d, rollout.maximum(d))
        result: list[ReplicaSet] = []
        for rs in [*old, *([new] if new is not None else [])]:
            size = sizes.get(rs.metadata.name, rollout.replicas(rs))
            noted = rs.metadata.annotations | note
            stale_note = bool(size) and noted != rs.metadata.annotations
            if size == rollout.replicas(rs) and not stale_note:
                result.append(rs)
                continue
            changed = copy.deepcopy(rs)
            changed.spec.replicas = size
            changed.metadata.annotations = noted
            result.append(await self.client.update(SETS, changed))
            if size != rollout.replicas(rs):
                self._scaled(d, rs.metadata.name, rollout.replicas(rs), size)
        if new is None:
            return None, result
        return result[-1], result[:-1]

    def _scaled(self, d: Deployment, name: str, before: int, after: int) -> None:
        way = "up" if after > before else "down"
        text = f"Scaled {way} replica set {name} from {before} to {after}"
        self.events.event(d, "Normal", "ScalingReplicaSet", text)

    async def _clean_up(self, d: Deployment, old: Sequence[ReplicaSet]) -> None:
        for rs in revisions.superfluous(d, old):
            meta = rs.metadata
            try:
                await self.client.delete(
                    SETS, meta.name, meta.namespace, uid=meta.uid, resource_version=meta.resource_version
                )
            except Exception as error:
                if not (is_not_found(error) or is_conflict(error)):
                    raise

    # Adoption and release.

    async def _claim(self, d: Deployment) -> list[ReplicaSet]:
        """The replica sets that are the deployment's; orphans that it selects are adopted, strays let go."""
        owned: list[ReplicaSet] = []
        for rs in list(self.sets.by_index(indexes.CONTROLLER, d.metadata.uid)):
            if about.selects(d.spec.selector, rs.metadata.labels):
                owned.append(rs)
            elif d.metadata.deletion_timestamp is None and rs.metadata.deletion_timestamp is None:
                await self._patch_owner(rs, {"$patch": "delete", "uid": d.metadata.uid})
        if d.metadata.deletion_timestamp is not None:
            return owned
        orphans = [
            rs
            for rs in self._namespace_sets(d)
            if about.controller_of(rs.metadata) is None
            and rs.metadata.deletion_timestamp is None
            and about.selects(d.spec.selector, rs.metadata.labels)
        ]
        if orphans and not await self._lives(d):
            raise Stale(f"{d.metadata.namespace}/{d.metadata.name} changed")
        for rs in orphans:
            adopted = await self._patch_owner(rs, msgspec.to_builtins(revisions.owner_reference(d)))
            if adopted is not None:
                owned.append(adopted)
        return owned

    def _namespace_sets(self, d: Deployment) -> Iterable[ReplicaSet]:
        return self.sets.by_index(indexes.ORPHAN, d.metadata.namespace)

    async def _patch_owner(self, rs: ReplicaSet, reference: dict[str, Any]) -> ReplicaSet | None:
        patch = {"metadata": {"uid": rs.metadata.uid, "ownerReferences": [reference]}}
        try:
            made: ReplicaSet = await self.client.patch(SETS, rs.metadata.name, rs.metadata.namespace, patch)
        except Exception as error:
            if is_not_found(error) or is_conflict(error) or getattr(error, "reason", "") == "Invalid":
                return None
            raise
        return made

    async def _lives(self, d: Deployment) -> bool:
        """Ask the API itself whether this very deployment is there and stays."""
        try:
            live = await self.client.get(kinds.DEPLOYMENTS, d.metadata.name, d.metadata.namespace)
        except Exception as error:
            if is_not_found(error):
                return False
            raise
        return bool(live.metadata.uid == d.metadata.uid and live.metadata.deletion_timestamp is None)

    async def _write_status(self, d: Deployment, wanted: DeploymentStatus) -> None:
        if wanted == d.status:
            return
        try:
            await self.client.update(
                kinds.DEPLOYMENTS, msgspec.structs.replace(d, status=wanted), subresource="status"
            )
        except Exception as error:
            if not is_not_found(error):
                raise
