"""Keys that delete themselves."""

from __future__ import annotations

from contextlib import aclosing

from dromon.store.interface import Change, Put, Store
from dromon.testing.clock import FakeClock

from .conftest import expired


async def test_a_key_lives_for_its_time(bare: Store, clock: FakeClock) -> None:
    await bare.commit([Put("/e/a", b"1", ttl=1), Put("/e/b", b"1")])
    before = bare.revision
    await clock.advance(0.9)
    assert await bare.get("/e/a") is not None
    await expired(bare, clock, "/e/a", 1)
    assert await bare.get("/e/b") is not None
    assert await bare.barrier() > before


async def test_a_later_write_gives_a_new_time_or_none(bare: Store, clock: FakeClock) -> None:
    await bare.commit([Put("/e/a", b"1", ttl=1), Put("/e/b", b"1", ttl=1), Put("/e/c", b"1", ttl=1)])
    await bare.commit([Put("/e/a", b"2"), Put("/e/b", b"2", ttl=6)])
    await expired(bare, clock, "/e/c", 1)
    assert [kv.key for kv in (await bare.list("/e/")).items] == ["/e/a", "/e/b"]
    await expired(bare, clock, "/e/b", 6)
    assert [kv.key for kv in (await bare.list("/e/")).items] == ["/e/a"]


async def test_a_deletion_by_time_is_watched(bare: Store, clock: FakeClock) -> None:
    revision = await bare.commit([Put("/e/a", b"1", ttl=1)])
    await expired(bare, clock, "/e/a", 1)
    async with aclosing(bare.watch("/e/", revision)) as batches:  # type: ignore[type-var]
        async for batch in batches:
            if batch.changes:
                break
    assert batch.changes == (Change("/e/a", None, b"1", revision),)
