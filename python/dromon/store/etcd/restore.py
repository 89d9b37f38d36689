"""Filling an empty store, so that it is served whole or not at all.

The record says that a restore is under way before anything is written, and that it is done after everything
was; in between every other process's writes are refused by their compare, and nobody serves what is there.

Neighbours: store calls it; record is what it changes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

from aetcd import rpc

from dromon.store.etcd.cluster import CallFailed, Cluster
from dromon.store.etcd.layout import OWN, SLOTS, Layout, after
from dromon.store.etcd.leases import Leases
from dromon.store.etcd.record import HALF_RESTORED, Record
from dromon.store.interface import NotEmpty, Restored, StoreError, Unavailable

_TOGETHER = 100  # keys in one transaction
_BYTES = 1 << 20  # in one transaction


async def restore(
    cluster: Cluster, stands: Record, prefix: bytes, items: Sequence[Restored], revision: int
) -> tuple[Record, int]:
    """As Store.restore; the new record, and etcd's newest revision.

    Args:
        stands: the record as it is; one that says "restoring" has what is there deleted first.
    """
    if not stands.restoring and not await _empty(cluster, prefix):
        raise NotEmpty("the etcd store is not empty: restore to an empty one, or under another prefix")
    begun = await _change(cluster, stands, replace(stands, restoring=True))
    if stands.restoring:
        await _clear(cluster, prefix, begun)
    elif not await _empty(cluster, prefix):  # somebody wrote before the record stopped him
        await _change(cluster, begun, replace(begun, restoring=False))
        raise NotEmpty("the etcd store is not empty: something else writes to it")
    leases = Leases(cluster, Layout(prefix))
    first = 0
    for group in _groups(items):
        puts = [await _put(leases, prefix, item) for item in group]
        answer = await _write(cluster, begun, puts)
        first = first or answer.header.revision
    # The first of these revisions must be greater than `revision`.
    offset = max(begun.offset, ceil((revision + 1) / SLOTS) - (first or begun.revision))
    done = await _change(cluster, begun, Record(begun.key, offset=offset))
    with contextlib.suppress(CallFailed):  # it was sent twice
        await cluster.write(lambda m: m.kv.Compact, rpc.CompactionRequest(revision=done.revision))
    return done, done.revision


async def _change(cluster: Cluster, stands: Record, wanted: Record) -> Record:
    answer = await _write(cluster, stands, [wanted.put()])
    return replace(wanted, revision=int(answer.header.revision))


async def _write(cluster: Cluster, stands: Record, ops: Sequence[Any]) -> Any:
    request = rpc.TxnRequest(compare=[stands.guard()], success=ops)
    try:
        answer = await cluster.write(lambda m: m.kv.Txn, request)
    except CallFailed as error:
        raise Unavailable(str(error)) from None
    if not answer.succeeded:
        raise StoreError(f"another process restores to this store, too; {HALF_RESTORED}")
    return answer


async def _put(leases: Leases, prefix: bytes, item: Restored) -> Any:
    key = prefix + item.key.encode()
    lease = 0 if item.ttl is None else await leases.get(ceil(max(item.ttl, 1.0)), key)
    put = rpc.PutRequest(key=key, value=item.value, lease=lease)
    return rpc.RequestOp(request_put=put)


def _groups(items: Sequence[Restored]) -> Iterator[list[Restored]]:
    group: list[Restored] = []
    size = 0
    # In the order of their revisions, as they came about.
    for item in sorted(items, key=lambda i: i.mod_revision):
        if group and (len(group) == _TOGETHER or size + len(item.value) > _BYTES):
            yield group
            group, size = [], 0
        group.append(item)
        size += len(item.key) + len(item.value)
    if group:
        yield group


def _ranges(prefix: bytes) -> list[tuple[bytes, bytes]]:
    """All that is below the prefix but the store's own."""
    own = prefix + OWN.encode()
    return [(prefix or b"\0", own), (after(own), after(prefix))]


async def _empty(cluster: Cluster, prefix: bytes) -> bool:
    for key, end in _ranges(prefix):
        request = rpc.RangeRequest(key=key, range_end=end, count_only=True)
        if (await cluster.read(lambda m: m.kv.Range, request)).count:
            return False
    return True


async def _clear(cluster: Cluster, prefix: bytes, begun: Record) -> None:
    ops = [
        rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key, range_end=end))
        for key, end in _ranges(prefix)
    ]
    await _write(cluster, begun, ops)
