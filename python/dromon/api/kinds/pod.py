"""Pod (core/v1): the scheduling atom. It never moves; failed or succeeded is the end of it.

Source: the API reference of Pod v1; talk, slides 15 and 21.

Neighbours: podspec has what templates share, pod_columns the table; the kubelet writes the status.
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.api import names
from dromon.api.errors import FieldError, forbidden_field
from dromon.api.kinds.pod_columns import COLUMNS
from dromon.api.kinds.podspec.defaults import default_pod_spec
from dromon.api.kinds.podspec.known import ValidSpecs
from dromon.api.kinds.podspec.qos import qos_class
from dromon.api.kinds.podspec.spec import check_no_ephemeral, check_spec
from dromon.api.kinds.podspec.update import check_update
from dromon.api.resource import Resource, SelectableField, Strategy
from dromon.api.types.pod import Pod, PodList
from dromon.api.types.pod_status import ContainerStatus, PodIP, PodStatus
from dromon.api.types.status import DeleteOptions
from dromon.api.validation import invalid

_FINISHED = ("Succeeded", "Failed")


class PodStrategy(Strategy[Pod]):
    """Defaults, validity and deletion of pods."""

    def __init__(self) -> None:
        self._valid = ValidSpecs()

    def default(self, obj: Pod) -> None:
        default_pod_spec(obj.spec)
        status = obj.status
        # Clients read the older field or the newer one, so that both are kept; the older one decides, as
        # those who write it may not know the newer one.
        if status.pod_ip:
            if not status.pod_ips or status.pod_ips[0].ip != status.pod_ip:
                status.pod_ips = [PodIP(ip=status.pod_ip)]
        elif status.pod_ips:
            status.pod_ip = status.pod_ips[0].ip

    def prepare_for_create(self, obj: Pod) -> None:
        obj.status = PodStatus(phase="Pending", qos_class=qos_class(obj.spec))

    def validate(self, obj: Pod) -> list[FieldError]:
        spec = obj.spec
        key = self._valid.key(spec)
        if key in self._valid:
            return []
        found: list[FieldError] = []
        check_spec(spec, "spec", found)
        check_no_ephemeral(spec, "spec", found)
        if spec.scheduling_gates and spec.node_name:
            text = "cannot be set until all schedulingGates have been cleared"
            found.append(forbidden_field("spec.nodeName", text))
        if not found:
            self._valid.add(key)
        return found

    def prepare_for_update(self, new: Pod, old: Pod) -> None:
        new.status = old.status

    def validate_update(self, new: Pod, old: Pod) -> list[FieldError]:
        return check_update(new.spec, old.spec)

    def prepare_for_status_update(self, new: Pod, old: Pod) -> None:
        new.spec = old.spec
        new.metadata.owner_references = old.metadata.owner_references
        new.status.qos_class = new.status.qos_class or old.status.qos_class

    def validate_status_update(self, new: Pod, old: Pod) -> list[FieldError]:
        found: list[FieldError] = []
        status, policy = new.status, new.spec.restart_policy
        if status.nominated_node_name:
            why = names.subdomain(status.nominated_node_name)
            found += invalid("status.nominatedNodeName", status.nominated_node_name, why)
        _check_ended(status.container_statuses, old.status.container_statuses, policy, found)
        return found

    def grace_period(self, obj: Pod, options: DeleteOptions) -> int | None:
        period = options.grace_period_seconds
        if period is None:
            period = obj.spec.termination_grace_period_seconds or 0
        if not obj.spec.node_name or obj.status.phase in _FINISHED:
            return 0  # nothing runs that could end in peace
        return period if period >= 0 else 1


def _check_ended(
    new: Sequence[ContainerStatus], old: Sequence[ContainerStatus], policy: str, found: list[FieldError]
) -> None:
    """A container that ended for good stays ended."""
    if policy == "Always":
        return
    ended = {s.name: s.state.terminated for s in old if s.state.terminated is not None}
    for i, status in enumerate(new):
        before = ended.get(status.name)
        if before is None or status.state.terminated is not None:
            continue
        if policy == "Never" or before.exit_code == 0:
            path = f"status.containerStatuses[{i}].state"
            found.append(forbidden_field(path, "may not be transitioned to non-terminated state"))


PODS: Resource[Pod] = Resource(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    struct=Pod,
    list_struct=PodList,
    short_names=("po",),
    categories=("all",),
    subresources=("attach", "binding", "eviction", "exec", "log", "status"),
    strategy=PodStrategy(),
    columns=COLUMNS,
    fields=(
        SelectableField("spec.nodeName"),
        SelectableField("spec.restartPolicy"),
        SelectableField("spec.schedulerName"),
        SelectableField("spec.serviceAccountName"),
        SelectableField("spec.hostNetwork", default="false"),
        SelectableField("status.phase"),
        SelectableField("status.podIP"),
        SelectableField("status.nominatedNodeName"),
    ),
)
