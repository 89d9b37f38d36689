"""Lists: order, pages, prefixes, older revisions."""

from __future__ import annotations

import asyncio

import pytest

from dromon.store.history import Limits
from dromon.store.interface import Compacted, Delete, KeyValue, Put, Store, StoreError
from dromon.testing.clock import FakeClock

from .conftest import Opener, elapse


async def fill(store: Store, *keys: str) -> None:
    for key in keys:
        await store.commit([Put(key, key.encode())])


def names(items: list[KeyValue]) -> list[str]:
    return [kv.key for kv in items]


async def test_list_is_in_key_order_and_below_the_prefix(store: Store) -> None:
    await fill(store, "/p/b", "/p/a", "/q/c", "/p/é", "/p/ab", "/o")
    page = await store.list("/p/")
    assert names(page.items) == sorted(["/p/a", "/p/ab", "/p/b", "/p/é"], key=str.encode)
    assert (page.revision, page.more) == (store.revision, False)


async def test_pages_go_on_after_a_key(store: Store) -> None:
    await fill(store, "/p/a", "/p/b", "/p/c", "/q/d")
    first = await store.list("/p/", limit=2)
    assert (names(first.items), first.more) == (["/p/a", "/p/b"], True)
    rest = await store.list("/p/", after="/p/b", limit=2)
    assert (names(rest.items), rest.more) == (["/p/c"], False)


async def test_a_page_that_ends_with_the_last_key_is_the_last(store: Store) -> None:
    await fill(store, "/p/a", "/p/b", "/q/c")
    assert (await store.list("/p/", limit=2)).more is False


async def test_list_at_an_older_revision(store: Store) -> None:
    await fill(store, "/p/a", "/p/b", "/p/c")
    then = store.revision
    stood = (await store.list("/p/")).items
    await store.commit([Put("/p/b", b"new"), Delete("/p/a"), Put("/p/aa", b"x")])
    await store.commit([Delete("/p/c")])
    await store.commit([Put("/p/c", b"again")])
    page = await store.list("/p/", revision=then)
    assert page.items == stood
    assert page.revision == then
    part = await store.list("/p/", revision=then, after="/p/a", limit=1)
    assert (names(part.items), part.more) == (["/p/b"], True)


async def test_list_at_a_compacted_revision(store: Store) -> None:
    first, second, third = [await store.commit([Put(f"/p/{n}", b"1")]) for n in "abc"]
    await store.compact(second)
    with pytest.raises(Compacted) as refusal:
        await store.list("/p/", revision=first)
    assert first < refusal.value.oldest <= second
    assert len((await store.list("/p/", revision=refusal.value.oldest)).items) in (1, 2)
    assert names((await store.list("/p/", revision=second)).items) == ["/p/a", "/p/b"]
    assert names((await store.list("/p/", revision=third)).items) == ["/p/a", "/p/b", "/p/c"]


async def test_list_in_the_future_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="in the future"):
        await store.list("/p/", revision=store.revision + 100_000)


async def test_history_is_bounded_in_number(open_local: Opener, clock: FakeClock) -> None:
    store = await open_local(Limits(changes=10))
    await fill(store, *(f"/p/{i}" for i in range(50)))
    await elapse(clock, 1.0)
    await fill(store, *(f"/q/{i}" for i in range(50)))
    await elapse(clock, 1.0)
    with pytest.raises(Compacted):
        await store.list("/p/", revision=40)
    assert len((await store.list("/")).items) == 100


async def test_history_is_bounded_in_age(store: Store, clock: FakeClock) -> None:
    await fill(store, "/p/a")
    then = store.revision
    await fill(store, "/p/b")
    await elapse(clock, 200.0)
    assert names((await store.list("/p/", revision=then)).items) == ["/p/a"]

    async def until_it_is_forgotten() -> None:
        while True:
            await elapse(clock, 30.0)
            await store.list("/p/", revision=then)

    # The default is 300 s; a backend may look only every tenth of that, and needs real time to answer.
    with pytest.raises(Compacted):
        await asyncio.wait_for(until_it_is_forgotten(), 10)
    assert len((await store.list("/p/")).items) == 2
