"""Gives every node its subnet of the pod network (spec.podCIDR); no subnet is given twice.

Neighbours: cidrs keeps the books; the kubelet builds its bridge from what is written here.
"""

from __future__ import annotations

import logging
from typing import ClassVar

from dromon.controllers import views
from dromon.controllers.controller import Context, Controller, Retry, Stale, is_conflict, is_not_found
from dromon.controllers.nodes.cidrs import Subnets
from dromon.controllers.views import NodeView

log = logging.getLogger(__name__)


class NodeIpam(Controller[str]):
    """The loop; its key is a node's name. One worker: the books have one writer."""

    name: ClassVar[str] = "nodeipam"
    workers: ClassVar[int] = 1

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.subnets = Subnets(context.config.pod_cidr, context.config.node_cidr_mask)
        self.events = context.recorder("cidrAllocator")
        self._given: dict[str, str] = {}
        self.nodes = context.informers.of(views.NODES)
        self.watch(self.nodes, self.on_node)

    def on_node(self, old: NodeView | None, new: NodeView | None) -> None:
        """A node came, went, or tells of its subnet: keep the books, which needs no waiting."""
        if old is not None and (new is None or new.spec.pod_cidrs != old.spec.pod_cidrs):
            self._book(old, release=True)
        if new is None:
            if old is not None:
                self._take_back(old.metadata.uid)
            return
        if new.spec.pod_cidr:
            if old is None or new.spec.pod_cidrs != old.spec.pod_cidrs:
                self._book(new, release=False)
            return
        self.queue.add(new.metadata.name)

    def _book(self, node: NodeView, *, release: bool) -> None:
        for subnet in node.spec.pod_cidrs or [node.spec.pod_cidr]:
            try:
                if not subnet:
                    continue
                if release:
                    self.subnets.release(subnet, node.metadata.uid)
                elif not self.subnets.occupy(subnet, node.metadata.uid):
                    log.error(
                        "two nodes have the same subnet", extra={"node": node.metadata.name, "cidr": subnet}
                    )
            except ValueError:
                log.warning("not a subnet", extra={"node": node.metadata.name, "cidr": subnet})

    def _take_back(self, uid: str) -> None:
        subnet = self._given.pop(uid, None)
        if subnet is not None:
            self.subnets.release(subnet, uid)

    async def reconcile(self, key: str) -> None:
        node = self.nodes.get("", key)
        if node is None or node.spec.pod_cidr or node.metadata.deletion_timestamp is not None:
            return
        uid = node.metadata.uid
        # A subnet whose write has an unknown outcome stays this node's: it is written again, not another.
        subnet = self._given.get(uid) or self.subnets.take(uid)
        if subnet is None:
            text = f"Node {key} status is now: CIDRNotAvailable"
            self.events.event(node, "Normal", "CIDRNotAvailable", text)
            raise Retry(f"no subnet of {self.subnets.network} is free for node {key}")
        self._given[uid] = subnet
        patch = {
            "metadata": {"uid": uid, "resourceVersion": node.metadata.resource_version},
            "spec": {"podCIDR": subnet, "podCIDRs": [subnet]},
        }
        try:
            await self.client.patch(views.NODES, key, "", patch, kind="merge")
        except Exception as error:
            if is_not_found(error):
                raise Stale(f"node {key} is gone") from error
            if is_conflict(error):
                raise Stale(f"node {key} changed") from error
            raise
