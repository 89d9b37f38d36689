"""Lines of a description: levels of indentation, and labels aligned as kubectl aligns them.

Neighbours: every describer writes with it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

NONE = "<none>"


class Writer:
    """Collects lines; `pair` lines of one `flush` are aligned on their widest label."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._pairs: list[tuple[int, str, str]] = []

    def pair(self, level: int, label: str, value: Any = "") -> None:
        """A "label:  value" line, two spaces of indentation a level."""
        text = NONE if value is None or value == "" else str(value)
        self._pairs.append((level, label, text))

    def heading(self, level: int, label: str) -> None:
        """A label alone."""
        self.flush()
        self._lines.append("  " * level + label + ":")

    def several(self, level: int, label: str, values: Iterable[str]) -> None:
        """A label with a value a line, the first beside it."""
        first, *rest = list(values) or [NONE]
        self.pair(level, label, first)
        for value in rest:
            self._pairs.append((level, "", value))

    def line(self, level: int, text: str) -> None:
        """Any text."""
        self.flush()
        self._lines.append("  " * level + text)

    def table(self, level: int, rows: list[list[str]]) -> None:
        """Rows under each other, columns two spaces apart."""
        self.flush()
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            self._lines.append(("  " * level + "  ".join(cells)).rstrip())

    def flush(self) -> None:
        """End a block of pairs: align and keep them."""
        width = max((len("  " * level + label) + 1 for level, label, _ in self._pairs), default=0) + 2
        for level, label, text in self._pairs:
            head = "  " * level + (f"{label}:" if label else "")
            self._lines.append((head.ljust(width) + text).rstrip())
        self._pairs.clear()

    def text(self) -> str:
        """All lines."""
        self.flush()
        return "\n".join(self._lines)


def mapping(values: dict[str, Any] | None) -> list[str]:
    """ "key=value" lines, by key."""
    return [f"{k}={v}" for k, v in sorted((values or {}).items())]


def when(text: str | None) -> str:
    """A time as kubectl prints it: "Sat, 22 Nov 2014 10:00:00 +0000"."""
    if not text:
        return NONE
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)
    except ValueError:
        return text
    return moment.strftime("%a, %d %b %Y %H:%M:%S +0000")


def age(text: str | None, now: datetime) -> str:
    """How long ago: "5s", "3m20s", "2h5m", "4d"."""
    if not text:
        return "<unknown>"
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return "<unknown>"
    seconds = max(int((now - moment).total_seconds()), 0)
    if seconds < 120:
        return f"{seconds}s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 10:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 8:
        return f"{hours}h{minutes}m" if minutes else f"{hours}h"
    return f"{hours}h" if hours < 48 else f"{hours // 24}d"
