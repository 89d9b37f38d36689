"""The pure parts of the etcd store: revisions and slots, what errors prove, batches of events."""

from __future__ import annotations

import pytest
from aetcd import rpc
from grpc import StatusCode
from hypothesis import given
from hypothesis import strategies as st

from dromon.store.etcd.events import batches
from dromon.store.etcd.failures import Proof, explain, proof
from dromon.store.etcd.layout import WHOLE, Layout, after, slot
from dromon.store.etcd.txn import LIMIT, commit, expected
from dromon.store.interface import Change, Put

KEY = b"/registry/core/pods/default/a"


def test_a_key_s_slot_never_changes() -> None:
    """Clients remember revisions, and slots are part of them."""
    assert [slot(KEY), slot(b""), slot(b"/registry/core/nodes/node-1")] == [3665, 0, 3330]


@given(st.binary(), st.integers(1, 2**40), st.integers(0, 2**40))
def test_revisions_go_there_and_back(key: bytes, revision: int, offset: int) -> None:
    layout = Layout(b"/p", offset)
    shown = layout.shown(b"/p" + key, revision)
    assert layout.split(shown) == (revision, slot(key))
    assert layout.whole(revision - 1) < shown < layout.whole(revision)
    assert layout.split(layout.whole(revision)) == (revision, WHOLE)


@given(st.binary(), st.binary(), st.binary())
def test_what_comes_after_a_prefix(prefix: bytes, below: bytes, other: bytes) -> None:
    end = after(prefix)
    assert end == b"\0" or prefix + below < end
    if end != b"\0" and prefix <= other < end:
        assert other.startswith(prefix)


def test_a_revision_that_the_key_can_t_have_is_never_there() -> None:
    layout = Layout(b"", 5)
    shown = layout.shown(KEY, 7)
    assert expected(shown, KEY, layout) == 7
    assert expected(0, KEY, layout) == 0
    for wrong in (shown + 1, shown - 1, layout.whole(7), 3, layout.shown(KEY, -2)):
        assert expected(wrong, KEY, layout) > 2**62


@pytest.mark.parametrize("ops", [[Put("/a", b""), Put("/a", b"")], [Put("/dromon/store", b"")]])
def test_commits_that_can_t_be(ops: list[Put]) -> None:
    with pytest.raises(ValueError, match="a transaction names"):
        commit(ops, Layout(b"/x"))


def test_a_commit_has_its_limit() -> None:
    ops = [Put(f"/{i}", b"") for i in range(LIMIT)]
    assert len(commit(ops[:-1], Layout()).keys) == LIMIT - 1
    with pytest.raises(ValueError, match="127 at most"):
        commit(ops, Layout())


@pytest.mark.parametrize(
    ("code", "text", "found"),
    [
        (StatusCode.UNAVAILABLE, "etcdserver: no leader", Proof.NOT_APPLIED),
        (StatusCode.UNAVAILABLE, "etcdserver: request timed out", Proof.UNKNOWN),
        (StatusCode.UNAVAILABLE, "etcdserver: leader changed", Proof.UNKNOWN),
        (StatusCode.UNAVAILABLE, "Socket closed", Proof.UNKNOWN),
        (StatusCode.UNAVAILABLE, "failed to connect to all addresses; last error: x", Proof.NOT_APPLIED),
        (StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded", Proof.UNKNOWN),
        (StatusCode.UNKNOWN, "raft proposal dropped", Proof.NOT_APPLIED),
        (StatusCode.RESOURCE_EXHAUSTED, "etcdserver: too many requests", Proof.BUSY),
        (StatusCode.RESOURCE_EXHAUSTED, "etcdserver: mvcc: database space exceeded", Proof.REFUSED),
        (StatusCode.NOT_FOUND, "etcdserver: requested lease not found", Proof.NO_LEASE),
        (StatusCode.OUT_OF_RANGE, "etcdserver: mvcc: required revision has been compacted", Proof.COMPACTED),
        (StatusCode.CANCELLED, None, Proof.UNKNOWN),
    ],
)
def test_what_an_error_proves(code: StatusCode, text: str | None, found: Proof) -> None:
    assert proof(code, text) is found
    assert explain(code, text)


def _put(key: bytes, created: int, revision: int, previous: bytes | None = None) -> object:
    kv = rpc.KeyValue(key=key, value=b"v", create_revision=created, mod_revision=revision)
    event = rpc.Event(kv=kv)
    if previous is not None:
        event.prev_kv.CopyFrom(rpc.KeyValue(key=key, value=previous, create_revision=created))
    return event


@given(st.sets(st.sampled_from([b"/p/%d" % i for i in range(50)]), min_size=1), st.data())
def test_a_transaction_s_events_are_shown_one_by_one(keys: set[bytes], data: st.DataObject) -> None:
    layout = Layout()
    events = [_put(key, 3, 3) for key in data.draw(st.permutations(sorted(keys)))]
    found = list(batches(events, layout, "", 0))
    assert [b.revision for b in found] == sorted({layout.shown(k, 3) for k in keys})
    assert sorted(c.key.encode() for b in found for c in b.changes) == sorted(keys)
    for seen in found:
        rest = list(batches(events, layout, "", seen.revision))
        assert rest == [b for b in found if b.revision > seen.revision]


def test_events_of_others_are_not_shown() -> None:
    layout = Layout(b"/x")
    events = [
        _put(b"/x/dromon/store", 2, 2),
        _put(b"/x/q/a", 3, 3),
        _put(b"/x/p/a", 2, 4, b"old"),
    ]
    (batch,) = batches(events, layout, "/p/", 0)
    shown = layout.shown(b"/x/p/a", 2)
    assert batch.changes == (Change("/p/a", b"v", b"old", shown),)
