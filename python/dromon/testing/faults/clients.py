"""Clients that write, read, list and watch while things break, and note all that they see.

Everything a client decides follows from its seed and what it was answered.

Neighbours: requests speaks with the server; recording is what they fill in, checker judges it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field
from random import Random
from urllib.parse import quote

from dromon.base.http.client import HttpClient
from dromon.testing.faults.recording import UNANSWERED, Listing, Operation, Outcome, Recording, Verb
from dromon.testing.faults.requests import COLLECTION, NotSent, configmap, outcome, revision_of, send
from dromon.testing.faults.watching import Watcher

_PAUSE = 0.01  # seconds before the next try where nobody listens
_METHODS = {Verb.CREATE: "POST", Verb.UPDATE: "PUT", Verb.DELETE: "DELETE", Verb.GET: "GET"}
END = "zz-end"
"""The key that is written last."""


@dataclass(slots=True)
class Notes:
    """What all clients of a run share.

    Attributes:
        known: the newest revision that somebody was told of each key, 0 for none.
        expired: lists that could not be gone on with (410).
    """

    keys: tuple[str, ...]
    operations: list[Operation] = field(default_factory=list)
    listings: list[Listing] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)
    expired: int = 0
    values: itertools.count[int] = field(default_factory=itertools.count)


class Writer:
    """One after the other: creates, updates, deletions and reads of keys that others write, too."""

    def __init__(self, http: HttpClient, number: int, notes: Notes, random: Random) -> None:
        self._http = http
        self._number = number
        self._notes = notes
        self._random = random

    async def run(self) -> None:
        """Until cancelled; an operation under way has then an unknown outcome."""
        while True:
            await self.operate(*self._choose())

    async def operate(self, verb: Verb, key: str, expect: int | None) -> Operation | None:
        """One operation, noted; None where nobody listened."""
        value = f"{self._number}-{next(self._notes.values)}" if verb in (Verb.CREATE, Verb.UPDATE) else ""
        path = COLLECTION if verb is Verb.CREATE else f"{COLLECTION}/{key}"
        invoked = time.monotonic()
        body: object = None
        if value:
            body = configmap(key, value, expect)
        elif verb is Verb.DELETE:
            body = {"preconditions": {"resourceVersion": str(expect)}}
        status, answer, answered = 0, None, UNANSWERED
        sent = True
        try:
            status, answer = await send(self._http, _METHODS[verb], path, body)
            answered = time.monotonic()
        except NotSent:
            sent = False
        finally:  # cancelled: noted all the same
            made = None
            if sent:
                made = self._note(verb, key, value, expect, invoked, answered, status, answer)
        if not sent or (made is not None and made.outcome in (Outcome.TURNED_AWAY, Outcome.UNKNOWN)):
            await asyncio.sleep(_PAUSE)
        return made

    def _note(
        self,
        verb: Verb,
        key: str,
        value: str,
        expect: int | None,
        invoked: float,
        answered: float,
        status: int,
        answer: object,
    ) -> Operation:
        result = outcome(status)
        revision = None
        if verb is Verb.GET and status == 404:
            result, revision = Outcome.DONE, 0
        elif result is Outcome.DONE:
            revision = revision_of(answer)
        if result is Outcome.UNKNOWN:
            answered = UNANSWERED
        if result is Outcome.DONE:
            self._notes.known[key] = 0 if verb is Verb.DELETE else revision or 0
        elif result is Outcome.REFUSED:
            self._notes.known.pop(key, None)
        made = Operation(self._number, verb, key, value, expect, invoked, answered, result, revision)
        self._notes.operations.append(made)
        return made

    def _choose(self) -> tuple[Verb, str, int | None]:
        key = self._random.choice(self._notes.keys)
        known = self._notes.known.get(key)
        if known is None or self._random.random() < 0.1:
            return Verb.GET, key, None
        if known == 0 or self._random.random() < 0.05:
            return Verb.CREATE, key, 0
        if self._random.random() < 0.15:
            return Verb.DELETE, key, known
        return Verb.UPDATE, key, None if self._random.random() < 0.2 else known


class Lister:
    """Lists page by page, and goes on with its token whatever happens to the server between two pages."""

    def __init__(self, http: HttpClient, notes: Notes, random: Random) -> None:
        self._http = http
        self._notes = notes
        self._random = random

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if (listing := await self.list(self._random.randrange(1, 9))) is not None:
                self._notes.listings.append(listing)
            await asyncio.sleep(self._random.random() * 0.05)

    async def list(self, limit: int, exactly: int = 0) -> Listing | None:
        """A whole list, as it is now or as it was exactly at a revision; None when it expired."""
        token, items, first = "", dict[str, int](), (0.0, 0.0)
        while True:
            query = f"?limit={limit}" + (f"&continue={quote(token)}" if token else "")
            if exactly:
                query += f"&resourceVersion={exactly}&resourceVersionMatch=Exact"
            invoked = time.monotonic()
            try:
                status, answer = await send(self._http, "GET", COLLECTION + query)
            except NotSent:
                status, answer = 0, None
            if status == 410:
                self._notes.expired += 1
                return None
            if status != 200:
                await asyncio.sleep(_PAUSE)
                continue
            if not token:
                first = (invoked, time.monotonic())
            items |= {i["metadata"]["name"]: revision_of(i) or 0 for i in answer["items"]}
            if not (token := answer["metadata"].get("continue", "")):
                return Listing(revision_of(answer) or 0, items, *first)


class Run:
    """All clients of a run.

    Args:
        https: one client for each server; writers are spread over them, watchers go from one to the next.
        seed: of all that clients decide.
    """

    def __init__(self, https: list[HttpClient], seed: int, *, writers: int = 8, watchers: int = 3) -> None:
        self._https = https
        self.notes = Notes(tuple(f"k{i:02}" for i in range(20)))
        random = Random(seed)  # noqa: S311

        def own() -> Random:
            return Random(random.random())  # noqa: S311

        self._writers = [Writer(https[i % len(https)], i, self.notes, own()) for i in range(writers)]
        self._lister = Lister(https[-1], self.notes, own())
        # The first one is the log, the others leave and come back by themselves, too.
        self.watchers = [
            Watcher(f"w{i}", https[i % len(https) :] + https[: i % len(https)], END, own(), hops=i > 0)
            for i in range(watchers)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    async def begin(self) -> None:
        """Make the namespace, and let all clients start."""
        namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "faults"}}
        status, _ = await send(self._https[0], "POST", "/api/v1/namespaces", namespace)
        assert status == 201, status
        empty = await self.list()
        assert not empty.items
        for watcher in self.watchers:
            watcher.begin(empty.revision)
        self._tasks = [
            asyncio.create_task(client, name="fault-client")
            for client in (*(w.run() for w in self._writers), self._lister.run())
        ]

    async def list(self) -> Listing:
        """What there is. Raises AssertionError when the list can't be had."""
        listing = await self._lister.list(0)
        assert listing is not None
        return listing

    async def progress(self, operations: int = 50, seconds: float = 60.0) -> None:
        """Return when so many more operations were acknowledged. Raises TimeoutError."""
        wanted = self.acknowledged + operations
        async with asyncio.timeout(seconds):
            while self.acknowledged < wanted:  # noqa: ASYNC110 - of many writers
                await asyncio.sleep(0.01)

    @property
    def acknowledged(self) -> int:
        """Writes so far that were."""
        return sum(o.outcome is Outcome.DONE and o.verb is not Verb.GET for o in self.notes.operations)

    async def finish(self, seconds: float = 60.0) -> Recording:
        """Stop writing, let watchers see all that there was, read once more.

        Raises:
            TimeoutError: the servers didn't answer, or a watcher did not see the last write.
        """
        await self._stop()
        async with asyncio.timeout(seconds):
            while True:
                last = await self._writers[0].operate(Verb.CREATE, END, 0)
                if last is not None and last.outcome is Outcome.DONE:
                    break
                if last is not None and last.outcome is Outcome.REFUSED:  # an attempt without answer did it
                    break
            for watcher in self.watchers:
                await watcher.finish()
            # Not of now: a write that nobody waits for any more may follow the end.
            end = self.watchers[0].watch.events[-1].revision
            final = await self._lister.list(0, exactly=end)
            assert final is not None, "the revision of the end has expired"
        notes = self.notes
        return Recording(notes.operations, notes.listings, [w.watch for w in self.watchers], final)

    async def close(self) -> None:
        """End whatever still runs."""
        await self._stop()
        for watcher in self.watchers:
            await watcher.close()
        for http in self._https:
            await http.close()

    async def _stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for result in results:
            if isinstance(result, Exception):
                raise result
