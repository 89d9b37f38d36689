"""What a store remembers, read to its end: every batch between two revisions, once, in order."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from dromon.store.interface import Batch, Change, Compacted, Delete, Put, Store


async def past(store: Store, prefix: str, after: int, upto: int) -> list[Batch]:
    async with asyncio.timeout(10), aclosing(store.history(prefix, after, upto)) as batches:  # type: ignore[type-var]
        return [batch async for batch in batches if batch.changes]


async def test_it_ends_where_it_was_told_to(store: Store) -> None:
    revisions = [await store.commit([Put("/p/a", b"%d" % i)]) for i in range(5)]
    found = await past(store, "/p/", revisions[0], revisions[3])
    assert [b.revision for b in found] == revisions[1:4]
    assert found[0].changes == (Change("/p/a", b"1", b"0", revisions[0]),)
    assert await past(store, "/p/", revisions[-1], store.revision) == []


async def test_it_ends_when_the_last_changes_are_of_other_keys(store: Store) -> None:
    start = store.revision
    first = await store.commit([Put("/p/a", b"1")])
    await store.commit([Put("/q/a", b"1")])
    await store.commit([Delete("/q/a")])
    assert [b.revision for b in await past(store, "/p/", start, store.revision)] == [first]
    assert await past(store, "/r/", start, store.revision) == []


async def test_a_long_past(store: Store) -> None:
    start = store.revision
    await asyncio.gather(*(store.commit([Put(f"/p/{i % 7}", b"%d" % i)]) for i in range(2_500)))
    found = await past(store, "/p/", start, store.revision)
    assert sum(len(b.changes) for b in found) == 2_500
    assert [b.revision for b in found] == sorted({b.revision for b in found})


async def test_a_past_that_is_forgotten(store: Store) -> None:
    revisions = [await store.commit([Put("/p/a", b"%d" % i)]) for i in range(5)]
    await store.compact(revisions[2])
    with pytest.raises(Compacted):
        await past(store, "/p/", revisions[0], revisions[4])
    assert [b.revision for b in await past(store, "/p/", revisions[2], revisions[4])] == revisions[3:]
