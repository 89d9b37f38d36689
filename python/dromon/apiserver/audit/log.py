"""From the event loop to the audit log's file: a bounded queue and a thread.

The event loop never waits for the disk. When the disk fails, or records come faster than it takes them,
records are lost, counted and told in the server's log, and requests go on.

Neighbours: dromon.apiserver.observe adds records; events makes lines of them; files has the file.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from dromon.apiserver.audit.events import Record, line
from dromon.apiserver.audit.files import LogFile
from dromon.base.clock import Clock

log = logging.getLogger(__name__)

QUEUE = 20_000
"""Records that may wait for the disk."""

_CHUNK = 500  # records that are written at once


class AuditLog:
    """Takes records from one event loop.

    Args:
        file: where they go; closed by `close`.
        clock: names files that are set aside.
        limit: how many records may wait.
        format: a record as its line.

    Attributes:
        written, lost: records so far.
    """

    def __init__(
        self, file: LogFile, clock: Clock, limit: int = QUEUE, format: Callable[[Record], bytes] = line
    ) -> None:
        self._file = file
        self._clock = clock
        self._limit = limit
        self._format = format
        self._records: deque[Record] = deque()
        self._wake = threading.Event()
        self._reopen = False
        self._closing = False
        self._failing = False
        self.written = 0
        self.lost = 0
        self._thread = threading.Thread(target=self._run, name="audit-log", daemon=True)
        self._thread.start()

    def add(self, record: Record) -> None:
        """Queue a record; it is lost when too many wait."""
        if len(self._records) >= self._limit:
            self._lose(1, "records come faster than the disk takes them")
            return
        self._records.append(record)
        if not self._wake.is_set():
            self._wake.set()

    def reopen(self) -> None:
        """Go on in a file of the same name (after SIGHUP)."""
        self._reopen = True
        self._wake.set()

    def close(self) -> None:
        """Write what waits, and end. Blocks for as long as the disk takes."""
        self._closing = True
        self._wake.set()
        self._thread.join()
        self._file.close()

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            closing = self._closing
            if self._reopen:
                self._reopen = False
                self._attempt(self._file.reopen, 0)
            while self._records:
                chunk = [self._records.popleft() for _ in range(min(len(self._records), _CHUNK))]
                data = b"".join(map(self._format, chunk))
                now = self._clock.now()
                self._attempt(lambda data=data, now=now: self._file.write(data, now), len(chunk))  # type: ignore[misc]
            if closing:
                return

    def _attempt(self, act: Callable[[], None], records: int) -> None:
        try:
            act()
        except OSError as error:
            self._lose(records, str(error))
            return
        self.written += records
        if self._failing and records:
            self._failing = False
            log.warning("audit log is written again; records lost so far: %d", self.lost)

    def _lose(self, records: int, why: str) -> None:
        self.lost += records
        if not self._failing:
            self._failing = True
            log.error("audit records are being lost: %s", why)
