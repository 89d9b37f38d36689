"""Bulk verbs: many creates, bindings or status patches in one request, where the server has them.

They are an extension (DESIGN, 7), so they are negotiated: a server that says 400, 404, 405 or 415 to a list
gets one request an object from then on. Either way each item succeeds or fails by itself, and its
outcome is an Identity or the exception that a single request would have raised.

Neighbours: client.rest sends; replication, the scheduler's binder, the kubelet's status writer and the event
writer use it; apiserver.bulk answers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import msgspec

from dromon.api import codec
from dromon.api.errors import ApiError
from dromon.api.kinds import PODS
from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.api.types.pod import Binding
from dromon.api.types.status import Status
from dromon.client.rest import PATCH_TYPES, Client, ConnectionFailed

CREATE, BIND, PATCH_STATUS = "bulk create", "bulk bind", "bulk patch of status"
VERBS = frozenset({CREATE, BIND, PATCH_STATUS})
"""As Client.lacks names them."""

ITEMS = 500
"""Objects in one request."""

SIZE = 1 << 20
"""Bytes of objects in one request, unless it has only one: servers bound what they take."""

GUARDED_SIZE = 96 << 10
"""The same where a guard allows each request: all of it must fit into the kernel at once (base.http.flow)."""

AT_ONCE = 2
"""Requests of one call that are under way together: one is on the wire while the server works on another."""

REFUSED = frozenset({400, 404, 405, 415})
"""Answers by which a server says that it does not know a bulk verb."""

T = TypeVar("T")


class Identity(Api):
    """What is told of a written object."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class Written(Api):
    """A written object of any kind."""

    metadata: Identity = msgspec.field(default_factory=Identity)


class _Item(Api):
    code: int = 0
    object: Written | None = None
    status: Status | None = None


class _Result(Api):
    kind: str = ""
    items: list[_Item] = []


Failure = ApiError | ConnectionFailed
Outcome = Identity | ApiError | ConnectionFailed
"""What became of an item; after ConnectionFailed that is unknown."""


