"""Commits as etcd transactions, and what became of each. Pure.

Every commit is a transaction of its own inside the shared one (nested transactions, etcd >= 3.3): its
compares decide about it alone, so that one that fails neither fails the others nor costs a second round trip.
The shared one compares the store's own record, so that nothing is written while a restore is under way.

Neighbours: writer sends what this makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aetcd import rpc

from dromon.store.etcd.layout import PROGRESS, Layout
from dromon.store.interface import CompareFailed, Delete, KeyValue, Op

LIMIT = 128
"""etcd's --max-txn-ops: a transaction's operations and those of any one inside it, together."""

_NEVER = (1 << 63) - 1  # no key's revision


@dataclass(frozen=True, slots=True)
class Commit:
    """One caller's operations.

    Attributes:
        keys: in etcd, in the order of `ops`.
        size: bytes of keys and values.
    """

    ops: tuple[Op, ...]
    keys: tuple[bytes, ...]
    size: int


def commit(ops: Sequence[Op], layout: Layout) -> Commit:
    """Check what can be checked here.

    Raises:
        ValueError: a key stands twice or is the store's own, or there are too many for one transaction.
    """
    keys = tuple(layout.key(op.key) for op in ops)
    if len(set(keys)) != len(keys):
        raise ValueError("a transaction names a key twice")
    if len(keys) >= LIMIT:
        raise ValueError(f"a transaction of {len(keys)} keys: etcd takes {LIMIT - 1} at most")
    if any(layout.own(k) for k in keys):
        raise ValueError("a transaction names a key of the store's own")
    size = sum(len(k) for k in keys) + sum(len(op.value) for op in ops if not isinstance(op, Delete))
    return Commit(tuple(ops), keys, size)


def shared(commits: Sequence[Commit], leases: Mapping[bytes, int], guard: Any, layout: Layout) -> Any:
    """One TxnRequest for all.

    Args:
        leases: by key, of those with a time to live.
        guard: the compare without which nothing is done.
    """
    inner = [rpc.RequestOp(request_txn=_one(c, leases, layout)) for c in commits]
    if all(isinstance(op, Delete) for c in commits for op in c.ops):
        return rpc.TxnRequest(compare=[guard], success=inner)
    # etcd holds transactions that put nothing to no quota, and does not see what is put by the ones inside.
    # So there is a put where only he gets who is refused, of a key that means nothing.
    weight = rpc.RequestOp(request_put=rpc.PutRequest(key=layout.key(PROGRESS)))
    return rpc.TxnRequest(compare=[guard], success=inner, failure=[weight])


def _one(commit: Commit, leases: Mapping[bytes, int], layout: Layout) -> Any:
    compares, puts, reads = [], [], []
    for op, key in zip(commit.ops, commit.keys, strict=True):
        if (compare := _compare(op, key, layout)) is not None:
            compares.append(compare)
            reads.append(rpc.RequestOp(request_range=rpc.RangeRequest(key=key)))
        if isinstance(op, Delete):
            puts.append(rpc.RequestOp(request_delete_range=rpc.DeleteRangeRequest(key=key)))
        else:
            lease = 0 if op.ttl is None else leases[key]
            puts.append(rpc.RequestOp(request_put=rpc.PutRequest(key=key, value=op.value, lease=lease)))
    return rpc.TxnRequest(compare=compares, success=puts, failure=reads)


def _compare(op: Op, key: bytes, layout: Layout) -> Any | None:
    if op.expect == 0 and isinstance(op, Delete):
        return mod_revision(key, _NEVER)
    if op.expect is not None:
        return mod_revision(key, expected(op.expect, key, layout))
    if isinstance(op, Delete):
        return rpc.Compare(key=key, target=rpc.Compare.MOD, result=rpc.Compare.GREATER, mod_revision=0)
    return None


def mod_revision(key: bytes, revision: int) -> Any:
    """The compare that a key has etcd's `revision`; 0: that it does not exist."""
    return rpc.Compare(key=key, target=rpc.Compare.MOD, result=rpc.Compare.EQUAL, mod_revision=revision)


def expected(shown: int, key: bytes, layout: Layout) -> int:
    """etcd's revision for an `expect`: what was never shown of this key is what it never has."""
    if shown == 0:
        return 0
    revision, slot = layout.split(shown)
    return revision if revision > 0 and slot == layout.slot(key) else _NEVER


def key_value(kv: Any, layout: Layout) -> KeyValue:
    """An etcd KeyValue as the store shows it."""
    return KeyValue(
        layout.name(kv.key),
        kv.value,
        layout.shown(kv.key, kv.create_revision),
        layout.shown(kv.key, kv.mod_revision),
    )


def outcomes(commits: Sequence[Commit], answer: Any, layout: Layout) -> list[int | CompareFailed]:
    """What became of each: the revision of its first key, or why it failed."""
    found: list[int | CompareFailed] = []
    for made, response in zip(commits, answer.responses, strict=True):
        inner = response.response_txn
        if inner.succeeded:
            found.append(layout.shown(made.keys[0], answer.header.revision))
        else:
            found.append(_failure(made, inner, layout))
    return found


def _failure(made: Commit, inner: Any, layout: Layout) -> CompareFailed:
    """The first operation whose expectation does not hold, as the embedded stores say it."""
    reads = iter(inner.responses)
    for op, key in zip(made.ops, made.keys, strict=True):
        if op.expect is None and not isinstance(op, Delete):
            continue
        kvs = next(reads).response_range.kvs
        stands = kvs[0].mod_revision if kvs else 0
        wrong = stands == 0 if op.expect is None else stands != expected(op.expect, key, layout)
        # A deletion of what is not there fails even where its absence was expected.
        if wrong or (isinstance(op, Delete) and stands == 0):
            return CompareFailed(op.key, key_value(kvs[0], layout) if kvs else None)
    raise AssertionError("etcd failed a transaction all of whose compares hold")
