"""Binding a pod to a node: POST pods/<name>/binding, or bindings; once, and never anew.

Source: upstream's pod registry, "assignPod": annotations and labels of the Binding are merged into the pod.

Neighbours: the scheduler posts them; dromon.apiserver.bulk takes lists of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dromon.api import errors, times
from dromon.api.kinds import PODS
from dromon.api.types.pod import Binding, Pod
from dromon.api.types.pod_status import PodCondition
from dromon.api.types.status import Status
from dromon.apiserver import body, reply
from dromon.apiserver.call import Call
from dromon.apiserver.registry import Mode
from dromon.base.http.messages import Reply


async def create(call: Call) -> Reply:
    """POST of one Binding."""
    binding = body.typed(call, Binding, "v1", "Binding")
    name = call.route.name or binding.metadata.name
    await bind(call, binding, name)
    return reply.plain(call, Status(status="Success", code=201), 201)


async def bind(call: Call, binding: Binding, name: str) -> None:
    """Carry one Binding out.

    Raises:
        ApiError: 400, 404, 409, 422.
    """
    meta = binding.metadata
    if meta.name and meta.name != name:
        raise errors.bad_request(
            f"the name of the object ({meta.name}) does not match the name on the URL ({name})"
        )
    if meta.namespace and meta.namespace != call.route.namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    _validate(binding, name)
    await call.services.registry.update(
        PODS,
        call.route.namespace,
        name,
        _change(binding, call.services.clock.now()),
        mode=Mode.OWN,
        subresource="binding",
        dry_run=call.dry_run,
    )


def _validate(binding: Binding, name: str) -> None:
    faults = []
    if binding.target.kind not in ("", "Node"):
        faults.append(errors.not_supported("target.kind", binding.target.kind, ["Node", ""]))
    if not binding.target.name:
        faults.append(errors.required("target.name"))
    if faults:
        raise errors.invalid("Binding", "", name, faults)


def _change(binding: Binding, now: float) -> Callable[[Pod], Pod]:
    def change(pod: Pod) -> Pod:
        meta, asked = pod.metadata, binding.metadata
        if asked.uid and asked.uid != meta.uid:
            why = f"Precondition failed: UID in precondition: {asked.uid}, UID in object meta: {meta.uid}"
            raise errors.conflict("pods/binding", "", meta.name, why)
        if asked.resource_version:
            meta.resource_version = asked.resource_version
        if meta.deletion_timestamp is not None:
            why = f"pod {meta.name} is being deleted, cannot be assigned to a host"
            raise errors.conflict("pods/binding", "", meta.name, why)
        if pod.spec.node_name:
            why = f'pod {meta.name} is already assigned to node "{pod.spec.node_name}"'
            raise errors.conflict("pods/binding", "", meta.name, why)
        if pod.spec.scheduling_gates:
            why = f"pod {meta.name} has non-empty .spec.schedulingGates"
            raise errors.conflict("pods/binding", "", meta.name, why)
        pod.spec.node_name = binding.target.name
        meta.annotations.update(asked.annotations)
        meta.labels.update(asked.labels)
        _set_scheduled(pod, now)
        return pod

    return change


def _set_scheduled(pod: Pod, now: float) -> None:
    """The condition PodScheduled becomes True; its stamp moves when it was not."""
    condition: Any = next((c for c in pod.status.conditions if c.type == "PodScheduled"), None)
    if condition is None:
        condition = PodCondition(type="PodScheduled")
        pod.status.conditions.append(condition)
    if condition.status != "True":
        condition.last_transition_time = times.format(now)
    condition.status, condition.reason, condition.message = "True", "", ""
