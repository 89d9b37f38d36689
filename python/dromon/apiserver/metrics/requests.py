"""Counts of requests by what they were, and how long they took.

Neighbours: dromon.apiserver.observe counts; families shows.
"""

from __future__ import annotations

from dromon.apiserver.routes import Route
from dromon.base.histogram import Histogram

SECONDS = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip
"""Bounds of requests' durations; most take less than 5 ms."""

VERBS = {"create": "POST", "update": "PUT"}
"""Verbs that upstream's metrics name otherwise than in capitals."""

_KNOWN = frozenset(("api", "apis", "openapi", "healthz", "livez", "readyz", "version", "metrics", "dromon"))


class Slot:
    """Requests of one kind.

    Attributes:
        labels: verb, group, version, resource, subresource, scope.
        codes: HTTP status -> how many.
        seconds: how long they took; streams are not in it.
    """

    __slots__ = ("codes", "labels", "seconds")

    def __init__(self, labels: tuple[str, str, str, str, str, str]) -> None:
        self.labels = labels
        self.codes: dict[int, int] = {}
        self.seconds = Histogram(SECONDS)


class Requests:
    """All requests so far.

    Attributes:
        reading, writing: requests being carried out.
    """

    def __init__(self) -> None:
        self._slots: dict[tuple[str, ...], Slot] = {}
        self.reading = 0
        self.writing = 0

    def begin(self, reading: bool) -> None:
        """One is being carried out; `end` must follow."""
        if reading:
            self.reading += 1
        else:
            self.writing += 1

    def end(self, reading: bool) -> None:
        """It is carried out, or failed."""
        if reading:
            self.reading -= 1
        else:
            self.writing -= 1

    def slots(self) -> list[Slot]:
        """Every kind of request that there was."""
        return list(self._slots.values())

    def add(self, verb: str, route: Route | None, path: str, code: int, seconds: float | None) -> None:
        """Count one that was answered; `seconds` None: with a stream."""
        if route is None:
            key: tuple[str, ...] = (verb, _known(path))
        else:
            r = route.resource
            scope = "resource" if route.name else "namespace" if route.namespace else "cluster"
            key = (verb, r.plural, r.group, route.subresource, scope)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = Slot(_labels(verb, route, key))
        codes = slot.codes
        codes[code] = codes.get(code, 0) + 1
        if seconds is not None:
            slot.seconds.observe(seconds)


def _known(path: str) -> str:
    """What a path that names no resource counts as: "/readyz"; "" for paths that clients made up."""
    first = path[1:].partition("/")[0]
    return f"/{first}" if first in _KNOWN else ""


def _labels(verb: str, route: Route | None, key: tuple[str, ...]) -> tuple[str, str, str, str, str, str]:
    name = VERBS.get(verb, verb.upper())
    if route is None:
        return (name, "", "", "", key[1], "")
    r = route.resource
    return (name, r.group, r.version, r.plural, route.subresource, key[-1])
