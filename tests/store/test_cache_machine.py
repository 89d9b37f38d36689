"""The cached store against a plain model: random writes, compactions, restarts, lost feeds, lists, watches.

Every watch is followed by a client that does what clients do: it lists, watches from what it listed, resumes
from the last revision that it saw, and lists again when it is told 410. What it was told, applied to what it
listed, must be the state at every revision that it claims to have seen; no change is told twice.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dromon.api.errors import ApiError
from dromon.store.cache import Bounds, CachedStore, Watcher
from dromon.store.interface import Compacted, Delete
from dromon.store.memory import MemoryStore
from dromon.testing.clock import FakeClock, settle

from .test_cache import PODS, pod

NAMES = st.sampled_from(["a", "b", "c", "d"])
APPS = st.sampled_from(["x", "y", ""])
State = dict[str, tuple[str, int]]
"""Name to its app label and its revision."""


class Client:
    """A reflector: what it believes the objects with a label are, and how far it is."""

    def __init__(self, labels: str) -> None:
        self.labels = labels
        self.believes: State = {}
        self.revision = 0
        self.watcher: Watcher | None = None

    async def list(self, store: CachedStore) -> None:
        listed = await store.objects(PODS, labels=self.labels)
        self.believes = dict(map(read, listed.items))
        self.revision = listed.revision
        self.stop()

    def stop(self) -> None:
        if self.watcher is not None:
            self.watcher.close()
            self.watcher = None

    async def follow(self, store: CachedStore, past: dict[int, State]) -> None:
        """Read all that there is to read."""
        if self.watcher is None:
            self.watcher = store.watch(PODS, after=self.revision, labels=self.labels)
        while True:
            reading = asyncio.ensure_future(self.watcher.events())
            await settle(40)
            if not reading.done():
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                return
            try:
                events = reading.result()
            except ApiError as error:
                if error.code != 410:
                    raise
                await self.list(store)
                return
            for event in events:
                assert event.revision > self.revision, "told twice, or out of order"
                self.revision = event.revision
                name, stands = read(event.object)
                assert (name in self.believes) == (event.type != "ADDED")
                self.believes.pop(name, None)
                if event.type != "DELETED":
                    self.believes[name] = stands
                assert self.believes == chosen(past[self.revision], self.labels)


def read(value: bytes) -> tuple[str, tuple[str, int]]:
    meta: dict[str, Any] = json.loads(value)["metadata"]
    return meta["name"], (meta.get("labels", {}).get("app", ""), int(meta["resourceVersion"]))


def chosen(state: State, labels: str) -> State:
    return {n: s for n, s in state.items() if not labels or labels == f"app={s[0]}"}


class Machine(RuleBasedStateMachine):
    """One change a transaction, so that revisions tell states apart."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.past: dict[int, State] = {}
        self.clients = [Client(""), Client("app=x"), Client("app=y")]

    @initialize()
    def open(self) -> None:
        self.runner.run(self._open())

    async def _open(self) -> None:
        self.inner = Kept(self.clock)
        await self.inner.start()
        self.store = self._cache()
        await self.store.start()
        self.past[self.store.revision] = {}

    def _cache(self) -> CachedStore:
        return CachedStore(self.inner, [PODS], {}, self.clock, Bounds(ring_events=4, queue_events=6))

    @rule(name=NAMES, app=APPS)
    def put(self, name: str, app: str) -> None:
        revision = self.runner.run(self.store.commit([pod(name, app=app)]))
        self.past[revision] = {**self.past[max(self.past)], name: (app, revision)}

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        state = dict(self.past[max(self.past)])
        if state.pop(name, None):
            revision = self.runner.run(self.store.commit([Delete(PODS.key("m", name))]))
            self.past[revision] = state

    @rule(back=st.integers(0, 12))
    def compact(self, back: int) -> None:
        self.runner.run(self.inner.compact(max(self.store.revision - back, 1)))

    @rule()
    def restart(self) -> None:
        """The process ends and another begins; what is stored stays."""
        for client in self.clients:
            client.stop()
        self.runner.run(self.store.close())
        self.store = self._cache()
        self.runner.run(self.store.start())

    @rule()
    def lose(self) -> None:
        """The feed falls behind what the store keeps."""
        self.inner.lost = True
        self.runner.run(self._touch())

    async def _touch(self) -> None:
        self.inner._announce()
        await settle()

    @rule(index=st.integers(0, 2))
    def follow(self, index: int) -> None:
        self.runner.run(self.clients[index].follow(self.store, self.past))

    @rule(index=st.integers(0, 2))
    def break_connection(self, index: int) -> None:
        self.clients[index].stop()

    @rule(back=st.integers(0, 15), limit=st.integers(0, 2), labels=st.sampled_from(["", "app=x"]))
    def list_the_past(self, back: int, limit: int, labels: str) -> None:
        revisions = sorted(self.past)
        self.runner.run(self._list(revisions[max(len(revisions) - 1 - back, 0)], limit, labels))

    async def _list(self, revision: int, limit: int, labels: str) -> None:
        found: State = {}
        token = ""
        while True:
            at: dict[str, Any] = {"continue_": token} if token else {"revision": revision, "exact": True}
            try:
                page = await self.store.objects(PODS, labels=labels, limit=limit, **at)
            except ApiError as error:
                if error.code != 410 or revision >= self.inner.compacted:
                    raise
                return
            assert page.revision == revision
            found |= dict(map(read, page.items))
            token = page.continue_
            if not token:
                break
        assert found == chosen(self.past[revision], labels)

    @invariant()
    def the_newest_is_shown(self) -> None:
        if self.past:
            listed = self.runner.run(self.store.objects(PODS))
            assert dict(map(read, listed.items)) == self.past[max(self.past)]

    def teardown(self) -> None:
        if self.past:
            for client in self.clients:
                self.runner.run(client.follow(self.store, self.past))
                assert client.believes == chosen(self.past[max(self.past)], client.labels)
                client.stop()
            self.runner.run(self.store.close())
        self.runner.close()


class Kept(MemoryStore):
    """Outlives the caches over it, and can lose a feed."""

    lost = False

    async def start(self) -> None:
        if self._fault is not None:
            await super().start()

    async def close(self) -> None:
        self._closing = True
        self._announce()
        await settle()
        self._closing = False

    async def watch(self, prefix: str, after: int) -> Any:
        async for batch in super().watch(prefix, after):
            if self.lost:
                self.lost = False
                raise Compacted(batch.revision)
            yield batch


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=150,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
