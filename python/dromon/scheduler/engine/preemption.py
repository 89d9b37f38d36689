"""Whom a pod may push aside: the rules, apart from how pods are taken away and put back.

Source: Kubernetes documentation, "Pod Priority and Preemption"; KEP-564.

Neighbours: engine.reference tries nodes by these rules; rust/src/scheduler/preemption.rs is the same in Rust.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from dromon.scheduler.cluster import selects
from dromon.scheduler.inputs import Budget, PodClass

HOPELESS = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"


class Member(NamedTuple):
    """A pod that may have to go."""

    uid: str
    pod: PodClass
    started: int


class Candidate(NamedTuple):
    """A node that would have room without these pods, the most important first."""

    node: str
    victims: Sequence[Member]
    violations: int


def importance(member: Member) -> tuple[int, int, str]:
    """Sorts the most important pod first: by priority, then by how long it has been running."""
    return (-member.pod.priority, member.started, member.uid)


def enough(nodes: int) -> int:
    """How many candidates are looked for among so many nodes."""
    return min(max(nodes // 10, 100), nodes)


def violating(members: Sequence[Member], budgets: Sequence[Budget]) -> set[str]:
    """The uids of those whose removal would overdraw a budget, if they went in this order."""
    left = [budget.allowed for budget in budgets]
    found = set()
    for member in members:
        labels = dict(member.pod.labels)
        for i, budget in enumerate(budgets):
            # A budget without requirements covers nobody, as in kube-scheduler.
            if not labels or not budget.selector or budget.namespace != member.pod.namespace:
                continue
            if member.uid in budget.disrupted or not selects(budget.selector, labels):
                continue
            left[i] -= 1
            if left[i] < 0:
                found.add(member.uid)
    return found


def victims(
    members: Sequence[Member], budgets: Sequence[Budget], fits_with: Callable[[Member], bool]
) -> tuple[list[Member], int]:
    """Those that can't stay, and how many of them overdraw a budget.

    Args:
        members: all that may have to go, taken away already, the most important first.
        fits_with: puts a member back and says whether there is room for the pod still; if not, takes it away.
    """
    over = violating(members, budgets)
    gone: list[Member] = []
    violations = 0
    for member in sorted(members, key=lambda m: m.uid not in over):
        if not fits_with(member):
            gone.append(member)
            violations += member.uid in over
    return sorted(gone, key=importance), violations


def rank(candidate: Candidate) -> tuple[int, ...]:
    """The lowest is the best."""
    priorities = [member.pod.priority for member in candidate.victims]
    highest = max(priorities)
    earliest = min(m.started for m in candidate.victims if m.pod.priority == highest)
    # Priorities may be negative; shifted, one victim more never makes the sum less.
    total = sum(priority + 2**31 for priority in priorities)
    return (candidate.violations, highest, total, len(priorities), -earliest)