class Bulk:
    """The bulk verbs of a client's server. No method raises ApiError or ConnectionFailed."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def create(self, resource: Resource[Any], objects: Sequence[Any]) -> list[Outcome]:
        """Create namespaced objects in order; one that is repeated in a row is encoded once."""
        named: Resource[Any] = replace(resource, struct=Written, list_struct=None)

        async def single(obj: Any) -> Identity:
            made: Written = await self._client.create(named, obj)
            return made.metadata

        async def several(namespace: str, items: list[msgspec.Raw]) -> list[Outcome]:
            body = {"kind": resource.kind + "List", "apiVersion": resource.api_version, "items": items}
            return await self._exchange("POST", resource.path(namespace), body, len(items))

        return await self._all(CREATE, objects, lambda obj: str(obj.metadata.namespace), several, single)

    async def bind(self, bindings: Sequence[Binding]) -> list[Outcome]:
        """Bind pods; the identity of a success is empty."""

        async def single(binding: Binding) -> Identity:
            meta = binding.metadata
            await self._client.subresource(
                "POST", PODS, meta.name, meta.namespace, "binding", binding, Status
            )
            return Identity()

        async def several(namespace: str, items: list[msgspec.Raw]) -> list[Outcome]:
            body = {"kind": "BindingList", "apiVersion": "v1", "items": items}
            path = f"/api/v1/namespaces/{namespace}/bindings"
            return await self._exchange("POST", path, body, len(items), "None")

        return await self._all(BIND, bindings, lambda b: b.metadata.namespace, several, single)

    async def patch_status(
        self, resource: Resource[Any], patches: Sequence[Mapping[str, Any]]
    ) -> list[Outcome]:
        """Apply strategic merge patches to objects' status.

        Args:
            patches: each with metadata.name and metadata.namespace, which say what it is for.
        """
        named: Resource[Any] = replace(resource, struct=Written, list_struct=None)

        async def single(patch: Mapping[str, Any]) -> Identity:
            meta = patch["metadata"]
            changed: Written = await self._client.patch(
                named, meta["name"], meta.get("namespace", ""), patch, subresource="status"
            )
            return changed.metadata

        async def several(_: str, items: list[msgspec.Raw]) -> list[Outcome]:
            body = {"kind": resource.kind + "List", "apiVersion": resource.api_version, "items": items}
            return await self._exchange("PATCH", resource.path() + "/status", body, len(items))

        return await self._all(PATCH_STATUS, patches, lambda patch: "", several, single)

    async def _exchange(
        self, method: str, path: str, body: dict[str, Any], count: int, include: str = "Metadata"
    ) -> list[Outcome]:
        query = {"includeObject": include, "fieldValidation": "Ignore"}
        content_type = PATCH_TYPES["strategic"] if method == "PATCH" else codec.JSON
        result = await self._client.exchange(
            method, path, body, _Result, query=query, content_type=content_type
        )
        if len(result.items) != count:
            raise ConnectionFailed(f"{count} items were sent, {len(result.items)} were answered")
        return [_outcome(item) for item in result.items]

    async def _all(
        self,
        verb: str,
        items: Sequence[T],
        place: Callable[[T], str],
        several: Callable[[str, list[msgspec.Raw]], Awaitable[list[Outcome]]],
        single: Callable[[T], Awaitable[Identity]],
    ) -> list[Outcome]:
        """The outcomes in the order of `items`, by requests of what has the same `place`."""
        outcomes: list[Outcome] = [Identity()] * len(items)
        if verb in self._client.lacks:
            requests: Iterator[tuple[str, list[int], list[msgspec.Raw]]] = iter(())
        else:
            requests = chunks(items, place, GUARDED_SIZE if self._client.guarded else SIZE)
        left: list[int] = [] if verb not in self._client.lacks else [*range(len(items))]

        async def worker() -> None:
            for where, places, raws in requests:
                if verb in self._client.lacks:
                    left.extend(places)
                    continue
                try:
                    found = await several(where, raws)
                except (ApiError, ConnectionFailed) as error:
                    if isinstance(error, ApiError) and error.code in REFUSED:
                        self._client.lacks.add(verb)
                        left.extend(places)
                        continue
                    found = [error] * len(places)
                for i, outcome in zip(places, found, strict=True):
                    outcomes[i] = outcome

        async def alone(i: int) -> None:
            try:
                outcomes[i] = await single(items[i])
            except (ApiError, ConnectionFailed) as error:
                outcomes[i] = error

        await asyncio.gather(*(worker() for _ in range(AT_ONCE if len(items) > ITEMS else 1)))
        if left:
            await asyncio.gather(*map(alone, left))
        return outcomes


def chunks(
    items: Sequence[T], place: Callable[[T], str], bound: int
) -> Iterator[tuple[str, list[int], list[msgspec.Raw]]]:
    """Requests to make: where, which of `items`, and their JSON; bounded by ITEMS and `bound` bytes."""
    by_place: dict[str, list[int]] = {}
    for i, item in enumerate(items):
        by_place.setdefault(place(item), []).append(i)
    for where, numbers in by_place.items():
        chosen: list[int] = []
        raws: list[msgspec.Raw] = []
        size = 0
        before: T | None = None
        raw = msgspec.Raw()
        length = 0
        for i in numbers:
            if items[i] is not before or not length:
                data = codec.encode_json(items[i])
                raw, length, before = msgspec.Raw(data), len(data), items[i]
            if chosen and (len(chosen) == ITEMS or size + length > bound):
                yield where, chosen, raws
                chosen, raws, size = [], [], 0
            chosen.append(i)
            raws.append(raw)
            size += length
        yield where, chosen, raws


def _outcome(item: _Item) -> Outcome:
    if item.code < 300:
        return item.object.metadata if item.object is not None else Identity()
    status = item.status or Status(status="Failure", message=f"the server answered {item.code}")
    status.code = status.code or item.code
    return ApiError(status)
