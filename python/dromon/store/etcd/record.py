"""The store's own record in etcd: how revisions go on from an earlier store's, and whether it may be used.

Every write compares the record's revision, so from the moment in which a restore begins nobody who started
before it writes any more, and what a restore left half done is never served.

Neighbours: store reads it at its start, writer compares it, restore changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from aetcd import rpc

from dromon.store.etcd.cluster import Cluster
from dromon.store.etcd.layout import STATE
from dromon.store.etcd.txn import mod_revision
from dromon.store.interface import StoreError

HALF_RESTORED = (
    "a restore into this etcd store is under way or did not finish: wait for it, or restore again, "
    "which begins anew"
)


class _Wire(msgspec.Struct, omit_defaults=True):
    offset: int = 0
    restoring: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """Attributes:
    key: in etcd.
    revision: etcd's, of the record; 0: there is none, the store is as etcd has it.
    offset: is added to etcd's revisions.
    restoring: the store is not whole.
    """

    key: bytes
    revision: int = 0
    offset: int = 0
    restoring: bool = False

    def guard(self) -> Any:
        """The compare that holds as long as this record stands."""
        return mod_revision(self.key, self.revision)

    def put(self) -> Any:
        """The operation that writes it."""
        value = msgspec.json.encode(_Wire(self.offset, self.restoring))
        return rpc.RequestOp(request_put=rpc.PutRequest(key=self.key, value=value))


async def read(cluster: Cluster, prefix: bytes) -> tuple[Record, int]:
    """The record and etcd's newest revision.

    Raises:
        Unavailable; StoreError where the record is not one of ours.
    """
    key = prefix + STATE.encode()
    answer = await cluster.read(lambda m: m.kv.Range, rpc.RangeRequest(key=key))
    newest = int(answer.header.revision)
    if not answer.kvs:
        return Record(key), newest
    try:
        wire = msgspec.json.decode(answer.kvs[0].value, type=_Wire)
    except msgspec.MsgspecError as error:
        raise StoreError(f"etcd's key {key.decode()} is not of this store: {error}") from None
    return Record(key, int(answer.kvs[0].mod_revision), wire.offset, wire.restoring), newest
