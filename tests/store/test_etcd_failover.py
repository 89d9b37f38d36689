"""Three members that are killed, hang and come back: nothing lost, nothing twice, nobody waits long."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import pytest

from dromon.store.etcd.store import EtcdStore
from dromon.store.interface import NotAccepted, Put, StoreError, Unavailable
from dromon.store.open import open_store
from dromon.testing.clock import FakeClock
from dromon.testing.etcd import Etcd, EtcdMember, program

pytestmark = pytest.mark.skipif(program() is None, reason="etcd is not installed (Debian: etcd-server)")

BOUND = 9.0
"""Seconds within which everything is answered: an API request must be in 10."""


@asynccontextmanager
async def cluster(tmp_path: Path) -> AsyncIterator[tuple[Etcd, EtcdStore]]:
    with Etcd(tmp_path, 3, durable=False) as server:
        store = open_store(server.url(), FakeClock())
        assert isinstance(store, EtcdStore)
        await store.start()
        try:
            yield server, store
        finally:
            await store.close()


def asked(server: Etcd, store: EtcdStore) -> EtcdMember:
    """The member that the store talks to."""
    endpoint = store._cluster.members[store._cluster._current].endpoint
    return next(m for m in server.members if m.endpoint == endpoint)


class Load:
    """Writers that create keys for as long as they may, and a watch that sees them."""

    def __init__(self, store: EtcdStore) -> None:
        self._store = store
        self.answered: dict[str, int] = {}
        self.seen: list[tuple[str, int]] = []
        self._stop = False
        self._watching = asyncio.create_task(self._watch(store.revision))
        self._writing = [asyncio.create_task(self._write(n)) for n in range(4)]

    async def more(self, count: int) -> None:
        """Return when so many more writes were answered."""
        goal = len(self.answered) + count
        async with asyncio.timeout(60):
            while len(self.answered) < goal:
                await asyncio.sleep(0.02)

    async def judge(self) -> None:
        """Stop, and compare what was answered, what is there and what was watched."""
        self._stop = True
        await asyncio.gather(*self._writing)
        items = {kv.key: kv.mod_revision for kv in (await self._store.list("/w/")).items}
        assert {k: items.get(k) for k in self.answered} == self.answered
        async with asyncio.timeout(20):
            while len(self.seen) < len(items):
                await asyncio.sleep(0.02)
        self._watching.cancel()
        with suppress(asyncio.CancelledError):
            await self._watching
        assert Counter(k for k, _ in self.seen) == Counter(list(items))
        revisions = [r for _, r in self.seen]
        assert revisions == sorted(set(revisions))

    async def _watch(self, after: int) -> None:
        async with aclosing(self._store.watch("/w/", after)) as batches:  # type: ignore[type-var]
            async for batch in batches:
                self.seen += [(c.key, batch.revision) for c in batch.changes]

    async def _write(self, writer: int) -> None:
        number = 0
        while not self._stop:
            number += 1
            key = f"/w/{writer}/{number}"
            # A key is written once: were one sent twice, the second time would find it there.
            try:
                self.answered[key] = await self._store.commit([Put(key, b"1", expect=0)])
            except Unavailable:
                await asyncio.sleep(0.05)


async def failure(attempt: Awaitable[object]) -> StoreError:
    """The error that an attempt ends with, in bounded time."""
    with pytest.raises(StoreError) as refusal:
        await asyncio.wait_for(attempt, BOUND)
    return refusal.value


async def read_history(store: EtcdStore, after: int) -> None:
    """All that changed until now."""
    async with aclosing(store.history("", after, store.revision)) as batches:  # type: ignore[type-var]
        async for _ in batches:
            pass


async def test_members_die_one_after_the_other(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (server, store):
        load = Load(store)
        for _ in range(3):  # whoever is asked, so one of them surely leads
            await load.more(50)
            victim = asked(server, store)
            victim.kill()
            await load.more(50)
            victim.start()
            await asyncio.to_thread(server.wait)
        await load.judge()
        assert store.check() is None


async def test_a_member_that_hangs_is_left(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (server, store):
        load = Load(store)
        await load.more(50)
        hung = asked(server, store)
        hung.pause()
        await load.more(50)
        assert asked(server, store) is not hung
        hung.resume()
        await load.more(50)
        await load.judge()


async def test_without_a_majority_everybody_is_told_soon(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (server, store):
        load = Load(store)
        await load.more(50)
        stands = (await store.list("/w/")).items[0]
        for member in server.members[:2]:
            member.kill()
        errors = await asyncio.gather(
            failure(store.commit([Put("/q/a", b"1")])),
            failure(store.commit([Put(stands.key, b"2", expect=1)])),
            failure(store.get(stands.key)),
            failure(store.newest(stands.key)),
            failure(store.list("/w/")),
            failure(store.list("/w/", revision=stands.mod_revision)),
            failure(store.barrier()),
            failure(store.expiries()),
        )
        assert all(isinstance(e, Unavailable) for e in errors)
        assert store.check() is not None
        # Now it is known that nobody leads: nothing is sent any more, and that is said.
        assert isinstance(await failure(store.commit([Put("/q/b", b"1")])), NotAccepted)
        assert isinstance(await failure(read_history(store, stands.mod_revision)), Unavailable)
        for member in server.members[:2]:
            member.start()
        await load.more(50)
        await load.judge()
        assert store.check() is None
        assert await store.get("/q/b") is None


async def test_all_of_them_restart(tmp_path: Path) -> None:
    async with cluster(tmp_path) as (server, store):
        load = Load(store)
        await load.more(50)
        for member in server.members:
            member.kill()
        assert isinstance(await failure(store.commit([Put("/q/a", b"1")])), Unavailable)
        for member in server.members:
            member.start()
        await load.more(50)
        await load.judge()


async def test_a_cluster_that_can_t_be_reached_is_said_at_the_start(tmp_path: Path) -> None:
    server = Etcd(tmp_path, 3)
    store = open_store(server.url(), FakeClock())
    assert "no member of the etcd cluster can be reached" in str(await failure(store.start()))
