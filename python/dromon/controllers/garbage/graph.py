"""Who owns whom, as the informers show it: a graph by uid, without I/O.

A dependent is filed under its owners' uids whether or not the owners have been seen, so the order of events
does not matter.

Neighbours: controller.py feeds it, plan.py reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dromon.api.resource import Resource
from dromon.api.types.meta import OwnerReference

ORPHAN = "orphan"
FOREGROUND = "foregroundDeletion"


@dataclass(frozen=True, slots=True)
class Node:
    """An object, as far as its place in the graph goes."""

    uid: str
    resource: Resource[Any]
    namespace: str
    name: str
    owners: tuple[OwnerReference, ...]
    finalizers: tuple[str, ...]
    deleting: bool
    resource_version: str = ""

    @property
    def awaits_dependents(self) -> bool:
        """It is being deleted in the foreground: its dependents go first."""
        return self.deleting and FOREGROUND in self.finalizers

    @property
    def orphans_dependents(self) -> bool:
        """It is being deleted, and its dependents are to stay."""
        return self.deleting and ORPHAN in self.finalizers

    def blocks(self, owner: str) -> bool:
        """Whether `owner`, deleted in the foreground, has to wait for this object."""
        return any(o.uid == owner and o.block_owner_deletion for o in self.owners)


def node_of(resource: Resource[Any], obj: Any) -> Node:
    """The node of an object."""
    meta = obj.metadata
    return Node(
        uid=meta.uid,
        resource=resource,
        namespace=meta.namespace,
        name=meta.name,
        owners=tuple(meta.owner_references),
        finalizers=tuple(meta.finalizers),
        deleting=meta.deletion_timestamp is not None,
        resource_version=meta.resource_version,
    )


class Graph:
    """The objects by uid, and the dependents of each uid."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._dependents: dict[str, set[str]] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def get(self, uid: str) -> Node | None:
        """The object, if it has been seen."""
        return self._nodes.get(uid)

    def dependents(self, uid: str) -> list[Node]:
        """The objects that name `uid` as an owner."""
        return [self._nodes[d] for d in sorted(self._dependents.get(uid, ()))]

    def put(self, node: Node) -> set[str]:
        """Take up a new or changed object; returns the uids that should be looked at because of it."""
        old = self._nodes.get(node.uid)
        before = {o.uid for o in old.owners} if old is not None else set()
        after = {o.uid for o in node.owners}
        self._nodes[node.uid] = node
        for owner in before - after:
            self._unlink(owner, node.uid)
        for owner in after - before:
            self._dependents.setdefault(owner, set()).add(node.uid)
        look: set[str] = set()
        if old is None or old.owners != node.owners:
            look |= self._waiting_owners(before | after)
            if self._doubtful(node):
                look.add(node.uid)
        if node.awaits_dependents or node.orphans_dependents:
            look.add(node.uid)
        if node.awaits_dependents and (old is None or not old.awaits_dependents):
            look |= self._dependents.get(node.uid, set())
        return look

    def remove(self, uid: str) -> set[str]:
        """Take an object out; returns the uids that should be looked at because of it."""
        old = self._nodes.pop(uid, None)
        if old is None:
            return set()
        owners = {o.uid for o in old.owners}
        for owner in owners:
            self._unlink(owner, uid)
        return self._waiting_owners(owners) | self._dependents.get(uid, set())

    def uids(self, group: str, plural: str) -> list[str]:
        """The objects of one resource."""
        return [u for u, n in self._nodes.items() if (n.resource.group, n.resource.plural) == (group, plural)]

    def _doubtful(self, node: Node) -> bool:
        """Whether any owner is not known to be there to stay."""
        owners = [self._nodes.get(o.uid) for o in node.owners]
        return any(o is None or o.awaits_dependents for o in owners)

    def _waiting_owners(self, uids: set[str]) -> set[str]:
        return {u for u in uids if (owner := self._nodes.get(u)) is not None and owner.awaits_dependents}

    def _unlink(self, owner: str, uid: str) -> None:
        dependents = self._dependents.get(owner)
        if dependents is not None:
            dependents.discard(uid)
            if not dependents:
                del self._dependents[owner]
