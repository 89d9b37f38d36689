"""Logging as key=value lines on stderr, one a record, so that people and tools can both read them.

Neighbours: every component's main calls `setup` once; everything else uses logging.getLogger(__name__).
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TextIO

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """`time=… level=… component=… logger=… msg="…"` and what `extra={...}` brought; tracebacks follow."""

    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def format(self, record: logging.LogRecord) -> str:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = [
            f"time={stamp}.{int(record.msecs):03d}Z",
            f"level={record.levelname.lower()}",
            f"component={quote(self._component)}",
            f"logger={quote(record.name.removeprefix('dromon.'))}",
            f"msg={quote(record.getMessage())}",
        ]
        fields += [f"{k}={quote(str(v))}" for k, v in vars(record).items() if k not in _STANDARD]
        line = " ".join(fields)
        if record.exc_info and record.exc_info[0] is not None:
            line += "\n" + self.formatException(record.exc_info)
        return line


def quote(value: str) -> str:
    """The value as it stands, or in double quotes where it would not be one word."""
    if value and all(c.isalnum() or c in "._-/:@+,*[]<>" for c in value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'


def setup(component: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Send all log records of this process to `stream` (stderr unless told).

    Args:
        component: stands in each line, "apiserver".
        level: "debug", "info", "warning" or "error".

    Raises:
        ValueError: the level is none of these.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"unknown log level {level!r}: use debug, info, warning or error")
    handler = logging.StreamHandler(stream if stream is not None else sys.stderr)
    handler.setFormatter(KeyValueFormatter(component))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(number)
    if number > logging.DEBUG:
        for noisy in ("urllib3", "docker", "asyncio", "pyroute2"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
