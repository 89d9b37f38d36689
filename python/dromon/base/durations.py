"""Spans of time as people write them on a command line: "15s", "1m30s", "500ms", or plain seconds.

Source: Go's time.ParseDuration, whose spelling the flags of Kubernetes' components have.

Neighbours: configs declare fields as Seconds, cli.component makes options that take this spelling.
"""

from __future__ import annotations

import math
import re
from typing import NewType

Seconds = NewType("Seconds", float)
"""A span of time in seconds, in a config that people set."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(h|ms|m|s|us|µs|ns)")


def parse(text: str) -> Seconds:
    """Seconds that the text stands for.

    Raises:
        ValueError: it is neither a number nor such a text.
    """
    try:
        number = float(text)
    except ValueError:
        number = _sum(text)
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is no duration")
    return Seconds(number)


def _sum(text: str) -> float:
    sign, rest = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    total, at = 0.0, 0
    for part in _PART.finditer(rest):
        if part.start() != at:
            break
        total += float(part[1]) * _UNITS[part[2]]
        at = part.end()
    if not rest or at != len(rest):
        raise ValueError(f'{text!r} is no duration: write it as "15s", "1m30s" or "500ms"')
    return sign * total
