"""Accepting and committing: expectations, revisions, all or nothing, order."""

from __future__ import annotations

import asyncio

import pytest

from dromon.store.interface import CompareFailed, Delete, KeyValue, Put, Store, Unavailable

A, B, C, D = (f"/registry/core/pods/default/{name}" for name in "abcd")


async def test_an_empty_store_has_a_revision_since_0_means_any(store: Store) -> None:
    before = store.revision
    assert before >= 1
    assert await store.commit([Put(A, b"1")]) > before


async def test_put_creates_then_replaces(store: Store) -> None:
    created = await store.commit([Put(A, b"1")])
    changed = await store.commit([Put(A, b"2")])
    assert await store.get(A) == KeyValue(A, b"2", created, changed)
    assert store.revision >= changed > created


async def test_create_fails_where_the_key_exists(store: Store) -> None:
    revision = await store.commit([Put(A, b"1", expect=0)])
    stands = store.revision
    with pytest.raises(CompareFailed) as failure:
        await store.commit([Put(A, b"2", expect=0)])
    assert failure.value.key == A
    assert failure.value.current == KeyValue(A, b"1", revision, revision)
    assert store.revision == stands


async def test_put_with_an_old_revision_fails(store: Store) -> None:
    first = await store.commit([Put(A, b"1")])
    second = await store.commit([Put(A, b"2", expect=first)])
    with pytest.raises(CompareFailed) as failure:
        await store.commit([Put(A, b"3", expect=first)])
    assert failure.value.current == KeyValue(A, b"2", first, second)


async def test_put_with_a_revision_fails_where_nothing_is(store: Store) -> None:
    with pytest.raises(CompareFailed) as failure:
        await store.commit([Put(A, b"1", expect=7)])
    assert failure.value.current is None


async def test_a_deletion_has_a_revision_of_its_own(store: Store) -> None:
    created = await store.commit([Put(A, b"1")])
    assert await store.commit([Delete(A, expect=created)]) > created
    assert await store.get(A) is None


async def test_deleting_what_is_not_there_fails(store: Store) -> None:
    for expect in (None, 0, 7):
        with pytest.raises(CompareFailed) as failure:
            await store.commit([Delete(A, expect)])
        assert failure.value.current is None


async def test_deleting_what_should_not_be_there_fails(store: Store) -> None:
    revision = await store.commit([Put(A, b"1")])
    for expect in (0, revision - 1, revision + 1):
        with pytest.raises(CompareFailed) as failure:
            await store.commit([Delete(A, expect)])
        assert failure.value.current == KeyValue(A, b"1", revision, revision)


async def test_the_first_operation_at_fault_is_told(store: Store) -> None:
    await store.commit([Put(A, b"1"), Put(C, b"1")])
    ops = [Put(B, b"2"), Put(C, b"2"), Put(A, b"2", expect=0), Delete(D)]
    with pytest.raises(CompareFailed) as failure:
        await store.commit(ops)
    assert failure.value.key == A
    with pytest.raises(CompareFailed) as failure:
        await store.commit(ops[::-1])
    assert failure.value.key == D


async def test_recreating_gives_a_new_create_revision(store: Store) -> None:
    await store.commit([Put(A, b"1")])
    await store.commit([Delete(A)])
    again = await store.commit([Put(A, b"2", expect=0)])
    assert await store.get(A) == KeyValue(A, b"2", again, again)


async def test_a_transaction_is_applied_whole_or_not_at_all(store: Store) -> None:
    await store.commit([Put(A, b"1")])
    with pytest.raises(CompareFailed) as failure:
        await store.commit([Put(B, b"1"), Put(A, b"2", expect=0)])
    assert failure.value.key == A
    assert await store.get(B) is None
    both = await store.commit([Put(B, b"1"), Delete(A)])
    assert await store.get(A) is None
    assert await store.get(B) == KeyValue(B, b"1", both, both)


async def test_a_transaction_names_a_key_once(store: Store) -> None:
    with pytest.raises(ValueError, match="twice"):
        await store.commit([Put(A, b"1"), Delete(A)])


async def test_writes_compare_with_writes_in_flight(store: Store) -> None:
    """Two that start together: the second is compared with the first, though neither is durable yet."""
    results = await asyncio.gather(
        store.commit([Put(A, b"1", expect=0)]),
        store.commit([Put(A, b"2", expect=0)]),
        return_exceptions=True,
    )
    assert isinstance(results[0], int)
    assert isinstance(results[1], CompareFailed)
    assert results[1].current == KeyValue(A, b"1", results[0], results[0])


async def test_newest_shows_writes_in_flight_and_can_be_built_on(store: Store) -> None:
    first = asyncio.create_task(store.commit([Put(A, b"1", expect=0)]))
    await asyncio.sleep(0)
    accepted = await store.newest(A)
    assert accepted is not None
    second = await store.commit([Put(A, accepted.value + b"2", expect=accepted.mod_revision)])
    assert second > await first
    assert await store.get(A) == KeyValue(A, b"12", await first, second)


async def test_many_writers_get_every_revision_once(store: Store) -> None:
    start = store.revision
    revisions = await asyncio.gather(*(store.commit([Put(f"/k/{i % 7}", b"%d" % i)]) for i in range(200)))
    assert len(set(revisions)) == 200
    assert min(revisions) > start
    for key in range(7):
        assert revisions[key::7] == sorted(revisions[key::7])


async def test_a_cancelled_writer_does_not_disturb_others(store: Store) -> None:
    cancelled = asyncio.create_task(store.commit([Put(A, b"1")]))
    await asyncio.sleep(0)
    cancelled.cancel()
    await store.commit([Put(B, b"1")])
    # Once accepted it is written, whoever waits for the answer.
    assert (await store.list("/registry/")).items[0].key == A


async def test_an_empty_transaction_changes_nothing(store: Store) -> None:
    revision = await store.commit([Put(A, b"1")])
    stands = store.revision
    assert await store.commit([]) == stands >= revision
    assert store.revision == stands


async def test_close_finishes_writes_in_flight(store: Store) -> None:
    writes = [asyncio.create_task(store.commit([Put(f"/k/{i}", b"v")])) for i in range(20)]
    await asyncio.sleep(0)
    await store.close()
    assert len(set(await asyncio.gather(*writes))) == 20
    with pytest.raises(Unavailable, match="closed"):
        await store.commit([Put(A, b"1")])
    assert store.check() == "the store is closed"
