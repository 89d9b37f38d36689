"""A stored value that can't be read harms nobody but itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from dromon.api.errors import ApiError
from dromon.api.resource import Resource
from dromon.store.cache import Bounds, CachedStore, Format
from dromon.store.interface import Delete, Put
from dromon.store.memory import MemoryStore
from dromon.testing.clock import FakeClock

from .test_cache import PODS, backend, frames, names, pod, told

BAD = PODS.key("m", "bad")


@pytest.mark.parametrize("value", [b"nonsense", b"[]", b"", b"\xff", b'{"metadata":3}', b'{"a":1'])
async def test_a_change_that_can_t_be_read(clock: FakeClock, value: bytes) -> None:
    store = CachedStore(MemoryStore(clock), [PODS], {}, clock)
    await store.start()
    first = await store.commit([pod("a"), pod("bad")])
    watcher = store.watch(PODS, after=first)
    second = await store.commit([Put(BAD, value), pod("b")])
    # Whoever watched it sees it go, the others see what is theirs.
    assert told(await frames(watcher)) == [("DELETED", "bad", second), ("ADDED", "b", second)]
    assert names((await store.objects(PODS)).items) == ["a", "b"]
    with pytest.raises(ApiError) as refusal:
        store.get(PODS, "m", "bad")
    assert refusal.value.code == 500
    assert refusal.value.message.startswith(
        'Internal error occurred: the stored object pods "bad" can\'t be read: '
    )
    assert list(store.unreadable) == [BAD]
    assert store.check() is None
    third = await store.commit([pod("bad")])
    assert told(await frames(watcher)) == [("ADDED", "bad", third)]
    assert not store.unreadable
    await store.commit([Put(BAD, value)])
    await store.commit([Delete(BAD)])
    assert store.get(PODS, "m", "bad") is None
    watcher.close()
    await store.close()


async def test_starting_on_what_can_t_be_read(tmp_path: Path, clock: FakeClock) -> None:
    inner = backend("sqlite", tmp_path, clock)
    await inner.start()
    await inner.commit([Put(BAD, b"[]")])
    created = await inner.commit([pod("a")])
    await inner.close()
    store = CachedStore(backend("sqlite", tmp_path, clock), [PODS], {}, clock)
    await store.start()
    assert names((await store.objects(PODS)).items) == ["a"]
    assert list(store.unreadable) == [BAD]
    watcher = store.watch(PODS, after=1)  # the log has it, too
    assert told(await frames(watcher)) == [("ADDED", "a", created)]
    watcher.close()
    await store.close()


async def test_an_older_list_with_what_can_t_be_read(clock: FakeClock) -> None:
    store = CachedStore(MemoryStore(clock), [PODS], {}, clock, Bounds(ring_events=1))
    await store.start()
    then = await store.commit([pod("a"), Put(BAD, b"[]"), pod("c")])
    for name in "ac":
        await store.commit([Delete(PODS.key("m", name))])
    page = await store.objects(PODS, revision=then, exact=True, limit=2)
    assert names(page.items) == ["a"]
    rest = await store.objects(PODS, continue_=page.continue_)
    assert names(rest.items) == ["c"]
    await store.close()


def picky(resource: Resource[object], body: bytes) -> bytes:
    """Encodes all but the object named "bad", as a struct that the JSON does not fit would."""
    value = msgspec.json.decode(body)
    if value["metadata"]["name"] == "bad":
        raise ValueError("not a Pod")
    return msgspec.msgpack.encode(value)


async def test_what_can_t_be_written_in_a_form_is_left_out(clock: FakeClock) -> None:
    store = CachedStore(MemoryStore(clock), [PODS], {Format.MSGPACK: picky}, clock)
    await store.start()
    watcher = store.watch(PODS, after=None, format=Format.MSGPACK)
    await store.commit([pod("a"), pod("bad"), pod("c")])
    async with asyncio.timeout(5):
        data = await watcher.frames()
    assert data.count(b"ADDED") == 2
    listed = msgspec.msgpack.decode((await store.list(PODS, format=Format.MSGPACK)).body)
    assert [i["metadata"]["name"] for i in listed["items"]] == ["a", "c"]
    assert store.get(PODS, "m", "bad") is not None
    with pytest.raises(ApiError) as refusal:
        store.get(PODS, "m", "bad", Format.MSGPACK)
    assert refusal.value.code == 500
    watcher.close()
    await store.close()
