"""The scale subresource: replicas alone, the same for every kind that has them (autoscaling/v1 Scale).

Neighbours: dromon.apiserver.subresources; kubectl scale and autoscalers use it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dromon.api import codec, errors, labels
from dromon.api.types.autoscaling import Scale, ScaleSpec, ScaleStatus
from dromon.api.types.meta import LabelSelector, ObjectMeta
from dromon.apiserver import body, patches, reply
from dromon.apiserver.call import Call
from dromon.apiserver.registry import Stored
from dromon.apiserver.writes import check_name
from dromon.base.http.messages import Reply

API_VERSION = "autoscaling/v1"


def of(obj: Any) -> Scale:
    """The Scale of a scalable object."""
    meta = obj.metadata
    selector = obj.spec.selector
    text = (
        str(labels.from_label_selector(selector)) if isinstance(selector, LabelSelector) else _text(selector)
    )
    return Scale(
        metadata=ObjectMeta(
            name=meta.name,
            namespace=meta.namespace,
            uid=meta.uid,
            resource_version=meta.resource_version,
            creation_timestamp=meta.creation_timestamp,
        ),
        spec=ScaleSpec(replicas=obj.spec.replicas or 0),
        status=ScaleStatus(replicas=obj.status.replicas, selector=text),
    )


def _text(selector: dict[str, str]) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted(selector.items()))


async def get(call: Call) -> Reply:
    """GET .../scale."""
    r, route = call.resource, call.route
    await call.services.store.catch_up()
    value = call.services.store.get(r, route.namespace, route.name)
    if value is None:
        raise errors.not_found(r.plural, r.group, route.name)
    return reply.plain(call, of(codec.decode_json(r.struct, value)))


async def update(call: Call) -> Reply:
    """PUT .../scale."""
    scale = body.typed(call, Scale, API_VERSION, "Scale")
    check_name(scale.metadata.name, call.route.name)
    return await _store(call, lambda current: scale)


async def patch(call: Call) -> Reply:
    """PATCH .../scale."""
    return await _store(call, patches.change(call, Scale, API_VERSION, "Scale"))


async def _store(call: Call, wanted: Callable[[Scale], Scale]) -> Reply:
    r, route = call.resource, call.route

    def change(obj: Any) -> Any:
        scale = wanted(of(obj))
        if scale.spec.replicas < 0:
            text = "must be greater than or equal to 0"
            fault = errors.invalid_value("spec.replicas", scale.spec.replicas, text)
            raise errors.invalid("Scale", "autoscaling", route.name, [fault])
        # A resourceVersion or uid in the Scale is a precondition on the object behind it.
        obj.metadata.resource_version = scale.metadata.resource_version
        obj.metadata.uid = scale.metadata.uid or obj.metadata.uid
        obj.spec.replicas = scale.spec.replicas
        return obj

    result: Stored = await call.services.registry.update(
        r, route.namespace, route.name, change, subresource="scale", dry_run=call.dry_run
    )
    result.obj.metadata.resource_version = str(result.revision)
    return reply.plain(call, of(result.obj))
