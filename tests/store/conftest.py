"""Every backend behind one fixture: what is tested here holds for all of them, bare and under the cache."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest

from dromon.api.kinds import NODES
from dromon.store.cache import CachedStore
from dromon.store.history import Limits
from dromon.store.interface import KeyValue, Op, Store
from dromon.store.memory import MemoryStore
from dromon.store.open import open_store
from dromon.store.sqlite import SqliteStore
from dromon.testing.clock import FakeClock
from dromon.testing.etcd import Etcd, program

Opener = Callable[..., Awaitable[Store]]
LOCAL = ["memory", "sqlite"]
BACKENDS = [*LOCAL, "etcd"]
_prefixes = itertools.count()


async def elapse(clock: FakeClock, seconds: float) -> None:
    """Let time pass, and the file's thread do what became due."""
    await clock.advance(seconds)
    for _ in range(3):
        await asyncio.to_thread(time.sleep, 0.01)
        await clock.advance(1.0)


async def expired(store: Store, clock: FakeClock, key: str, ttl: float) -> None:
    """Let a key's time to live pass; its deletion is waited for, since etcd's clock is not the test's."""
    await elapse(clock, ttl + 1)
    async with asyncio.timeout(30), aclosing(store.watch(key, store.revision)) as changes:  # type: ignore[type-var]
        while await store.get(key) is not None:
            await anext(changes)


class Under:
    """A store under the cache: writes go through it, and are there to be read when they are answered."""

    def __init__(self, store: Store, clock: FakeClock) -> None:
        self._closed = False
        self._store = store
        self._cached = CachedStore(store, [NODES], {}, clock)

    async def start(self) -> None:
        await self._cached.start()

    async def close(self) -> None:
        self._closed = True
        await self._cached.close()

    async def commit(self, ops: Sequence[Op]) -> int:
        revision = await self._cached.commit(ops)
        assert self._cached.revision >= revision or self._closed
        return revision

    async def newest(self, key: str) -> KeyValue | None:
        return await self._cached.latest(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def etcd_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], str]]:
    """URLs in one real etcd: each is an empty store."""
    if program() is None:
        pytest.skip("etcd is not installed (Debian: etcd-server)")
    # The shortest election has the shortest leases: at least 1 s instead of 2.
    quick = ("--heartbeat-interval=20", "--election-timeout=200")
    with Etcd(tmp_path_factory.mktemp("etcd"), durable=False, arguments=quick) as server:
        yield lambda: server.url(prefix=f"/test{next(_prefixes)}")


Make = Callable[..., Store]


@pytest.fixture
def make_store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Make:
    """Makes a store of the backend that is named, empty and not started."""
    numbers = itertools.count()

    def make(backend: str, history: Limits | None = None) -> Store:
        if backend == "memory":
            return MemoryStore(clock, history)
        if backend == "sqlite":
            return SqliteStore(str(tmp_path / f"{next(numbers)}.sqlite"), clock, history)
        url: str = request.getfixturevalue("etcd_url")()
        return open_store(url, clock)

    return make


async def _opener(backend: str, make: Make) -> AsyncIterator[Opener]:
    opened: list[Store] = []

    async def opener(history: Limits | None = None) -> Store:
        store = make(backend, history)
        opened.append(store)
        await store.start()
        return store

    yield opener
    for store in opened:
        await store.close()


@pytest.fixture(params=BACKENDS)
async def open_backend(request: pytest.FixtureRequest, make_store: Make) -> AsyncIterator[Opener]:
    """Opens a started store of the backend."""
    async for opener in _opener(request.param, make_store):
        yield opener


@pytest.fixture(params=LOCAL)
async def open_local(request: pytest.FixtureRequest, make_store: Make) -> AsyncIterator[Opener]:
    """As `open_backend`, of those that keep their history themselves; `history` bounds it."""
    async for opener in _opener(request.param, make_store):
        yield opener


@pytest.fixture
async def bare(open_backend: Opener) -> Store:
    """A store without the cache, where that plays no part."""
    return await open_backend()


@pytest.fixture(params=[*BACKENDS, *(f"{b}-cached" for b in BACKENDS)])
async def store(request: pytest.FixtureRequest, make_store: Make, clock: FakeClock) -> AsyncIterator[Store]:
    backend, _, cached = request.param.partition("-")
    store = make_store(backend, None)
    if cached:
        store = cast("Store", Under(store, clock))
    await store.start()
    yield store
    await store.close()
