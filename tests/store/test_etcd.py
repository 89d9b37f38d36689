"""What only a real etcd can show: several stores on one, leases, alarms, restores, TLS."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aetcd import rpc

from dromon.base.histogram import Histogram
from dromon.base.pki import Authority
from dromon.store.etcd import record
from dromon.store.etcd.layout import STATE, slot
from dromon.store.etcd.store import EtcdStore
from dromon.store.interface import (
    Batch,
    Compacted,
    CompareFailed,
    Delete,
    NotAccepted,
    Put,
    Restored,
    StoreError,
)
from dromon.store.open import open_store
from dromon.testing.clock import FakeClock
from dromon.testing.etcd import Etcd, Tls, program

from .conftest import elapse

needs_etcd = pytest.mark.skipif(program() is None, reason="etcd is not installed (Debian: etcd-server)")
pytestmark = needs_etcd


@asynccontextmanager
async def opened(url: str, clock: FakeClock | None = None) -> AsyncIterator[EtcdStore]:
    store = open_store(url, clock or FakeClock())
    assert isinstance(store, EtcdStore)
    await store.start()
    try:
        yield store
    finally:
        await store.close()


async def test_two_stores_see_each_other(etcd_url: Callable[[], str]) -> None:
    url = etcd_url()
    async with opened(url) as one, opened(url) as other, aclosing(other.watch("", other.revision)) as watch:
        revision = await one.commit([Put("/p/a", b"1", expect=0)])
        stands = await other.get("/p/a")
        assert stands is not None
        assert stands.mod_revision == revision
        assert await other.barrier() >= revision
        with pytest.raises(CompareFailed):
            await other.commit([Put("/p/a", b"2", expect=0)])
        assert (await anext(watch)).revision == revision


async def test_stores_under_other_prefixes_are_not_seen(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as one, opened(etcd_url()) as other:
        await one.commit([Put("/p/a", b"1")])
        assert (await other.list("")).items == []
        await other.restore([], 1)  # it is empty


async def test_an_open_watch_shows_what_a_barrier_promises(etcd_url: Callable[[], str]) -> None:
    """Though the newest revision is another's, of which the watch shows nothing."""
    async with (
        opened(etcd_url()) as one,
        opened(etcd_url()) as foreign,
        aclosing(one.watch("", one.revision)) as watch,
    ):
        waiting = asyncio.ensure_future(anext(watch))
        await foreign.commit([Put("/p/a", b"1")])
        promised = await one.barrier()
        async with asyncio.timeout(10):
            batch = await waiting
            while batch.revision < promised:
                batch = await anext(watch)
        assert batch.changes == ()


