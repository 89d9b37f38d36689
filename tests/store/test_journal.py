"""The embedded stores' event-loop side over a journal that waits, fails, and does not recover for long."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise

import pytest

from dromon.store.history import Limits
from dromon.store.interface import KeyValue, NotAccepted, Put, Unavailable
from dromon.store.journal import JournalError, Snapshot, Undo
from dromon.store.local import LocalStore
from dromon.store.state import Transaction
from dromon.testing.clock import FakeClock, settle


class Gate:
    """A journal whose appends wait to be let through, or to fail."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.open_ = asyncio.Event()
        self.broken = False
        self.attempts: list[float] = []
        self.lasting = False

    async def open(self) -> Snapshot:
        return Snapshot([], 1, 1, [], 0, 0)

    async def append(self, transactions: Sequence[Transaction]) -> None:
        await self.open_.wait()
        if self.broken:
            raise JournalError("broken")

    async def recover(self, after: int) -> list[Transaction]:
        self.attempts.append(self.clock.monotonic())
        if self.lasting:
            raise JournalError("still broken")
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
    gate = Gate(clock := FakeClock())
    store = LocalStore(gate, clock, Limits(), Limits())
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


async def test_a_broken_journal_is_tried_less_and_less_often_until_it_works() -> None:
    gate = Gate(clock := FakeClock())
    gate.broken = gate.lasting = True
    gate.open_.set()
    store = LocalStore(gate, clock, Limits(), Limits())
    await store.start()
    with pytest.raises(Unavailable):
        await store.commit([Put("/p/a", b"1")])
    for _ in range(300):
        await clock.advance(1.0)
    pauses = [later - at for at, later in pairwise(gate.attempts)]
    assert pauses == sorted(pauses)
    assert pauses[0] <= 1.0
    assert pauses[-1] == pytest.approx(15.0)
    assert store.check() == "still broken"
    gate.lasting = False
    await clock.advance(15.0)
    assert store.check() is None
    assert await store.commit([Put("/p/a", b"2")]) == 2
    await store.close()
