"""A snapshot of a store that goes on being written, on every backend, and back to another."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator

import pytest

from dromon.store.interface import Compacted, Put, Restored, Store
from dromon.store.snapshot import Header
from dromon.store.snapshot_file import SnapshotReader
from dromon.store.snapshot_stream import stream
from dromon.testing.clock import FakeClock

from .conftest import Opener


async def taken(pieces: AsyncIterator[bytes]) -> tuple[Header, list[Restored]]:
    reader = SnapshotReader(io.BytesIO(b"".join([piece async for piece in pieces])))
    return reader.header, list(reader)


async def test_a_snapshot_goes_from_store_to_store(open_backend: Opener, clock: FakeClock) -> None:
    store = await open_backend()
    await asyncio.gather(*(store.commit([Put(f"/p/{i:04}", b"%d" % i)]) for i in range(1_200)))
    await store.commit([Put("/e/a", b"1", ttl=50), Put("/p/0000", b"new")])
    header, items = await taken(stream(store, "some", clock.now()))
    page = await store.list("")
    assert header.revision == page.revision
    assert header.backend == "some"
    assert [(i.key, i.value, i.create_revision, i.mod_revision) for i in items] == [
        (kv.key, kv.value, kv.create_revision, kv.mod_revision) for kv in page.items
    ]
    assert [i.key for i in items if i.ttl is not None] == ["/e/a"]
    other = await open_backend()
    await other.restore(items, header.revision)
    assert [(kv.key, kv.value) for kv in (await other.list("")).items] == [(i.key, i.value) for i in items]
    assert list(await other.expiries()) == ["/e/a"]


async def test_it_shows_one_revision_while_fifty_write(store: Store, clock: FakeClock) -> None:
    """Every transaction writes the same number to the first and the last key of its writer."""
    fill = [Put(f"/m/{i:05}", b"x" * 50) for i in range(2_000)]
    for at in range(0, len(fill), 100):
        await store.commit(fill[at : at + 100])
    done = False

    async def write(writer: int) -> int:
        number = 0
        while not done:
            number += 1
            value = b"%d" % number
            await store.commit([Put(f"/a/{writer:02}", value), Put(f"/z/{writer:02}", value)])
            await asyncio.sleep(0)
        return number

    writers = [asyncio.ensure_future(write(w)) for w in range(50)]
    await asyncio.sleep(0.01)
    for _ in range(3):
        _, items = await taken(stream(store, "some", clock.now()))
        found = {i.key: i.value for i in items}
        assert len(found) >= 2_000
        for writer in range(50):
            assert found.get(f"/a/{writer:02}") == found.get(f"/z/{writer:02}")
    before = store.revision
    done = True
    written = await asyncio.gather(*writers)
    assert min(written) > 1
    assert store.revision >= before


async def test_a_revision_that_is_gone_gives_no_snapshot(store: Store, clock: FakeClock) -> None:
    await store.commit([Put(f"/p/{i:04}", b"1") for i in range(100)])
    for i in range(100, 1_000, 100):
        await store.commit([Put(f"/p/{j:04}", b"1") for j in range(i, i + 100)])
    pieces = stream(store, "some", clock.now())
    await anext(pieces)
    await anext(pieces)
    await store.commit([Put("/p/0001", b"2")])
    await store.compact(store.revision)
    with pytest.raises(Compacted):
        await anext(pieces)
