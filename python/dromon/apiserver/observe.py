"""What is noted about every request: counts and times for /metrics, records for the audit log.

Neighbours: handler fills a Seen on the request's way and hands it in with the answer; metrics.requests
counts, audit.log writes.
"""

from __future__ import annotations

import time
import uuid
from random import Random

from dromon.apiserver.audit.events import CLIENT_LEFT, COMPLETE, STARTED, Record
from dromon.apiserver.audit.log import AuditLog
from dromon.apiserver.authn import ANONYMOUS
from dromon.apiserver.metrics.requests import Requests
from dromon.apiserver.routes import Route
from dromon.base.clock import Clock
from dromon.base.http.messages import Reply, Request, Response, StreamResponse, UpgradeResponse

_LARGEST_MADE = 64 * 1024  # longer answers to creations are not kept for the audit log's sake


class Seen:
    """One request, as far as is known by now."""

    __slots__ = ("reason", "route", "start", "user", "verb")

    def __init__(self) -> None:
        self.start = time.perf_counter()
        self.user = ANONYMOUS
        self.verb = ""
        self.route: Route | None = None
        self.reason = ""


class Observer:
    """See the module.

    Args:
        requests: where they are counted.
        audit: None: no audit log is kept.
        clock: stamps audit records.
        random: makes their ids.
    """

    def __init__(self, requests: Requests, audit: AuditLog | None, clock: Clock, random: Random) -> None:
        self.requests = requests
        self._audit = audit
        self._clock = clock
        self._random = random

    def answered(self, seen: Seen, request: Request, answer: Reply) -> Reply:
        """Note the answer; what to send (with its Audit-Id, where there is an audit log)."""
        verb = seen.verb or request.method.lower()
        elapsed = time.perf_counter() - seen.start
        whole = isinstance(answer, Response)
        code = 101 if isinstance(answer, UpgradeResponse) else answer.status
        self.requests.add(verb, seen.route, request.path, code, elapsed if whole else None)
        if self._audit is not None and (seen.route is not None or not _is_health(request.path)):
            self._record(self._audit, seen, request, answer, verb, elapsed)
        return answer

    def left(self, seen: Seen, request: Request) -> None:
        """Note that the client left before it was answered."""
        verb = seen.verb or request.method.lower()
        elapsed = time.perf_counter() - seen.start
        self.requests.add(verb, seen.route, request.path, CLIENT_LEFT, elapsed)
        if self._audit is not None:
            self._audit.add(self._make(seen, request, self._id(), COMPLETE, CLIENT_LEFT, elapsed))

    def _record(
        self, audit: AuditLog, seen: Seen, request: Request, answer: Reply, verb: str, elapsed: float
    ) -> None:
        audit_id = self._id()
        answer.headers = {**answer.headers, "Audit-Id": audit_id}
        if isinstance(answer, Response):
            body = answer.body
            made = body if verb == "create" and answer.status == 201 and len(body) <= _LARGEST_MADE else b""
            audit.add(self._make(seen, request, audit_id, COMPLETE, answer.status, elapsed, made))
            return
        code = 101 if isinstance(answer, UpgradeResponse) else answer.status
        audit.add(self._make(seen, request, audit_id, STARTED, code, elapsed))
        if isinstance(answer, StreamResponse):
            produce = answer.producer

            async def audited(stream: object) -> None:
                try:
                    await produce(stream)  # type: ignore[arg-type]
                finally:
                    end(code)

            answer.producer = audited
        else:
            handle = answer.handler

            async def tunnelled(tunnel: object) -> None:
                try:
                    await handle(tunnel)  # type: ignore[arg-type]
                finally:
                    end(code)

            answer.handler = tunnelled

        def end(code: int) -> None:
            elapsed = time.perf_counter() - seen.start
            audit.add(self._make(seen, request, audit_id, COMPLETE, code, elapsed))

    def _make(
        self,
        seen: Seen,
        request: Request,
        audit_id: str,
        stage: str,
        code: int,
        elapsed: float,
        made: bytes = b"",
    ) -> Record:
        now = self._clock.now()
        return Record(
            audit_id=audit_id,
            stage=stage,
            received=now - elapsed,
            staged=now,
            elapsed=elapsed,
            verb=seen.verb or request.method.lower(),
            target=request.target,
            user=seen.user,
            peer=request.peer,
            agent=request.headers.get("user-agent"),
            route=seen.route,
            code=code,
            made=made,
            reason=seen.reason,
        )

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))


def _is_health(path: str) -> bool:
    """Whether it is a path that probes ask all the time, which says nothing about anybody."""
    return path.startswith(("/healthz", "/livez", "/readyz"))
