"""What becomes of one object: pure functions of the object and what is known about its owners.

Source: Kubernetes documentation, "Garbage Collection" (background, foreground and orphan deletion).

Neighbours: controller.py finds out about owners, and carries out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from dromon.api.types.meta import OwnerReference
from dromon.controllers.garbage.graph import FOREGROUND, ORPHAN, Node


class Owner(Enum):
    """What is known about an owner."""

    PRESENT = "present"
    WAITING = "waiting"
    """It is being deleted in the foreground, and waits for its dependents."""
    ABSENT = "absent"
    """The API itself says that there is no such object (of this uid)."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing is to be done."""


@dataclass(frozen=True, slots=True)
class Disown:
    """Some owners are gone, others not: take these uids out of the owner references."""

    uids: frozenset[str]


@dataclass(frozen=True, slots=True)
class Delete:
    """No owner is left: delete by this propagation policy.

    Attributes:
        unblock: first make the object block none of its owners (to break a circle of foreground deletions).
    """

    propagation: str
    unblock: bool = False


Verdict = Keep | Disown | Delete


def judge(node: Node, owners: Mapping[str, Owner], dependents: Sequence[Node]) -> Verdict:
    """What becomes of an object, given its owners; one that is being deleted already is left to that.

    Args:
        owners: what is known of each uid in its owner references.
        dependents: of the object itself.
    """
    if not node.owners or node.deleting:
        return Keep()
    states = {o.uid: owners[o.uid] for o in node.owners}
    gone = frozenset(uid for uid, state in states.items() if state is not Owner.PRESENT)
    if len(gone) < len(states):
        return Disown(gone) if gone else Keep()
    if Owner.WAITING in states.values() and dependents:
        # The owner waits for everything below it: so does this object. In a circle nobody would ever
        # be the first to go, unless this one stops blocking.
        return Delete("Foreground", unblock=any(d.awaits_dependents for d in dependents))
    return Delete(_policy(node))


def _policy(node: Node) -> str:
    """The deletion that the object's finalizers ask for already, else the ordinary one."""
    if ORPHAN in node.finalizers:
        return "Orphan"
    return "Foreground" if FOREGROUND in node.finalizers else "Background"


def blocking(node: Node, dependents: Sequence[Node]) -> list[Node]:
    """The dependents for which an object that is deleted in the foreground has to wait."""
    return [d for d in dependents if d.blocks(node.uid)]


def without(references: Sequence[OwnerReference], uids: frozenset[str]) -> list[OwnerReference]:
    """Owner references with these owners taken out."""
    return [r for r in references if r.uid not in uids]
