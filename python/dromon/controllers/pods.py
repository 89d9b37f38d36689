"""What controllers ask about a pod.

Neighbours: the plans of replication, services, nodes and pod garbage collection.
"""

from __future__ import annotations

from dromon.api import times
from dromon.api.labels import from_label_selector
from dromon.api.types.meta import LabelSelector, ObjectMeta, OwnerReference
from dromon.controllers.views import MetaView, PodConditionView, PodView


def controller_of(metadata: MetaView | ObjectMeta) -> OwnerReference | None:
    """The owner that manages the object (ownerReferences[].controller), or None."""
    for reference in metadata.owner_references:
        if reference.controller:
            return reference
    return None


def condition(pod: PodView, name: str) -> PodConditionView | None:
    """The pod's condition of this type, or None."""
    for c in pod.status.conditions:
        if c.type == name:
            return c
    return None


def is_ready(pod: PodView) -> bool:
    """Whether the Ready condition is True."""
    ready = condition(pod, "Ready")
    return ready is not None and ready.status == "True"


def ready_since(pod: PodView) -> float | None:
    """When the pod became ready, seconds since the epoch; None: it is not, 0: nobody can tell since when."""
    ready = condition(pod, "Ready")
    if ready is None or ready.status != "True":
        return None
    return times.parse(ready.last_transition_time) if ready.last_transition_time else 0.0


def available_at(pod: PodView, min_ready_seconds: int) -> float | None:
    """When the pod will have been ready for `min_ready_seconds`, seconds since the epoch.

    None where it is not ready, or nobody can tell since when; 0 where readiness alone is enough.
    """
    if not min_ready_seconds:
        return 0.0 if is_ready(pod) else None
    since = ready_since(pod)
    return since + min_ready_seconds if since else None


def is_terminated(pod: PodView) -> bool:
    """Whether its containers have all ended for good (Succeeded or Failed: "the end", talk)."""
    return pod.status.phase in ("Succeeded", "Failed")


def is_active(pod: PodView) -> bool:
    """Whether it counts as a replica: neither ended nor on its way out."""
    return pod.metadata.deletion_timestamp is None and not is_terminated(pod)


def restarts(pod: PodView) -> int:
    """The highest restart count among its containers."""
    return max((c.restart_count for c in pod.status.container_statuses), default=0)


def created(metadata: MetaView | ObjectMeta) -> float:
    """Creation time in seconds since the epoch, 0 where there is none."""
    return times.parse(metadata.creation_timestamp) if metadata.creation_timestamp else 0.0


def selects(selector: dict[str, str] | LabelSelector | None, labels: dict[str, str]) -> bool:
    """Whether a selector chooses an object with these labels.

    An empty map selects nothing, an empty LabelSelector everything, None nothing (API conventions).
    """
    if isinstance(selector, dict):
        return bool(selector) and (selector == labels or selector.items() <= labels.items())
    if selector is None or not selector.match_labels.items() <= labels.items():
        return False
    return not selector.match_expressions or from_label_selector(selector).matches(labels)
