"""A client that watches, and goes on from the last revision that it saw, however it was cut off.

Neighbours: clients runs some beside its writers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from random import Random
from typing import Any

from dromon.base.http.client import HttpClient
from dromon.testing.faults.recording import Event, Type, Watch
from dromon.testing.faults.requests import COLLECTION, HEADERS

_PAUSE = 0.01
_HEAD = 15.0  # seconds until a watch has to begin


class Gap(AssertionError):
    """The server could not go on from where this watch was."""


class Watcher:
    """Watches until it has seen the key `end`.

    Args:
        https: clients of the servers that it goes to in turn.
        hops: leave now and then without need, in the middle of what has come.
    """

    def __init__(
        self, name: str, https: list[HttpClient], end: str, random: Random, *, hops: bool = False
    ) -> None:
        self.watch = Watch(name, 0)
        self.behind = 0
        """How often a server did not know the revision yet."""
        self._https = https
        self._end = end
        self._random = random
        self._hops = hops
        self._seen = 0
        self._task: asyncio.Task[None] | None = None

    def begin(self, after: int) -> None:
        """Watch what comes after this revision."""
        self.watch.after = self._seen = after
        self._task = asyncio.create_task(self._run(), name=f"fault-watch-{self.watch.name}")

    async def finish(self) -> None:
        """Return when the end was seen. Raises Gap."""
        assert self._task is not None
        await self._task

    async def close(self) -> None:
        """Stop watching."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Gap):
                await self._task

    async def _run(self) -> None:
        turn = 0
        while not (self.watch.events and self.watch.events[-1].key == self._end):
            http = self._https[turn % len(self._https)]
            turn += 1
            with contextlib.suppress(OSError, TimeoutError):
                await self._follow(http)
            await asyncio.sleep(_PAUSE)

    async def _follow(self, http: HttpClient) -> None:
        target = f"{COLLECTION}?watch=1&allowWatchBookmarks=true&resourceVersion={self._seen}"
        stream = await http.stream("GET", target, HEADERS, timeout=_HEAD)
        patience = self._random.randrange(1, 400) if self._hops else -1
        async with stream:
            if stream.status != 200:
                return
            self.watch.resumes += 1
            rest = b""
            async for chunk in stream:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    if not self._take(json.loads(line)) or patience == 0:
                        return
                    patience -= 1

    def _take(self, event: Any) -> bool:
        """Note an event; False when the watch is over."""
        if event["type"] == "ERROR":
            code = event["object"].get("code")
            if code == 410:
                raise Gap(f"watch {self.watch.name} after {self._seen}: {event['object']['message']}")
            self.behind += 1  # 504: it is yet to come
            return False
        metadata = event["object"]["metadata"]
        self._seen = int(metadata["resourceVersion"])
        if event["type"] == "BOOKMARK":
            return True
        value = event["object"]["data"]["value"]
        self.watch.events.append(Event(self._seen, Type(event["type"]), metadata["name"], value))
        return bool(metadata["name"] != self._end)
