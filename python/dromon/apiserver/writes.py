"""create, update, patch, delete, deletecollection.

Neighbours: dromon.apiserver.handler calls them; .registry stores; .patches applies patches; .bulk takes
lists in place of objects.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable
from typing import Any

from dromon.api import errors
from dromon.api.kinds.rbac import GROUP as RBAC
from dromon.api.types.meta import ListMeta
from dromon.api.types.status import DeleteOptions
from dromon.apiserver import body, bulk, patches, reply
from dromon.apiserver.call import Call
from dromon.apiserver.reads import list_options, readable
from dromon.apiserver.registry import Mode, Stored
from dromon.base.http.messages import Reply

RETURNED = frozenset({"pods", "podtemplates", "services", "serviceaccounts"})
"""Kinds whose deletion answers with the object; the others' with a Status (as upstream's OpenAPI has it)."""

_AT_ONCE = 16
"""Deletions of a deletecollection that are under way at a time."""


async def create(call: Call) -> Reply:
    """POST of an object (201), or of a list of them (207)."""
    r = call.resource
    dry_run = call.begin_write()
    if bulk.is_list(call):
        return await bulk.create(call)
    obj = body.typed(call, r.struct, r.api_version, r.kind)
    namespace = place(call, obj)
    if not obj.metadata.name and not obj.metadata.generate_name:
        fault = errors.required("metadata.name", "name or generateName is required")
        raise errors.invalid(r.kind, r.group, "", [fault])
    call.permit(namespace, obj)
    result = await call.services.registry.create(r, obj, namespace=namespace, dry_run=dry_run)
    return reply.stored(call, r, result, 201)


def place(call: Call, obj: Any) -> str:
    """The namespace to create `obj` in: the URL's. Raises ApiError 400 for the all-namespaces URL."""
    r, namespace = call.resource, call.route.namespace
    if r.namespaced and not namespace:
        raise errors.method_not_allowed("POST")
    return namespace


async def update(call: Call) -> Reply:
    """PUT of an object or of its status."""
    r, route = call.resource, call.route
    dry_run = call.begin_write()
    obj = body.typed(call, r.struct, r.api_version, r.kind)
    check_name(obj.metadata.name, route.name)
    mode = Mode.STATUS if route.subresource == "status" else Mode.SPEC
    result = await call.services.registry.update(
        r,
        route.namespace,
        route.name,
        _permitted(call, replacement(obj)),
        mode=mode,
        subresource=route.subresource,
        dry_run=dry_run,
    )
    return reply.stored(call, r, result)


def replacement(obj: Any) -> Callable[[Any], Any]:
    """The change that puts `obj` in place of what is there; its preconditions hold on every attempt."""
    version, uid = obj.metadata.resource_version, obj.metadata.uid
    namespace = obj.metadata.namespace

    def change(old: Any) -> Any:
        meta = obj.metadata
        meta.resource_version, meta.uid, meta.namespace = version, uid, namespace
        return obj

    return change


def _permitted(call: Call, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The change, refused where the user gives by it what they don't have."""
    if call.resource.group != RBAC:
        return change

    def permitted(old: Any) -> Any:
        before = copy.deepcopy(old)
        new = change(old)
        call.permit(call.route.namespace, new, before)
        return new

    return permitted


def check_name(given: str, wanted: str) -> None:
    """Refuse (400) a body without name, or with another one than the URL's."""
    if not given:
        raise errors.bad_request(
            f"the name of the object ({wanted} based on URL) was undeterminable: name must be provided"
        )
    if given != wanted:
        raise errors.bad_request(
            f"the name of the object ({given}) does not match the name on the URL ({wanted})"
        )


async def patch(call: Call) -> Reply:
    """PATCH of an object or of its status; applied anew when somebody else wrote in between."""
    r, route = call.resource, call.route
    dry_run = call.begin_write()
    if bulk.is_list(call):
        return await bulk.patch(call)
    if not route.name:
        raise errors.method_not_allowed("PATCH")
    change = patches.change(call, r.struct, r.api_version, r.kind)
    mode = Mode.STATUS if route.subresource == "status" else Mode.SPEC

    def checked(old: Any) -> Any:
        new = change(old)
        check_name(new.metadata.name, route.name)
        return new

    result = await call.services.registry.update(
        r,
        route.namespace,
        route.name,
        _permitted(call, checked),
        mode=mode,
        subresource=route.subresource,
        dry_run=dry_run,
        shared=mode is Mode.STATUS,
    )
    return reply.stored(call, r, result)


async def delete(call: Call) -> Reply:
    """DELETE of an object: 200 with what it was or still is, or with a Status where the kind has it so."""
    r, route = call.resource, call.route
    dry_run = call.begin_write()
    options = body.delete_options(call)
    result = await call.services.registry.delete(r, route.namespace, route.name, options, dry_run=dry_run)
    if result.gone and r.plural not in RETURNED:
        return reply.success(call, r, route.name, result.obj.metadata.uid)
    return reply.stored(call, r, result)


async def deletecollection(call: Call) -> Reply:
    """DELETE of a collection: every object that the selectors match; answers with the list of them."""
    r, route = call.resource, call.route
    dry_run = call.begin_write()
    options = body.delete_options(call)
    wanted = await list_options(call)
    wanted.pop("revision", None)
    wanted.pop("exact", None)
    page = await call.services.store.objects(r, route.namespace, **wanted)
    deleted = await _delete_all(call, readable(r, page.items), options, dry_run)
    for result in deleted:
        result.obj.metadata.resource_version = str(result.revision)
    assert r.list_struct is not None
    meta = ListMeta(resource_version=str(page.revision), continue_=page.continue_)
    made: Any = r.list_struct(metadata=meta, items=[d.obj for d in deleted])
    return reply.plain(call, made)


async def _delete_all(call: Call, objects: list[Any], options: DeleteOptions, dry_run: bool) -> list[Stored]:
    """Delete each; those that somebody else deleted meanwhile are left out."""
    gate = asyncio.Semaphore(_AT_ONCE)
    r = call.resource

    async def one(obj: Any) -> Stored | None:
        async with gate:
            try:
                return await call.services.registry.delete(
                    r, obj.metadata.namespace, obj.metadata.name, options, dry_run=dry_run
                )
            except errors.ApiError as e:
                if e.code == 404:
                    return None
                raise

    results = await asyncio.gather(*(one(o) for o in objects), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [s for s in results if isinstance(s, Stored)]
