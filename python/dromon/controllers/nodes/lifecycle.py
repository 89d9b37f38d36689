"""Notices nodes that fall silent, says so in their conditions, and taints nodes as their state calls for.

A node's sign of life is a renewed Lease or a posted status; when it was *seen* counts, by our own clock. A
node is declared lost only after the API itself was asked once more, and never for our own inability to ask.

Neighbours: health, taints and zones decide, eviction deletes the pods that don't bear a taint.
"""

from __future__ import annotations

from typing import ClassVar

from dromon.api import kinds, times
from dromon.api.types.affinity import Taint
from dromon.api.types.coordination import Lease
from dromon.client.rest import ConnectionFailed
from dromon.controllers import indexes, views
from dromon.controllers import pods as about
from dromon.controllers.controller import Context, Controller, each, is_conflict, is_not_found
from dromon.controllers.nodes import health, taints, zones
from dromon.controllers.nodes.zones import Rates, Zone
from dromon.controllers.views import NodeView, PodView

LEASES = "kube-node-lease"

SignOfLife = tuple[str, str]
"""Heartbeats in the conditions, renewal time of the lease."""


class NodeLifecycle(Controller[str]):
    """The loop; its key is a node's name."""

    name: ClassVar[str] = "nodelifecycle"
    workers: ClassVar[int] = 8

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        config = context.config
        self.rates = Rates(
            normal=config.node_eviction_rate,
            secondary=config.node_secondary_eviction_rate,
            large=config.large_cluster_nodes,
            threshold=config.unhealthy_zone_threshold,
        )
        self.events = context.recorder("node-controller")
        self._signs: dict[str, SignOfLife] = {}
        self._heard: dict[str, float] = {}
        self._counted: dict[str, tuple[str, bool]] = {}
        self._zones: dict[str, Zone] = {}
        self._next_taint: dict[str, float] = {}
        self._all_lost = False
        self._deaf = False
        self.nodes = context.informers.of(views.NODES)
        self.pods = context.informers.of(views.PODS)
        self.leases = context.informers.of(kinds.LEASES)
        self.watch(self.nodes, self.on_node)
        self.watch(self.leases, self.on_lease)
        self.watch(self.pods)

    # Signs of life.

    def on_node(self, old: NodeView | None, new: NodeView | None) -> None:
        """A node changed: listen, count, look."""
        obj = new or old
        if obj is None:
            return
        name = obj.metadata.name
        if new is None:
            self._signs.pop(name, None)
            self._heard.pop(name, None)
        else:
            self._hear(name, (health.heartbeat(new.status.conditions), self._signs.get(name, ("", ""))[1]))
        self._count(name, new)
        self.queue.add(name)

    def on_lease(self, old: Lease | None, new: Lease | None) -> None:
        """A kubelet renewed its lease."""
        if new is not None and new.metadata.namespace == LEASES:
            name = new.metadata.name
            self._hear(name, (self._signs.get(name, ("", ""))[0], new.spec.renew_time or ""))

    def _hear(self, name: str, sign: SignOfLife) -> bool:
        """Take note of a sign of life; whether it is a new one."""
        if self._signs.get(name) == sign:
            return False
        self._signs[name] = sign
        self._heard[name] = self.clock.monotonic()
        return True

    def _count(self, name: str, node: NodeView | None) -> None:
        """Keep the zones' counts, and look at every node when all are lost or no longer are."""
        old = self._counted.pop(name, None)
        if old is not None:
            self._add(old, -1)
        if node is not None:
            self._counted[name] = (zones.zone_of(node), health.ready_status(node) == "True")
            self._add(self._counted[name], 1)
        all_lost = zones.all_lost(self._zones, self.rates)
        if all_lost != self._all_lost:
            self._all_lost = all_lost
            now = self.clock.monotonic()
            for other in self._counted:
                if not all_lost:
                    # It was our own view that was broken: everybody gets the full grace again.
                    self._heard[other] = now
                self.queue.add(other)

    def _add(self, counted: tuple[str, bool], by: int) -> None:
        zone = self._zones.setdefault(counted[0], Zone())
        if counted[1]:
            zone.ready += by
        else:
            zone.not_ready += by
        if not zone.ready and not zone.not_ready:
            del self._zones[counted[0]]

    # One node.

    async def reconcile(self, key: str) -> None:
        node = self.nodes.get("", key)
        if node is None or node.metadata.deletion_timestamp is not None:
            return
        left = self._silence(node)
        if left <= 0 and health.lost_conditions(node, self.clock.now()):
            node = await self._declare_lost(node)
            left = self._silence(node)
        if left > 0:
            self.enqueue_soon(key, left)
        if health.condition(node, "Ready") is not None and health.ready_status(node) == "Unknown":
            await self._mark_pods(node)
        await self._taint(node)

    def _silence(self, node: NodeView) -> float:
        now = self.clock.monotonic()
        heard = self._heard.setdefault(node.metadata.name, now)
        config = self.context.config
        return health.silence(node, heard, now, config.node_monitor_grace, config.node_startup_grace)

    async def _declare_lost(self, node: NodeView) -> NodeView:
        """Write the conditions of a silent node, unless the API knows of a sign of life; returns the node."""
        name = node.metadata.name
        try:
            live = await self.client.get(views.NODES, name)
            renewed = await self._renewed(name)
        except ConnectionFailed:
            self._deaf = True
            raise
        if self._deaf:
            # Who could not ask could not hear either: from now on everybody has the full grace.
            self._deaf = False
            self._heard = dict.fromkeys(self._heard, self.clock.monotonic())
            return live
        if self._hear(name, (health.heartbeat(live.status.conditions), renewed)):
            return live
        conditions = health.lost_conditions(live, self.clock.now())
        if not conditions:
            return live
        was_ready = health.ready_status(live) == "True"
        patch = {
            "metadata": {"uid": live.metadata.uid, "resourceVersion": live.metadata.resource_version},
            "status": {"conditions": conditions},
        }
        written = await self.client.patch(views.NODES, name, "", patch, subresource="status")
        # What we wrote ourselves is no sign of life.
        self._signs[name] = (health.heartbeat(written.status.conditions), renewed)
        if was_ready:
            self.events.event(live, "Normal", "NodeNotReady", f"Node {name} status is now: NodeNotReady")
        return written

    async def _renewed(self, name: str) -> str:
        try:
            lease = await self.client.get(kinds.LEASES, name, LEASES)
        except Exception as error:
            if is_not_found(error):
                return ""
            raise
        return lease.spec.renew_time or ""

    async def _mark_pods(self, node: NodeView) -> None:
        """Nobody vouches for the readiness of a lost node's pods: services should not send to them."""
        pods = [p for p in self.pods.by_index(indexes.NODE, node.metadata.name) if about.is_ready(p)]
        errors = await each(pods, self._mark_pod, limit=16)
        if errors:
            raise errors[0]

    async def _mark_pod(self, pod: PodView) -> None:
        condition = {"type": "Ready", "status": "False", "lastTransitionTime": times.format(self.clock.now())}
        patch = {"metadata": {"uid": pod.metadata.uid}, "status": {"conditions": [condition]}}
        try:
            await self.client.patch(
                views.PODS, pod.metadata.name, pod.metadata.namespace, patch, subresource="status"
            )
        except Exception as error:
            if is_not_found(error) or is_conflict(error):
                return
            raise
        self.events.event(pod, "Warning", "NodeNotReady", "Node is not ready")

    # Taints.

    async def _taint(self, node: NodeView) -> None:
        now = self.clock.now()
        wanted = taints.plan_taints(node, now, execute=False)
        if self._all_lost:
            bare = node if wanted is None else _with_taints(node, wanted)
            wanted = taints.without_execute(bare) or wanted
        else:
            execute = taints.plan_taints(node, now, execute=True)
            if execute != wanted and self._may_execute(node):
                wanted = execute
        if wanted is None:
            return
        try:
            await self.client.patch(
                views.NODES, node.metadata.name, "", taints.taint_patch(node, wanted), kind="merge"
            )
        except Exception as error:
            if not is_not_found(error):
                raise

    def _may_execute(self, node: NodeView) -> bool:
        """Take the zone's permission to drive pods away from one more node, or come back for it."""
        zone = zones.zone_of(node)
        rate = zones.rate(zone, self._zones, self.rates)
        if rate <= 0:
            return False
        now = self.clock.monotonic()
        wait = self._next_taint.get(zone, now) - now
        if wait > 0:
            self.enqueue_soon(node.metadata.name, wait)
            return False
        self._next_taint[zone] = now + 1 / rate
        return True


def _with_taints(node: NodeView, wanted: list[Taint]) -> NodeView:
    spec = views.NodeSpecView(
        pod_cidr=node.spec.pod_cidr,
        pod_cidrs=node.spec.pod_cidrs,
        unschedulable=node.spec.unschedulable,
        taints=wanted,
    )
    return NodeView(metadata=node.metadata, spec=spec, status=node.status)
