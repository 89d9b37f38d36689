"""get and list.

Objects and lists come from the cache as bytes in the wire form asked for; only other shapes (tables, metadata
alone) decode them.

Neighbours: dromon.apiserver.handler calls them, .watches has watch, .revisions waits for revisions.
"""

from __future__ import annotations

from typing import Any

from dromon.api import codec, errors
from dromon.api.resource import Resource
from dromon.api.types.meta import ListMeta
from dromon.api.types.table import PartialObjectMetadata, PartialObjectMetadataList
from dromon.apiserver import reply
from dromon.apiserver.call import Call
from dromon.apiserver.revisions import parse_revision, wait_for
from dromon.base.http.messages import Reply


async def get(call: Call) -> Reply:
    """GET of one object."""
    r, route = call.resource, call.route
    accepted = call.accepted
    wanted = parse_revision("resourceVersion", call.param("resourceVersion"))
    store = call.services.store
    await wait_for(store, call.services.clock, wanted or 0)
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
        page = store.objects(r, route.namespace, **options)
        objects = [codec.decode_json(r.struct, item) for item in page.items]
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
    found = store.list(r, route.namespace, format=accepted.format, **options)
    return reply.raw(call, found.body, accepted)


async def list_options(call: Call) -> dict[str, Any]:
    """The list parameters as CachedStore.list takes them, with the revision waited for.

    Raises:
        ApiError: 400 for parameters that make no sense, 504 for a revision that is not there yet.
    """
    options = selectors(call)
    revision = parse_revision("resourceVersion", call.param("resourceVersion"))
    match = call.param("resourceVersionMatch")
    limit = call.integer("limit") or 0
    continue_ = call.param("continue")
    _check_match(call.resource, revision, match, continue_)
    await wait_for(call.services.store, call.services.clock, revision or 0)
    if limit > 0:
        options["limit"] = limit
    if continue_:
        options["continue_"] = continue_
    elif revision and (match == "Exact" or (not match and limit > 0)):
        options["revision"] = revision
        options["exact"] = True
    return options


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


def _check_match(r: Resource[Any], revision: int | None, match: str, continue_: str) -> None:
    faults = []
    path = "resourceVersionMatch"
    if match and match not in ("Exact", "NotOlderThan"):
        faults.append(errors.not_supported(path, match, ("Exact", "NotOlderThan", "")))
    elif match and revision is None:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        faults.append(errors.forbidden_field(path, text))
    elif match and continue_:
        faults.append(
            errors.forbidden_field(path, "resourceVersionMatch is forbidden when continue is provided")
        )
    elif match == "Exact" and revision == 0:
        text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        faults.append(errors.forbidden_field(path, text))
    if faults:
        raise errors.invalid("ListOptions", "meta.k8s.io", "", faults)
    if continue_ and revision:
        raise errors.bad_request("specifying resource version is not allowed when using continue")
