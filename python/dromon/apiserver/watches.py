"""watch: a stream of changes as chunks, in the wire form and shape asked for.

Whole objects are copied from the cache as ready frames; a slow reader is waited for here and cut off by
the cache (410), so it never slows anybody else (DESIGN, invariant 5).

Neighbours: dromon.apiserver.handler calls it; store.cache.Watcher gives frames and events.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from dromon.api import codec, errors
from dromon.api.types.meta import ListMeta
from dromon.api.types.table import PartialObjectMetadata
from dromon.apiserver import negotiate, reply, revisions
from dromon.apiserver.call import Call
from dromon.apiserver.reads import selectors
from dromon.base.http.messages import Reply, Stream, StreamResponse
from dromon.store.cache import Format, Watcher

MIN_TIMEOUT = 1800
"""Seconds that a watch lasts at least when the client does not say; up to twice as long, so that clients
that began together do not come back together."""

MAX_TIMEOUT = 86_400
NEXT = Callable[[], Awaitable[bytes]]


async def watch(call: Call) -> Reply:
    """GET with ?watch=1."""
    r, route = call.resource, call.route
    accepted = call.accepted
    store = call.services.store
    asked = revisions.watch(call.param, call.flag("sendInitialEvents"))
    if asked.fresh:
        await store.catch_up()
    timeout = call.integer("timeoutSeconds") or 0
    if timeout <= 0:
        timeout = int(MIN_TIMEOUT * (1 + call.services.random.random()))
    timeout = min(timeout, MAX_TIMEOUT)
    try:
        watcher = store.watch(
            r,
            route.namespace,
            after=store.revision if asked.now else asked.after,
            format=Format.JSON if accepted.shape else accepted.format,
            bookmarks=call.flag("allowWatchBookmarks"),
            send_initial=asked.initial,
            **selectors(call),
        )
    except errors.ApiError as e:
        if e.code != 410:
            raise
        return _ended(accepted, e)
    if call.request.method == "HEAD":
        watcher.close()  # the stream's producer, which would do it, does not run
    following = _shaped(call, watcher, accepted) if accepted.shape else watcher.frames
    return _stream(watcher, following, accepted, timeout)


def _stream(
    watcher: Watcher, following: NEXT, accepted: negotiate.Accepted, timeout: float
) -> StreamResponse:
    async def produce(stream: Stream) -> None:
        try:
            async with asyncio.timeout(timeout):
                while frames := await following():
                    stream.write(frames)
                    await stream.drain()
        except TimeoutError:
            pass
        except errors.ApiError as e:
            stream.write(_frame("ERROR", e.status, accepted.format))
            await stream.drain()
        finally:
            watcher.close()

    return StreamResponse(produce, 200, accepted.content_type)


def _ended(accepted: negotiate.Accepted, error: errors.ApiError) -> StreamResponse:
    """A stream of one ERROR: upstream answers so when the revision asked for is compacted."""

    async def produce(stream: Stream) -> None:
        stream.write(_frame("ERROR", error.status, accepted.format))
        await stream.drain()

    return StreamResponse(produce, 200, accepted.content_type)


def _frame(type_: str, obj: Any, format: Format) -> bytes:
    """One watch event: a line of JSON, or a 4-byte big-endian length and a MessagePack map."""
    if format is Format.PROTOBUF:
        return codec.protobuf_frame(type_, obj)
    event = reply.encode({"type": type_, "object": obj}, format)
    if format is Format.MSGPACK:
        return len(event).to_bytes(4, "big") + event
    return event + b"\n"


def _shaped(call: Call, watcher: Watcher, accepted: negotiate.Accepted) -> NEXT:
    """The watcher's events as tables (column definitions in the first one only) or metadata."""
    first = True

    async def following() -> bytes:
        nonlocal first
        frames = []
        for event in await watcher.events():
            shape = _shape(call, event.type, event.object, accepted.shape, first)
            first = first and event.type in ("BOOKMARK", "ERROR")
            frames.append(_frame(event.type, shape, accepted.format))
        return b"".join(frames)

    return following


def _shape(call: Call, type_: str, value: bytes, shape: str, first: bool) -> Any:
    if type_ == "ERROR":
        return codec.decode_any(value)
    r = call.resource
    obj = codec.decode_json(r.struct, value)
    if shape != "Table":
        return PartialObjectMetadata(metadata=obj.metadata)
    objects = [] if type_ == "BOOKMARK" else [obj]
    meta = ListMeta(resource_version=obj.metadata.resource_version)
    return reply.make_table(call, r, objects, meta, headers=first)