async def test_writers_share_transactions(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as store:
        revisions = await asyncio.gather(
            *(store.commit([Put(f"/p/{i}", b"1", expect=0)]) for i in range(300))
        )
        assert len(set(revisions)) == 300
        figures = store.figures()
        assert figures["etcd_commits_total"] == 300
        transactions = figures["etcd_transactions_total"]
        assert isinstance(transactions, float)
        assert transactions < 60
        sizes = figures["dromon_store_commit_batch_size"]
        assert isinstance(sizes, Histogram)
        assert (sizes.count, sizes.sum) == (transactions, 300)


async def test_one_that_fails_does_not_fail_the_others(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as store:
        await asyncio.gather(*(store.commit([Put(f"/p/{i}", b"1")]) for i in range(0, 50, 2)))
        before = store.figures()["etcd_transactions_total"]
        results = await asyncio.gather(
            *(store.commit([Put(f"/p/{i}", b"2", expect=0)]) for i in range(50)), return_exceptions=True
        )
        for i, result in enumerate(results):
            stands = await store.get(f"/p/{i}")
            assert stands is not None
            if i % 2:
                assert result == stands.mod_revision
            else:
                assert isinstance(result, CompareFailed)
                assert result.current == stands
        assert store.figures()["etcd_transactions_total"] - before < 10


async def test_a_write_in_flight_can_be_built_on_once_it_is_known(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as store:
        writing = [asyncio.create_task(store.commit([Put("/p/a", b"%d" % i)])) for i in range(3)]
        await asyncio.sleep(0)
        newest = await store.newest("/p/a")
        assert newest is not None
        assert (newest.value, newest.mod_revision) == (b"2", await writing[2])


async def test_keys_of_one_time_share_a_lease(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as store:
        before = store.revision
        await asyncio.gather(*(store.commit([Put(f"/e/{i}", b"1", ttl=3600)]) for i in range(100)))
        left = await store.expiries()
        assert len(left) == 100
        assert min(left.values()) >= 3590
        assert len(store._leases._leases[3600]) < 10
        assert store.revision > before


async def test_keys_that_end_together_have_revisions_of_their_own(etcd_url: Callable[[], str]) -> None:
    keys = [f"/e/{i}" for i in range(300)]
    assert len({slot(key.encode()) for key in keys}) < 300
    async with opened(etcd_url()) as store:
        after = store.revision
        await asyncio.gather(*(store.commit([Put(key, b"1", ttl=10)]) for key in keys))
        gone: list[Batch] = []
        async with asyncio.timeout(40), aclosing(store.watch("/e/", after)) as watch:
            async for batch in watch:
                gone += [batch] if batch.changes and batch.changes[0].value is None else []
                if sum(len(b.changes) for b in gone) == 300:
                    break
        assert len({b.revision for b in gone}) == 300


async def test_a_lease_that_somebody_revoked_is_replaced(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as store:
        await store.commit([Put("/e/a", b"1", ttl=3600)])
        for lease in store._leases._leases[3600]:
            lease.number += 1
        await store.commit([Put("/e/b", b"1", ttl=3600)])
        assert sorted(await store.expiries()) == ["/e/a", "/e/b"]


async def test_a_value_that_is_too_large_is_refused(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as store:
        with pytest.raises(NotAccepted, match="larger than etcd takes"):
            await store.commit([Put("/p/a", b"x" * (2 << 20))])
        assert store.check() is None
        await store.commit([Put("/p/a", b"x" * (1 << 20))])


async def test_many_large_values_at_once(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as store:
        await asyncio.gather(*(store.commit([Put(f"/p/{i}", b"x" * 200_000)]) for i in range(20)))
        assert len((await store.list("/p/")).items) == 20


async def test_a_long_list_is_of_one_revision(etcd_url: Callable[[], str]) -> None:
    async with opened(etcd_url()) as store:
        await store.restore([Restored(f"/p/{i:05}", b"1", 1, 1) for i in range(5_000)], 1)
        listing = asyncio.ensure_future(store.list("/p/"))
        for i in range(0, 5_000, 500):
            await store.commit([Put(f"/p/{i:05}", b"2"), Put(f"/p/{4_999 - i:05}", b"2")])
        page = await listing
        assert len(page.items) == 5_000
        found = {kv.key: kv.value for kv in page.items}
        assert all(found[f"/p/{i:05}"] == found[f"/p/{4_999 - i:05}"] for i in range(0, 5_000, 500))
        assert (await store.list("/p/", revision=page.revision)).items == page.items


async def test_history_is_cut_whichever_of_two_does_it(etcd_url: Callable[[], str]) -> None:
    url, clock = etcd_url() + "&history=100", FakeClock()
    async with opened(url, clock) as one, opened(url, clock) as other:
        await one.commit([Put("/p/a", b"1")])
        then = one.revision
        await one.commit([Put("/p/a", b"2")])
        for _ in range(40):
            await elapse(clock, 10.0)
            cuts = [s._compactor.compacted for s in (one, other)]
            if max(cuts) > one._layout.split(then)[0]:
                break
        assert max(cuts) > one._layout.split(then)[0]
        with pytest.raises(Compacted):
            await other.list("/p/", revision=then)


async def test_a_restore_that_died_half_way_is_not_served(etcd_url: Callable[[], str]) -> None:
    url = etcd_url()
    async with opened(url) as store, opened(url) as witness:
        key = store._layout.key(STATE)
        await restore_until(store, key)
        # Whoever started before writes no more, and says so.
        with pytest.raises(NotAccepted, match="start anew"):
            await witness.commit([Put("/p/z", b"1")])
        assert "start anew" in (witness.check() or "")
    async with opened(url) as store:
        assert "did not finish" in (store.check() or "")
        with pytest.raises(StoreError, match="did not finish"):
            await store.list("")
        with pytest.raises(NotAccepted, match="did not finish"):
            await store.commit([Put("/p/a", b"1")])
        await store.restore([Restored("/p/b", b"2", 1, 1)], 5)
        assert [kv.key for kv in (await store.list("")).items] == ["/p/b"]
        assert store.check() is None


async def restore_until(store: EtcdStore, key: bytes) -> None:
    """What a restore has done when it is killed after its first group of keys."""
    begun = record.Record(key, restoring=True)
    await store.commit([Put("/half/a", b"1")])
    await store._cluster.write(lambda m: m.kv.Txn, rpc.TxnRequest(success=[begun.put()]))


async def test_revisions_go_on_after_a_restart(etcd_url: Callable[[], str]) -> None:
    url = etcd_url()
    async with opened(url) as store:
        await store.restore([Restored("/p/a", b"1", 1, 1)], 10**9)
        revision = await store.commit([Put("/p/a", b"2")])
        assert revision > 10**9
    async with opened(url) as store:
        assert store.revision >= revision
        stands = await store.get("/p/a")
        assert stands is not None
        assert stands.mod_revision == revision
        assert await store.commit([Put("/p/a", b"3", expect=revision)]) > revision


async def test_a_full_quota_is_said_with_what_to_do(tmp_path: Path) -> None:
    with Etcd(tmp_path, durable=False, arguments=[f"--quota-backend-bytes={16 << 20}"]) as server:
        async with opened(server.url()) as store:
            writes = [store.commit([Put(f"/p/{i}", b"x" * (1 << 20))]) for i in range(60)]
            with pytest.raises(NotAccepted, match=r"no space left .* defragment .* disarm"):
                await one_by_one(writes)
            await store._monitor.look()
            assert "no space left" in (store.check() or "")
            assert store.figures()["etcd_alarm"] == 1
            assert store.figures()["etcd_db_total_size_in_bytes"] > 8 << 20
            # What frees space is let through.
            await store.commit([Delete("/p/0")])
            assert await store.get("/p/0") is None


async def test_tls_with_client_certificates(tmp_path: Path) -> None:
    authority = Authority.ensure(tmp_path, time.time())
    member = authority.peer("etcd", common_name="etcd", names=["127.0.0.1"])
    client = authority.client("client", user="apiserver")
    ca_file = str(authority.ca_file)
    tls = Tls(ca_file, str(member.certificate), str(member.key))
    names = {"ca_file": ca_file, "cert_file": str(client.certificate), "key_file": str(client.key)}
    with Etcd(tmp_path, durable=False, tls=tls) as server:
        async with opened(server.url(**names)) as store:
            revision = await store.commit([Put("/p/a", b"1", expect=0)])
            assert store.revision >= revision
            await store._monitor.look()
            assert store.figures()["etcd_members_answering"] == 1
        stranger = open_store(server.url(ca_file=ca_file), FakeClock())
        with pytest.raises(StoreError, match="no member of the etcd cluster can be reached"):
            await stranger.start()


async def one_by_one(writes: list[Coroutine[Any, Any, int]]) -> None:
    """Await them in order; those after the first that fails are not begun."""
    try:
        while writes:
            await writes.pop(0)
    finally:
        for write in writes:
            write.close()
