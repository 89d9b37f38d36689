"""What guards and watches every request: flow control, bounds on streams, metrics, the audit log.

Neighbours: server makes one and closes it; handler uses its parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from dromon.api.kinds import RESOURCES
from dromon.apiserver.audit.files import LogFile, Rotation
from dromon.apiserver.audit.log import AuditLog
from dromon.apiserver.config import ApiServerConfig
from dromon.apiserver.flowcontrol.gate import Gate
from dromon.apiserver.flowcontrol.pace import Pace
from dromon.apiserver.flowcontrol.queues import Bounds
from dromon.apiserver.flowcontrol.streams import Streams
from dromon.apiserver.metrics.exposition import Exposition
from dromon.apiserver.metrics.requests import Requests
from dromon.apiserver.observe import Observer
from dromon.base.clock import Clock
from dromon.base.http.server import HttpServer
from dromon.store.cache import CachedStore

if TYPE_CHECKING:
    from dromon.apiserver.metrics.families import Sources


class Operations:
    """See the module.

    Args:
        config: bounds, and the audit log's file.
        store: whose figures are shown.
        http: gives the server, once it is made.
        clock: waits and stamps.

    Attributes:
        gate: who is served next.  streams: who may stream.  strangers: the pace of refusing them.
        observer: notes every request.  metrics: answers /metrics.

    Raises:
        OSError: the audit log can't be opened.
    """

    def __init__(
        self, config: ApiServerConfig, store: CachedStore, http: Callable[[], HttpServer], clock: Clock
    ) -> None:
        self.gate = Gate(clock, Bounds(seats=config.max_requests_inflight))
        self.streams = Streams(config.max_watches)
        self.strangers = Pace(clock)
        self._audit = _audit_log(config, clock)
        requests = Requests()
        self.observer = Observer(requests, self._audit, clock, Random())  # noqa: S311 - ids, no secrets

        def sources() -> Sources:
            from dromon.apiserver.metrics.families import Sources  # takes the client library along

            return Sources(requests, self.gate, self.streams, store, RESOURCES, self._audit, http)

        self.metrics = Exposition(sources)

    def reopen(self) -> None:
        """Go on in a new file of the audit log, after the old one was moved away."""
        if self._audit is not None:
            self._audit.reopen()

    async def close(self) -> None:
        """Write what the audit log still has to."""
        self.gate.close()
        if self._audit is not None:
            await asyncio.to_thread(self._audit.close)


def _audit_log(config: ApiServerConfig, clock: Clock) -> AuditLog | None:
    if not config.audit_log:
        return None
    rotation = Rotation(config.audit_log_maxsize, config.audit_log_maxbackup, config.audit_log_maxage)
    return AuditLog(LogFile(config.audit_log, rotation), clock)
