"""A snapshot of a store that goes on being written: one revision, read in pages.

Writers are not held up: a page is a bounded piece of work, and between two of them everybody has a turn.
Whoever reads so slowly that the store forgets the revision meanwhile gets no snapshot (Compacted) rather than
a mixed one.

Neighbours: snapshot is the format; the apiserver streams it, `dromon snapshot save --store` writes a file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from dromon._core import __version__
from dromon.store.interface import Store
from dromon.store.snapshot import Encoder, Header

_PAGE = 500  # keys; with values of 1.5 KB about a millisecond's work


async def stream(store: Store, backend: str, now: float) -> AsyncIterator[bytes]:
    """The bytes of a snapshot of the newest committed state.

    Args:
        store: started.
        backend: what the header names as the source.
        now: seconds since the epoch.

    Raises:
        Compacted, Unavailable: the stream then has no footer, so nobody takes it for a whole one.
    """
    encoder = Encoder()
    # Asked before and after the revision is settled on, since a key may come or go in between.
    ttl = await store.expiries()
    page = await store.list("", limit=_PAGE)
    ttl = {**await store.expiries(), **ttl}
    yield encoder.header(Header(__version__, page.revision, now, backend))
    while True:
        yield encoder.entries(page.items, ttl)
        if not page.more:
            break
        await asyncio.sleep(0)
        page = await store.list("", revision=page.revision, after=page.items[-1].key, limit=_PAGE)
    yield encoder.footer()
