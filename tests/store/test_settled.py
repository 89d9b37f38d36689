"""What a write in flight shows is told to nobody before it is committed, or at all if it never is."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dromon.store.history import Limits
from dromon.store.interface import KeyValue, NotAccepted, Put
from dromon.store.journal import JournalError, Snapshot, Undo
from dromon.store.local import LocalStore
from dromon.store.state import Transaction
from dromon.testing.clock import FakeClock, settle


class Gate:
    """A journal whose appends wait to be let through, or to fail."""

    def __init__(self) -> None:
        self.open_ = asyncio.Event()
        self.broken = False

    async def open(self) -> Snapshot:
        return Snapshot([], 1, 1, [], 0, 0)

    async def append(self, transactions: Sequence[Transaction]) -> None:
        await self.open_.wait()
        if self.broken:
            raise JournalError("broken")

    async def recover(self, after: int) -> list[Transaction]:
        self.broken = False
        return []

    async def history(self, after: int, upto: int) -> list[Undo]:
        return []

    async def compact(self, revision: int) -> bool:
        return False

    async def tidy(self) -> None:
        pass

    async def restore(self, items: Sequence[tuple[KeyValue, float | None]], revision: int) -> None:
        pass

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("broken", [False, True])
async def test_what_is_in_flight_settles_or_fails(broken: bool) -> None:
    gate = Gate()
    store = LocalStore(gate, FakeClock(), Limits(), Limits())
    await store.start()
    await store.settled("/p/a")  # nothing is on its way
    write = asyncio.create_task(store.commit([Put("/p/a", b"1")]))
    await settle()
    assert await store.newest("/p/a") is not None
    told = asyncio.create_task(store.settled("/p/a"))
    await settle()
    assert not told.done()
    await store.settled("/p/b")  # others don't wait
    gate.broken = broken
    gate.open_.set()
    if broken:
        with pytest.raises(NotAccepted):
            await told
        await asyncio.gather(write, return_exceptions=True)
        assert await store.newest("/p/a") is None
    else:
        await told
        assert (await store.get("/p/a")) is not None
        await write
    await store.settled("/p/a")
    await store.close()
