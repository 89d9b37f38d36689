"""What an etcd member's error proves. Pure.

The question that matters: can the request have taken effect? Only errors that rule it out let a write be
sent again. Sources: etcd's api/v3rpc/rpctypes/error.go and server/etcdserver/errors.go (texts and codes, the
same in v3.4 and v3.5); gRPC's core for what it says of connections.

Neighbours: cluster decides by it whether to try another member.
"""

from __future__ import annotations

import enum
from typing import Any

from grpc import StatusCode


class Proof(enum.Enum):
    """What is known of a request that failed."""

    NOT_APPLIED = "it took no effect, and another member, or this one later, may do it"
    BUSY = "it took no effect; the member has too much to do"
    REFUSED = "it took no effect, and would be refused again"
    UNKNOWN = "it may have taken effect, or may yet"
    COMPACTED = "the revision is compacted"
    FUTURE = "the revision is yet to come"
    NO_LEASE = "it took no effect: its lease is gone"


NO_SPACE = (
    "etcd has no space left within its quota: compact its history, defragment every member "
    "(etcdctl defrag) and disarm the alarm (etcdctl alarm disarm), or raise --quota-backend-bytes"
)
TOO_LARGE = "the write is larger than etcd takes (--max-request-bytes, 1.5 MiB by default)"

# Texts are compared from the start: members add details behind some.
_BY_TEXT = (
    ("etcdserver: mvcc: required revision has been compacted", Proof.COMPACTED),
    ("etcdserver: mvcc: required revision is a future revision", Proof.FUTURE),
    ("etcdserver: requested lease not found", Proof.NO_LEASE),
    ("etcdserver: mvcc: database space exceeded", Proof.REFUSED),
    ("etcdserver: request is too large", Proof.REFUSED),
    ("grpc: received message larger than max", Proof.REFUSED),
    ("etcdserver: corrupt cluster", Proof.REFUSED),
    ("etcdserver: permission denied", Proof.REFUSED),
    ("etcdserver: user name is empty", Proof.REFUSED),
    ("etcdserver: invalid auth token", Proof.REFUSED),
    # Said before the request is proposed: by the interceptor, the queue's bound, and raft.
    ("etcdserver: no leader", Proof.NOT_APPLIED),
    ("etcdserver: too many requests", Proof.BUSY),
    ("etcdserver: rpc not supported for learner", Proof.NOT_APPLIED),
    ("raft proposal dropped", Proof.NOT_APPLIED),
    ("etcdserver: not capable", Proof.NOT_APPLIED),
    # No connection was ever made.
    ("failed to connect to all addresses", Proof.NOT_APPLIED),
    ("DNS resolution failed", Proof.NOT_APPLIED),
    ("Name resolution failed", Proof.NOT_APPLIED),
)
_BY_CODE = {
    StatusCode.INVALID_ARGUMENT: Proof.REFUSED,
    StatusCode.UNIMPLEMENTED: Proof.REFUSED,
    StatusCode.PERMISSION_DENIED: Proof.REFUSED,
    StatusCode.UNAUTHENTICATED: Proof.REFUSED,
    StatusCode.FAILED_PRECONDITION: Proof.REFUSED,
}


def proof(code: Any, details: str | None) -> Proof:
    """What an RPC's status says of the request."""
    text = details or ""
    for beginning, found in _BY_TEXT:
        if text.startswith(beginning):
            return found
    return _BY_CODE.get(code, Proof.UNKNOWN)


def explain(code: Any, details: str | None) -> str:
    """The status for people: what etcd said, or what to do where that is known."""
    text = details or ""
    if text.startswith("etcdserver: mvcc: database space exceeded"):
        return NO_SPACE
    if text.startswith(("etcdserver: request is too large", "grpc: received message larger than max")):
        return TOO_LARGE
    return text or str(getattr(code, "name", code))
