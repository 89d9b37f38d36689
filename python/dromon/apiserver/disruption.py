"""May this pod be evicted? Takes one disruption from the budget that is about it.

Source: documentation, "API-initiated Eviction" and "Disruptions"; texts as upstream's eviction gives them.

Neighbours: subresources.eviction asks; the disruption controller fills budgets again.
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.api import codec, errors, times
from dromon.api.kinds import POD_DISRUPTION_BUDGETS
from dromon.api.labels import from_label_selector
from dromon.api.types.pod import Pod
from dromon.api.types.policy import PodDisruptionBudget
from dromon.api.types.status import StatusCause
from dromon.apiserver.registry import Mode, Registry
from dromon.base.clock import Clock

MOST_AT_A_TIME = 2000
"""Evictions that may be on their way for one budget."""

_VIOLATION = "Cannot evict pod as it would violate the pod's disruption budget."


def needs_no_budget(pod: Pod) -> bool:
    """Whether a pod's end takes nothing from anybody: it ended, did not begin, or is going already."""
    return (
        pod.status.phase in ("Succeeded", "Failed", "Pending", "")
        or pod.metadata.deletion_timestamp is not None
    )


def is_ready(pod: Pod) -> bool:
    """Whether the Ready condition is True."""
    return any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)


def lets_unready_go(pdb: PodDisruptionBudget) -> bool:
    """Whether a pod that is not ready may go without being counted (unhealthyPodEvictionPolicy)."""
    if pdb.spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
        return True
    status = pdb.status
    return status.desired_healthy > 0 and status.current_healthy >= status.desired_healthy


def about(budgets: Sequence[bytes], pod: Pod) -> list[PodDisruptionBudget]:
    """The budgets, of those of the pod's namespace, that select it."""
    decoded = (codec.decode_json(PodDisruptionBudget, value) for value in budgets)
    labels = pod.metadata.labels
    return [b for b in decoded if b.spec.selector and from_label_selector(b.spec.selector).matches(labels)]


async def permit(registry: Registry, clock: Clock, pod: Pod, *, dry_run: bool = False) -> bool:
    """Let a pod go, or refuse.

    Returns:
        Whether it may go only as long as it is not ready.

    Raises:
        ApiError: 429 when its budget lets no pod go now, 500 when several budgets are about it.
    """
    if needs_no_budget(pod):
        return False
    namespace = pod.metadata.namespace
    await registry.store.catch_up()  # a budget that another API server has just made counts
    stored = await registry.store.objects(POD_DISRUPTION_BUDGETS, namespace)
    found = about(stored.items, pod)
    if not found:
        return False
    if len(found) > 1:
        text = (
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        )
        raise errors.internal(text)
    (pdb,) = found
    if not is_ready(pod) and lets_unready_go(pdb):
        return True

    def take(current: PodDisruptionBudget) -> PodDisruptionBudget:
        _check(current)
        current.status.disruptions_allowed -= 1
        current.status.disrupted_pods[pod.metadata.name] = times.format(clock.now())
        return current

    await registry.update(
        POD_DISRUPTION_BUDGETS,
        namespace,
        pdb.metadata.name,
        take,
        mode=Mode.STATUS,
        subresource="status",
        dry_run=dry_run,
    )
    return False


def _check(pdb: PodDisruptionBudget) -> None:
    """Raise ApiError 429 unless the budget lets one more pod go."""
    status, name = pdb.status, pdb.metadata.name
    if status.observed_generation < pdb.metadata.generation:
        raise _refusal(f"The disruption budget {name} is still being processed by the server.", 10)
    if len(status.disrupted_pods) > MOST_AT_A_TIME:
        text = f"DisruptedPods map too big - too many evictions not confirmed by PDB controller of {name}"
        raise errors.forbidden("poddisruptionbudgets", "policy", name, text)
    if status.disruptions_allowed <= 0:
        text = (
            f"The disruption budget {name} needs {status.desired_healthy} healthy pods and has "
            f"{status.current_healthy} currently"
        )
        if any(c.reason == "SyncFailed" for c in status.conditions):
            text = f"The disruption budget {name} does not know how many pods there should be"
        raise _refusal(text, 0)


def _refusal(cause: str, retry_after: int) -> errors.ApiError:
    refusal = errors.too_many_requests(_VIOLATION, retry_after)
    if refusal.status.details is not None:
        refusal.status.details.causes = [StatusCause(reason="DisruptionBudget", message=cause)]
    if not retry_after:
        refusal.headers.pop("Retry-After", None)
    return refusal
