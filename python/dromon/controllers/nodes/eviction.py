"""Deletes pods from nodes whose NoExecute taints they don't bear (any longer).

Neighbours: taints.tolerated_for decides how long, lifecycle sets the taints.
"""

from __future__ import annotations

from typing import ClassVar

from dromon.api import times
from dromon.controllers import indexes, views
from dromon.controllers import pods as about
from dromon.controllers.controller import Context, Controller, is_conflict, is_not_found, key_of
from dromon.controllers.nodes import taints
from dromon.controllers.views import NodeView, PodView

Key = tuple[str, str]


def is_tainted(node: NodeView | None) -> bool:
    """Whether the node drives pods away."""
    return node is not None and any(t.effect == taints.NO_EXECUTE for t in node.spec.taints)


class TaintEviction(Controller[Key]):
    """The loop; its key is (namespace, name) of a pod."""

    name: ClassVar[str] = "taint-eviction"
    workers: ClassVar[int] = 8

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.events = context.recorder("taint-eviction-controller")
        self._since: dict[str, float] = {}
        self.nodes = context.informers.of(views.NODES)
        self.pods = context.informers.of(views.PODS)
        self.watch(self.nodes, self.on_node)
        self.watch(self.pods, self.on_pod)

    def on_node(self, old: NodeView | None, new: NodeView | None) -> None:
        """A node's taints changed: look at its pods."""
        before = old.spec.taints if old is not None else []
        after = new.spec.taints if new is not None else []
        node = new or old
        if before != after and node is not None and (is_tainted(old) or is_tainted(new)):
            for pod in self.pods.by_index(indexes.NODE, node.metadata.name):
                self.queue.add(key_of(pod))

    def on_pod(self, old: PodView | None, new: PodView | None) -> None:
        """A pod was bound, or bears other taints now."""
        if new is None:
            if old is not None:
                self._since.pop(old.metadata.uid, None)
            return
        same = (
            old is not None
            and old.spec.node_name == new.spec.node_name
            and old.spec.tolerations == new.spec.tolerations
        )
        if not same and is_tainted(self.nodes.get("", new.spec.node_name)):
            self.queue.add(key_of(new))

    async def reconcile(self, key: Key) -> None:
        pod = self.pods.get(*key)
        if pod is None or not pod.spec.node_name or not about.is_active(pod):
            return
        node = self.nodes.get("", pod.spec.node_name)
        limit = None
        if node is not None:
            limit = taints.tolerated_for(node.spec.taints, pod.spec.tolerations)
        uid = pod.metadata.uid
        if limit is None:
            if self._since.pop(uid, None) is not None:
                text = f"Cancelling deletion of Pod {key[0]}/{key[1]}"
                self.events.event(pod, "Normal", "TaintManagerEviction", text)
            return
        # Counted from when this process first saw pod and taint together, so that a manager that was away
        # for long does not evict before the node had a chance to report.
        since = self._since.setdefault(uid, self.clock.monotonic())
        left = since + limit - self.clock.monotonic()
        if left > 0:
            self.enqueue_soon(key, left)
        elif await self._still_due(pod):
            await self._evict(pod)

    async def _still_due(self, pod: PodView) -> bool:
        """Ask the API itself whether the node still has the taints."""
        try:
            node = await self.client.get(views.NODES, pod.spec.node_name)
        except Exception as error:
            if is_not_found(error):
                return False  # the pods of a node that is gone are the pod garbage collector's
            raise
        return taints.tolerated_for(node.spec.taints, pod.spec.tolerations) is not None

    async def _evict(self, pod: PodView) -> None:
        meta = pod.metadata
        condition = {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "DeletionByTaintManager",
            "message": "Taint manager: deleting due to NoExecute taint",
            "lastTransitionTime": times.format(self.clock.now()),
        }
        patch = {"metadata": {"uid": meta.uid}, "status": {"conditions": [condition]}}
        text = f"Marking for deletion Pod {meta.namespace}/{meta.name}"
        self.events.event(pod, "Normal", "TaintManagerEviction", text)
        try:
            await self.client.patch(views.PODS, meta.name, meta.namespace, patch, subresource="status")
            await self.client.delete(views.PODS, meta.name, meta.namespace, uid=meta.uid)
        except Exception as error:
            if not is_not_found(error) and not is_conflict(error):
                raise
