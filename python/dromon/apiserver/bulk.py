"""Bulk verbs: a list where one object is expected; items succeed or fail one by one (DESIGN, 7).

- POST a <Kind>List to a collection creates each item; with the all-namespaces URL items say their namespace.
- POST a BindingList to `bindings` binds each pod.
- PATCH a list to `<plural>/status`: each item names an object (metadata.name, namespace) and is its patch.

The answer is 207 with a BulkResult: for each item, in order, its code and the object, or the Status that
refuses it. ?includeObject=None leaves the objects out, =Metadata tells no more of them. All items are under
way together, so the store commits them in groups. Clients fall back to single verbs when a server answers
400, 404, 405 or 415.

Neighbours: dromon.apiserver.writes and .handler hand lists over to this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Any

import msgspec

from dromon.api import codec, errors
from dromon.api.patch import strategic
from dromon.api.types.base import Api, always, always_list
from dromon.api.types.meta import ListMeta
from dromon.api.types.pod import Binding
from dromon.api.types.table import PartialObjectMetadata
from dromon.apiserver import body, patches, reply
from dromon.apiserver.call import Call
from dromon.apiserver.registry import Mode, Stored
from dromon.apiserver.subresources import binding
from dromon.base.http.messages import Reply
from dromon.store.cache import Format


class BindingList(Api):
    """A list of Bindings; upstream has no such kind."""

    kind: str = always("BindingList")
    api_version: str = always("v1")
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)
    items: list[Binding] = always_list()


_INCLUDE = ("None", "Metadata", "Object")


class _Head(msgspec.Struct):
    kind: str = ""


def is_list(call: Call) -> bool:
    """Whether the body is the list of the kind that the URL takes; costs nothing for single objects."""
    r, data = call.resource, call.request.body
    wanted = r.kind + "List"
    if call.route.name or wanted.encode() not in data or not call.services.bulk:
        return False
    media = call.request.headers.get("content-type")
    try:
        if media.startswith(codec.MSGPACK):
            return msgspec.msgpack.decode(data, type=_Head).kind == wanted
        return msgspec.json.decode(data, type=_Head).kind == wanted
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False  # told by whoever decodes it in full


async def create(call: Call) -> Reply:
    """POST of a <Kind>List."""
    r = call.resource
    if r.list_struct is None:
        raise errors.method_not_allowed("POST")
    wanted: Any = body.typed(call, r.list_struct, r.api_version, r.kind + "List")
    dry_run = call.begin_write()

    async def one(obj: Any) -> Stored:
        body.check_kind(obj, r.api_version, r.kind)
        namespace = call.route.namespace or (obj.metadata.namespace if r.namespaced else "")
        if r.namespaced and not namespace:
            raise errors.bad_request("an item names no namespace, and neither does the URL")
        if not obj.metadata.name and not obj.metadata.generate_name:
            fault = errors.required("metadata.name", "name or generateName is required")
            raise errors.invalid(r.kind, r.group, "", [fault])
        call.permit(namespace, obj)
        return await call.services.registry.create(r, obj, namespace=namespace, dry_run=dry_run)

    return await _answer(call, [one(obj) for obj in wanted.items], 201)


async def bind(call: Call) -> Reply:
    """POST of a BindingList."""
    wanted = body.typed(call, BindingList, "v1", "BindingList")

    async def one(item: Binding) -> None:
        body.check_kind(item, "v1", "Binding")
        await binding.bind(call, item, item.metadata.name)

    return await _answer(call, [one(item) for item in wanted.items], 201)


async def patch(call: Call) -> Reply:
    """PATCH of a collection's status by a list of patches."""
    r = call.resource
    if call.route.subresource != "status":
        raise errors.method_not_allowed("PATCH")
    media, items = patches.items(call)
    plain = strategic.is_plain(call.request.body)

    async def one(item: Any) -> Stored:
        namespace, name = _target(call, item)
        return await call.services.registry.update(
            r,
            namespace,
            name,
            patches.applied(call, media, item, r.struct, r.api_version, r.kind, plain),
            mode=Mode.STATUS,
            subresource="status",
            dry_run=call.dry_run,
            shared=True,
        )

    return await _answer(call, [one(item) for item in items], 200)


def _target(call: Call, item: Any) -> tuple[str, str]:
    meta = item.get("metadata") if isinstance(item, dict) else None
    name = meta.get("name") if isinstance(meta, dict) else None
    namespace = meta.get("namespace", "") if isinstance(meta, dict) else ""
    namespace = call.route.namespace or namespace
    if not isinstance(name, str) or not name or not isinstance(namespace, str):
        raise errors.bad_request("an item of a list of patches needs metadata.name and metadata.namespace")
    if call.resource.namespaced and not namespace:
        raise errors.bad_request("an item names no namespace, and neither does the URL")
    return namespace, name


async def _answer(call: Call, work: Sequence[Awaitable[Stored | None]], code: int) -> Reply:
    accepted = call.accepted
    include = call.param("includeObject") or "Object"
    if include not in _INCLUDE:
        raise errors.bad_request(f'unrecognized includeObject value: "{include}"')
    results = await asyncio.gather(*work, return_exceptions=True)
    items = []
    for result in results:
        if isinstance(result, errors.ApiError):
            items.append({"code": result.code, "status": result.status})
        elif isinstance(result, BaseException):
            raise result
        else:
            item: dict[str, Any] = {"code": code}
            if result is not None and include != "None":
                item["object"] = _object(result, accepted.format, include)
            items.append(item)
    value = {"kind": "BulkResult", "apiVersion": "dromon/v1", "items": items}
    return reply.raw(call, reply.encode(value, accepted.format), accepted, 207)


def _object(result: Stored, format: Format, include: str) -> Any:
    if format is Format.JSON and include == "Object":
        value = result.value
        return msgspec.Raw(codec.with_revision(value, result.revision) if result.revision else value)
    obj = result.obj
    obj.metadata.resource_version = str(result.revision or "")
    return obj if include == "Object" else PartialObjectMetadata(metadata=obj.metadata)
