"""GET /dromon/v1/snapshot: every key of the store at one revision, as a file can hold it. For administrators.

It shows secrets of all namespaces at once, so membership of system:masters is asked for whatever the
authorizer allows.

Neighbours: dromon.store.snapshot_stream reads the store; dromon.apiserver.handler routes here.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from dromon.api import errors
from dromon.apiserver.authn import User
from dromon.base.clock import Clock
from dromon.base.http.messages import Reply, Request, Stream, StreamResponse
from dromon.store.cache import CachedStore
from dromon.store.snapshot import CONTENT_TYPE
from dromon.store.snapshot_stream import stream

log = logging.getLogger(__name__)

PATH = "/dromon/v1/snapshot"
MASTERS = "system:masters"


class Snapshots:
    """Answers requests for snapshots.

    Args:
        store: whose store is read.
        store_url: tells the backend's name.
        clock: stamps.
    """

    def __init__(self, store: CachedStore, store_url: str, clock: Clock) -> None:
        self._store = store
        self._backend = urlsplit(store_url).scheme
        self._clock = clock

    async def answer(self, request: Request, user: User) -> Reply:
        """The snapshot as a stream; without its footer when it could not be finished.

        Raises:
            ApiError: 403, 405.
            StoreError: the store does not answer.
        """
        if request.method != "GET":
            raise errors.method_not_allowed(request.method)
        if MASTERS not in user.groups:
            text = f'forbidden: User "{user.name}" cannot get path "{PATH}": it is not in the group {MASTERS}'
            raise errors.make(403, "Forbidden", text)
        pieces = stream(self._store.backend, self._backend, self._clock.now())
        first = await anext(pieces)
        log.info("snapshot user=%s", user.name)

        async def produce(out: Stream) -> None:
            await _send(out, first, pieces)

        return StreamResponse(produce, 200, CONTENT_TYPE)


async def _send(out: Stream, first: bytes, pieces: AsyncIterator[bytes]) -> None:
    out.write(first)
    async for piece in pieces:
        out.write(piece)
        await out.drain()
