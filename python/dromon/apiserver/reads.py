"""get and list.

Objects and lists come from the cache as bytes in the wire form asked for; only other shapes (tables, metadata
alone) decode them.

Neighbours: dromon.apiserver.handler calls them, .watches has watch, .revisions says what is asked for.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from dromon.api import codec, errors
from dromon.api.resource import Resource
from dromon.api.types.meta import ListMeta
from dromon.api.types.table import PartialObjectMetadata, PartialObjectMetadataList
from dromon.apiserver import reply, revisions
from dromon.apiserver.call import Call
from dromon.base.http.messages import Reply
from dromon.store.cache import CachedStore

log = logging.getLogger(__name__)


async def get(call: Call) -> Reply:
    """GET of one object."""
    r, route = call.resource, call.route
    accepted = call.accepted
    store = call.services.store
    await see(store, revisions.get(call.param))
    if not accepted.shape:
        body = store.get(r, route.namespace, route.name, accepted.format)
        if body is None:
            raise errors.not_found(r.plural, r.group, route.name)
        return reply.raw(call, body, accepted)
    value = store.get(r, route.namespace, route.name)
    if value is None:
        raise errors.not_found(r.plural, r.group, route.name)
    return reply.shaped(call, r, codec.decode_json(r.struct, value), accepted)


async def list_(call: Call) -> Reply:
    """GET of a collection."""
    r, route = call.resource, call.route
    accepted = call.accepted
    options = await list_options(call)
    store = call.services.store
    if accepted.shape:
        page = await store.objects(r, route.namespace, **options)
        objects = readable(r, page.items)
        meta = ListMeta(
            resource_version=str(page.revision),
            continue_=page.continue_,
            remaining_item_count=page.remaining,
        )
        if accepted.shape == "Table":
            value: Any = reply.make_table(call, r, objects, meta)
        else:
            items = [PartialObjectMetadata(metadata=o.metadata) for o in objects]
            value = PartialObjectMetadataList(metadata=meta, items=items)
        return reply.raw(call, reply.encode(value, accepted.format), accepted)
    found = await store.list(r, route.namespace, format=accepted.format, **options)
    return reply.raw(call, found.body, accepted)


async def list_options(call: Call) -> dict[str, Any]:
    """The list parameters as CachedStore.list takes them, with the revision waited for.

    Raises:
        ApiError: 400 or 422 for parameters that make no sense, 504 for a revision that is not there yet.
    """
    options = selectors(call)
    limit = call.integer("limit") or 0
    asked = revisions.list_(call.param, limit)
    await see(call.services.store, asked)
    if limit > 0:
        options["limit"] = limit
    if continue_ := call.param("continue"):
        options["continue_"] = continue_
    elif asked.exact:
        options["revision"] = asked.revision
        options["exact"] = True
    return options


async def see(store: CachedStore, asked: revisions.Asked) -> None:
    """Return once the store shows what is asked for.

    Raises:
        ApiError: 503 or 504 when it does not in time.
    """
    if asked.fresh and store.shared:
        await store.catch_up()
    elif asked.revision > store.revision:
        await store.reached(asked.revision)


def readable(r: Resource[Any], items: Sequence[bytes]) -> list[Any]:
    """The objects; what the store has under the kind's name but is none is left out, and logged."""
    found = []
    for item in items:
        try:
            found.append(codec.decode_json(r.struct, item))
        except codec.DecodeError as error:
            log.error("a stored %s can't be read, and is left out: %s", r.kind, error)
    return found


def selectors(call: Call) -> dict[str, Any]:
    """The labelSelector and fieldSelector parameters, and metadata.name of a single object's path."""
    options: dict[str, Any] = {}
    fields = call.param("fieldSelector")
    name = call.route.name
    if name:
        only = f"metadata.name={name}"
        fields = f"{fields},{only}" if fields else only
    if fields:
        options["fields"] = fields
    labels = call.param("labelSelector")
    if labels:
        options["labels"] = labels
    return options
