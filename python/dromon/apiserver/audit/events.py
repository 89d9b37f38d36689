"""Audit events as upstream's tools read them: audit.k8s.io/v1 Event at level Metadata.

Source: Kubernetes API reference, "kube-apiserver Audit Configuration (v1)". Every event has its latency, as
the annotation that upstream puts on slow requests (apiserver.latency.k8s.io/total).

Neighbours: log hands records in; dromon.apiserver.observe makes them.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from dromon.api import times
from dromon.apiserver.authn import User
from dromon.apiserver.routes import Route

STARTED = "ResponseStarted"
COMPLETE = "ResponseComplete"
CLIENT_LEFT = 499
"""The code of a request whose client left before the answer; what it did may have taken effect."""


@dataclass(frozen=True, slots=True)
class Record:
    """What the event loop notes about a request; everything else is made of it later.

    Attributes:
        audit_id: as the answer's Audit-Id header has it.
        stage: STARTED for streams as they begin, COMPLETE at the end of everything.
        received, staged: seconds since the epoch: when the request came, and when this stage was.
        elapsed: seconds between them, by the monotonic clock.
        verb: the API's verb, or the HTTP method in lower case where the path names no resource.
        target: the request's target as it came.
        route: None where the path names no resource.
        code: HTTP status.
        made: the answer to a creation, from which its name is read; b"" for everything else.
        reason: of a refusal.
    """

    audit_id: str
    stage: str
    received: float
    staged: float
    elapsed: float
    verb: str
    target: str
    user: User
    peer: str
    agent: str
    route: Route | None
    code: int
    made: bytes = b""
    reason: str = ""


class _User(msgspec.Struct, omit_defaults=True):
    username: str
    uid: str = ""
    groups: tuple[str, ...] = ()


class _Object(msgspec.Struct, omit_defaults=True, rename="camel"):
    resource: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_group: str = ""
    api_version: str = ""
    resource_version: str = ""
    subresource: str = ""


class _Status(msgspec.Struct, omit_defaults=True):
    metadata: dict[str, str]
    status: str = ""
    reason: str = ""
    code: int = 0


class Event(msgspec.Struct, rename="camel"):
    """The wire form."""

    stage: str
    verb: str
    user: _User
    user_agent: str
    response_status: _Status
    request_received_timestamp: str
    stage_timestamp: str
    annotations: dict[str, str]
    audit_id: str = msgspec.field(name="auditID")
    request_uri: str = msgspec.field(name="requestURI")
    source_ips: list[str] = msgspec.field(name="sourceIPs")
    object_ref: _Object | msgspec.UnsetType = msgspec.UNSET
    kind: str = "Event"
    api_version: str = "audit.k8s.io/v1"
    level: str = "Metadata"


class _Meta(msgspec.Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Made(msgspec.Struct):
    metadata: _Meta


def line(record: Record) -> bytes:
    """The record as one line of JSON, with its newline."""
    return msgspec.json.encode(event(record)) + b"\n"


def event(record: Record) -> Event:
    """The record as an event."""
    user, code = record.user, record.code
    return Event(
        audit_id=record.audit_id,
        stage=record.stage,
        request_uri=record.target,
        verb=record.verb,
        user=_User(user.name, user.uid, user.groups),
        source_ips=[record.peer] if record.peer else [],
        user_agent=record.agent,
        response_status=_Status({}, "" if code < 400 else "Failure", record.reason, code),
        request_received_timestamp=times.micro(record.received),
        stage_timestamp=times.micro(record.staged),
        annotations={"apiserver.latency.k8s.io/total": f"{record.elapsed * 1000:.3f}ms"},
        object_ref=_object(record) if record.route is not None else msgspec.UNSET,
    )


def _object(record: Record) -> _Object:
    route = record.route
    assert route is not None
    made = _made(record.made)
    r = route.resource
    return _Object(
        resource=r.plural,
        namespace=route.namespace or made.namespace,
        name=route.name or made.name,
        uid=made.uid,
        api_group=r.group,
        api_version=r.version,
        resource_version=made.resource_version,
        subresource=route.subresource,
    )


def _made(body: bytes) -> _Meta:
    """What a creation was answered with; empty for lists of answers and for protobuf."""
    if not body:
        return _Meta()
    decode = msgspec.json.decode if body.startswith(b"{") else msgspec.msgpack.decode
    try:
        return decode(body, type=_Made).metadata
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _Meta()
