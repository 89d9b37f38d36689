"""Pod garbage collection: pods that nobody will clean up any more.

Ended pods beyond a threshold, oldest first; pods that are bound to a node that no longer exists; pods that
were deleted before any node had them. All found by index, none by walking over every pod.

Neighbours: nodes.eviction takes care of nodes that still exist.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from dromon.api import times
from dromon.controllers import indexes, views
from dromon.controllers import pods as about
from dromon.controllers.controller import Context, Controller, each, is_conflict, is_not_found
from dromon.controllers.views import NodeView, PodView

Key = tuple[str, str]
"""("node", name), or one of the two below."""

TERMINATED: Key = ("pods", indexes.TERMINATED)
UNSCHEDULED: Key = ("pods", indexes.UNSCHEDULED)

PERIOD = 20.0
"""Seconds for which ended pods may gather before they are counted."""

OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"


def plan_terminated(pods: Sequence[PodView], threshold: int) -> list[PodView]:
    """The ended pods to delete so that `threshold` are left: evicted ones first, then the oldest.

    Args:
        pods: all that have ended.
        threshold: 0 or less: keep all.
    """
    waiting = [p for p in pods if p.metadata.deletion_timestamp is None]
    surplus = len(waiting) - threshold
    if threshold <= 0 or surplus <= 0:
        return []

    def age(pod: PodView) -> tuple[bool, float, str]:
        return pod.status.reason != "Evicted", about.created(pod.metadata), pod.metadata.uid

    return sorted(waiting, key=age)[:surplus]


def is_out_of_service(node: NodeView) -> bool:
    """Whether a person declared that the node will not come back, so its pods need not be waited for."""
    ready = any(c.type == "Ready" and c.status == "True" for c in node.status.conditions)
    return not ready and any(t.key == OUT_OF_SERVICE for t in node.spec.taints)


class PodGarbageCollector(Controller[Key]):
    """The loop; its key is a node's name, or one of the sets of pods that it looks at."""

    name: ClassVar[str] = "podgc"
    workers: ClassVar[int] = 2

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.nodes = context.informers.of(views.NODES)
        self.pods = context.informers.of(views.PODS)
        self._missing: dict[str, float] = {}
        self.watch(self.nodes, self.on_node)
        self.watch(self.pods, self.on_pod)

    def on_node(self, old: NodeView | None, new: NodeView | None) -> None:
        """A node went away, came back, or was declared out of service."""
        if new is None and old is not None:
            self._miss(old.metadata.name)
        elif new is not None:
            self._missing.pop(new.metadata.name, None)
            if is_out_of_service(new) and (old is None or not is_out_of_service(old)):
                self.queue.add(("node", new.metadata.name))

    def on_pod(self, old: PodView | None, new: PodView | None) -> None:
        """A pod ended, was deleted unscheduled, or is bound to a node that we don't know."""
        if new is None:
            return
        if about.is_terminated(new) and (old is None or not about.is_terminated(old)):
            self.enqueue_soon(TERMINATED, PERIOD)
        going = new.metadata.deletion_timestamp is not None
        if going and not new.spec.node_name:
            self.enqueue_soon(UNSCHEDULED)
        bound = new.spec.node_name and (old is None or not old.spec.node_name)
        if bound and self.nodes.get("", new.spec.node_name) is None:
            self._miss(new.spec.node_name)
        if going and (old is None or old.metadata.deletion_timestamp is None) and new.spec.node_name:
            self.queue.add(("node", new.spec.node_name))

    def _miss(self, node: str) -> None:
        self._missing.setdefault(node, self.clock.monotonic())
        self.queue.add(("node", node))

    async def reconcile(self, key: Key) -> None:
        if key == TERMINATED:
            ended = self.pods.by_index(indexes.STATE, indexes.TERMINATED)
            await self._delete(plan_terminated(ended, self.context.config.terminated_pod_threshold), "")
        elif key == UNSCHEDULED:
            pods = self.pods.by_index(indexes.STATE, indexes.UNSCHEDULED)
            await self._delete(pods, "PodGC: unscheduled and terminating pod")
        else:
            await self._look_at_node(key[1])

    async def _look_at_node(self, name: str) -> None:
        """Delete the pods of a node that is gone, once it has been gone for long enough."""
        node = self.nodes.get("", name)
        pods = self.pods.by_index(indexes.NODE, name)
        if node is not None:
            self._missing.pop(name, None)
            if is_out_of_service(node):
                going = [p for p in pods if p.metadata.deletion_timestamp is not None]
                await self._delete(going, "PodGC: node is out of service")
            return
        if not pods:
            self._missing.pop(name, None)
            return
        now = self.clock.monotonic()
        left = self._missing.setdefault(name, now) + self.context.config.orphan_quarantine - now
        if left > 0:
            self.enqueue_soon(("node", name), left)
        elif await self._node_absent(name):
            await self._delete(pods, "PodGC: node no longer exists")
            self.enqueue_soon(("node", name), PERIOD)

    async def _node_absent(self, name: str) -> bool:
        """Ask the API itself."""
        try:
            await self.client.get(views.NODES, name)
        except Exception as error:
            if is_not_found(error):
                return True
            raise
        return False

    async def _delete(self, pods: Sequence[PodView], message: str) -> None:
        """Mark as failed what has not ended (`message` says why), and delete at once."""

        async def delete(pod: PodView) -> None:
            meta = pod.metadata
            try:
                if not about.is_terminated(pod):
                    patch = self._failed(pod, message)
                    await self.client.patch(
                        views.PODS, meta.name, meta.namespace, patch, subresource="status"
                    )
                await self.client.delete(views.PODS, meta.name, meta.namespace, grace_period=0, uid=meta.uid)
            except Exception as error:
                if not is_not_found(error) and not is_conflict(error):
                    raise

        errors = await each(list(pods), delete, limit=16)
        if errors:
            raise errors[0]

    def _failed(self, pod: PodView, message: str) -> dict[str, object]:
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByPodGC",
            "message": message,
            "lastTransitionTime": times.format(self.clock.now()),
        }
        return {
            "metadata": {"uid": pod.metadata.uid},
            "status": {"phase": "Failed", "conditions": [condition]},
        }
