"""Binding a pod to a node: POST pods/<name>/binding, or bindings; once, and never anew.

Source: upstream's pod registry, "assignPod": annotations and labels of the Binding are merged into the pod.

Neighbours: the scheduler posts them; dromon.apiserver.bulk takes lists of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

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
        shared=True,
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
        if meta.deletion_timestamp is not None:
            why = f"pod {meta.name} is being deleted, cannot be assigned to a host"
            raise errors.conflict("pods/binding", "", meta.name, why)
        if pod.spec.node_name:
            why = f'pod {meta.name} is already assigned to node "{pod.spec.node_name}"'
            raise errors.conflict("pods/binding", "", meta.name, why)
        if pod.spec.scheduling_gates:
            why = f"pod {meta.name} has non-empty .spec.schedulingGates"
            raise errors.conflict("pods/binding", "", meta.name, why)
        replace = msgspec.structs.replace
        return replace(
            pod,
            metadata=replace(
                meta,
                resource_version=asked.resource_version or meta.resource_version,
                annotations=meta.annotations | asked.annotations,
                labels=meta.labels | asked.labels,
            ),
            spec=replace(pod.spec, node_name=binding.target.name),
            status=replace(pod.status, conditions=_scheduled(pod.status.conditions, now)),
        )

    return change


def _scheduled(conditions: Sequence[PodCondition], now: float) -> list[PodCondition]:
    """The conditions with PodScheduled True; its stamp moves when it was not."""
    for i, old in enumerate(conditions):
        if old.type == "PodScheduled":
            since = old.last_transition_time if old.status == "True" else times.format(now)
            new = msgspec.structs.replace(
                old, status="True", reason="", message="", last_transition_time=since
            )
            return [*conditions[:i], new, *conditions[i + 1 :]]
    return [
        *conditions,
        PodCondition(type="PodScheduled", status="True", last_transition_time=times.format(now)),
    ]
