"""Groups of writes that reach the file together: the file and memory agree, whatever is in a group."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dromon.store.interface import CompareFailed, Delete, Op, Put
from dromon.store.sqlite import SqliteStore
from dromon.testing.clock import FakeClock

ops = st.one_of(
    st.builds(Put, st.sampled_from("abcd"), st.binary(max_size=3)),
    st.builds(Delete, st.sampled_from("abcd")),
)
transactions = st.lists(st.lists(ops, min_size=1, max_size=3, unique_by=lambda o: o.key), max_size=20)


@given(transactions)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_what_a_restart_finds_is_what_was_answered(tmp_path: Path, made: list[list[Op]]) -> None:
    path = tmp_path / "db"
    for file in tmp_path.iterdir():
        file.unlink()
    store = SqliteStore(str(path), FakeClock())
    await store.start()
    start = store.revision
    # All at once: the first is a group of its own, the others share the second.
    results = await asyncio.gather(*(store.commit(t) for t in made), return_exceptions=True)
    assert all(isinstance(r, int | CompareFailed) for r in results)
    states = [(await store.list("", revision=r)).items for r in range(start, store.revision + 1)]
    watched = [b async for b in _until(store, start)]
    await store.close()
    store = SqliteStore(str(path), FakeClock())
    await store.start()
    assert [(await store.list("", revision=r)).items for r in range(start, store.revision + 1)] == states
    assert [b async for b in _until(store, start)] == watched
    await store.close()


async def _until(store: SqliteStore, after: int):  # type: ignore[no-untyped-def]
    """The batches up to the newest revision."""
    if after == store.revision:
        return
    async for batch in store.watch("", after):
        yield batch
        if batch.revision == store.revision:
            return


async def test_a_group_of_many_rows(tmp_path: Path) -> None:
    store = SqliteStore(str(tmp_path / "db"), FakeClock())
    await store.start()
    await asyncio.gather(*(store.commit([Put(f"/k/{i}", b"%d" % i)]) for i in range(700)))
    await asyncio.gather(*(store.commit([Delete(f"/k/{i}")]) for i in range(0, 700, 2)))
    items = (await store.list("")).items
    await store.close()
    store = SqliteStore(str(tmp_path / "db"), FakeClock())
    await store.start()
    assert (await store.list("")).items == items
    assert len(items) == 350
    await store.close()
