"""Keys that delete themselves."""

from __future__ import annotations

from dromon.store.interface import Put
from dromon.store.local import LocalStore
from dromon.testing.clock import FakeClock

from .conftest import elapse


async def test_a_key_lives_for_its_time(store: LocalStore, clock: FakeClock) -> None:
    revision = await store.commit([Put("/e/a", b"1", ttl=10), Put("/e/b", b"1")])
    await clock.advance(9.0)
    assert await store.get("/e/a") is not None
    await elapse(clock, 2.0)
    assert await store.get("/e/a") is None
    assert await store.get("/e/b") is not None
    assert store.revision == revision + 1


async def test_a_later_write_gives_a_new_time_or_none(store: LocalStore, clock: FakeClock) -> None:
    await store.commit([Put("/e/a", b"1", ttl=10), Put("/e/b", b"1", ttl=10), Put("/e/c", b"1", ttl=10)])
    await store.commit([Put("/e/a", b"2"), Put("/e/b", b"2", ttl=60)])
    await elapse(clock, 11.0)
    assert [kv.key for kv in (await store.list("/e/")).items] == ["/e/a", "/e/b"]
    await elapse(clock, 50.0)
    assert [kv.key for kv in (await store.list("/e/")).items] == ["/e/a"]
