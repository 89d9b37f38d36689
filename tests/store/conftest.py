"""Every backend behind one fixture: what is tested here holds for all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from dromon.store.history import Limits
from dromon.store.local import LocalStore
from dromon.store.memory import MemoryStore
from dromon.store.sqlite import SqliteStore
from dromon.testing.clock import FakeClock

Opener = Callable[..., Awaitable[LocalStore]]


async def elapse(clock: FakeClock, seconds: float) -> None:
    """Let time pass, and the file's thread do what became due."""
    await clock.advance(seconds)
    for _ in range(3):
        await asyncio.to_thread(time.sleep, 0.01)
        await clock.advance(1.0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["memory", "sqlite"])
async def open_backend(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Opener]:
    """Opens a started store of the backend; `history` bounds what it keeps."""
    opened: list[LocalStore] = []

    async def opener(history: Limits | None = None) -> LocalStore:
        if request.param == "memory":
            store: LocalStore = MemoryStore(clock, history)
        else:
            store = SqliteStore(str(tmp_path / f"{len(opened)}.sqlite"), clock, history)
        opened.append(store)
        await store.start()
        return store

    yield opener
    for store in opened:
        await store.close()


@pytest.fixture
async def store(open_backend: Opener) -> LocalStore:
    return await open_backend()
