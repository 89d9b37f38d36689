"""Types of the Rust extension (rust/src/py). Checked against the binary by tests/parity."""

from collections.abc import Callable, Iterable, Sequence
from typing import final

from dromon.scheduler.inputs import Budget, NodeInfo, PodClass
from dromon.store.interface import Batch, Change, KeyValue

__version__: str

class TooOld(Exception):
    """The past asked for is gone; args[0] is the oldest revision that is known."""

@final
class Selector:
    """A compiled label selector; its oracle is dromon.api.labels."""

    def __new__(cls, text: str) -> Selector:
        """Compile; ValueError with upstream's text."""

    def matches(self, labels: dict[str, str]) -> bool: ...
    @property
    def empty(self) -> bool: ...

@final
class SelectorIndex:
    """Which of many selectors match an object, at a cost that doesn't grow with those that don't."""

    def __new__(cls) -> SelectorIndex: ...
    def add(self, id: str, selector: str, namespace: str = "") -> None:
        """Add a selector's text under an id, or replace it; ValueError as Selector."""

    def remove(self, id: str) -> bool:
        """Whether there was one."""

    def matching(self, labels: dict[str, str], namespace: str = "") -> list[str]:
        """Ids of the selectors of `namespace` that match, sorted."""

    def __len__(self) -> int: ...

def parse_fields(text: str) -> list[tuple[str, str, bool]]:
    """Terms of a field selector: field, value, negated. For the parity tests."""

@final
class Page:
    """Part of a list at one revision."""

    @property
    def revision(self) -> int: ...
    @property
    def more(self) -> bool: ...
    @property
    def remaining(self) -> int | None: ...
    @property
    def last_key(self) -> str: ...
    def __len__(self) -> int: ...
    def items(self) -> list[bytes]:
        """The objects' JSON."""

    def body(self, form: int, token: str) -> bytes:
        """The whole list object; `token` is its metadata.continue."""

@final
class Cache:
    """Objects of all resources, and watches over them. Resources and watchers are named by numbers.

    Formats: 0 JSON, 1 MessagePack, 2 protobuf. Keys of objects are below the resource's prefix.
    """

    def __new__(
        cls,
        encode: Callable[[int, int, bytes], bytes],
        *,
        ring_events: int = 10_000,
        ring_bytes: int = ...,
        queue_events: int = 10_000,
        queue_bytes: int = ...,
    ) -> Cache:
        """`encode(resource, form, json)` makes an object's MessagePack map or bare protobuf message."""

    def add_resource(
        self,
        prefix: str,
        kind: str,
        api_version: str,
        namespaced: bool,
        fields: list[tuple[str, str, str]],
    ) -> int:
        """Declare a resource; fields are (name, path, default)."""

    def load(self, items: Iterable[KeyValue], revision: int) -> list[tuple[str, str]]:
        """The state to begin with, whole or in parts; returns keys that can't be read, and why."""

    def stale(self, items: Iterable[KeyValue]) -> list[KeyValue]:
        """Those of `items` that the cache does not have as they are."""

    def keys(self) -> list[str]:
        """The store's keys of all objects."""

    def renew(self, gone: list[str]) -> None:
        """Forget these keys, all watches and the past; `load` then brings what changed, and the revision."""

    def apply(self, revision: int, changes: Iterable[Change]) -> tuple[list[int], list[tuple[str, str]]]:
        """Take up one revision.

        Returns the watchers that must be woken, since they had nothing and now have something or were cut
        off, and keys whose values can't be read, with why: to readers these are as if deleted.
        """

    def backfill(self, resource: int, batches: Iterable[Batch], oldest: int, upto: int) -> bool:
        """Put a resource's changes with oldest < revision <= upto in front of its ring, if that begins there.

        Returns whether watches can now begin after `oldest`.
        """

    @property
    def revision(self) -> int: ...
    @property
    def watchers(self) -> int: ...
    def oldest(self, resource: int) -> int:
        """The oldest revision that a watch can begin after."""

    def count(self, resource: int) -> int: ...
    def figures(self, resource: int) -> tuple[int, int, int, int, int, int, int]:
        """Objects, their bytes, watchers, queued deliveries, the longest queue, delivered, cut off.

        The last two count from the cache's beginning. Takes time with the objects and watchers: for scrapes.
        """

    def get(self, resource: int, key: str, form: int) -> bytes | None:
        """One object; protobuf comes in its envelope."""

    def page(
        self,
        resource: int,
        namespace: str,
        labels: str,
        fields: str,
        *,
        after: str = "",
        limit: int = 0,
        revision: int | None = None,
        left: int | None = None,
    ) -> Page:
        """Objects in key order; ValueError for a selector, TooOld for a revision."""

    def check_query(self, resource: int, labels: str, fields: str) -> None:
        """ValueError where `page` would raise it."""

    def watch(self, resource: int, namespace: str, labels: str, fields: str, after: int | None) -> int:
        """Begin a watch, None: with the current objects; ValueError and TooOld as `page`."""

    def unwatch(self, watcher: int) -> None: ...
    def idle(self, watcher: int) -> bool:
        """Whether there is nothing to take."""

    def seen(self, watcher: int) -> int | None:
        """The revision up to which everything was taken; None while initial objects are left."""

    def frames(self, resource: int, watcher: int, form: int, size: int) -> bytes:
        """The next frames, about `size` bytes; TooOld when the watcher was cut off."""

    def events(self, watcher: int, size: int) -> list[tuple[str, bytes, int]]:
        """The next events: type, object's JSON, revision; TooOld as `frames`."""

    def frame(self, resource: int, form: int, event: str, json: bytes) -> bytes:
        """A frame around an object that is not in the cache."""

@final
class Past:
    """What one query means in the store's log and in older lists. Frames and events are as Cache's."""

    def __new__(cls, cache: Cache, resource: int, namespace: str, labels: str, fields: str) -> Past:
        """Compile; ValueError as Cache.page."""

    def frames(self, batches: Iterable[Batch], form: int) -> bytes: ...
    def events(self, batches: Iterable[Batch]) -> list[tuple[str, bytes, int]]: ...
    def select(self, items: Iterable[KeyValue]) -> list[KeyValue]:
        """Those that are meant and can be read."""

    def page(self, items: Iterable[KeyValue], revision: int, more: bool, remaining: int | None) -> Page:
        """A page of these, whether meant or not; what can't be read is left out."""

@final
class CompiledPod:
    """A PodClass as its engine keeps it (rust/src/scheduler/engine.rs)."""

@final
class SchedulerEngine:
    """Implements dromon.scheduler.engine.interface.Engine (rust/src/py/scheduler.rs)."""

    def __new__(cls, seed: int) -> SchedulerEngine: ...
    def compile(self, pod: PodClass) -> CompiledPod: ...
    def set_node(self, node: NodeInfo) -> None: ...
    def remove_node(self, name: str) -> None: ...
    def has_node(self, name: str) -> bool: ...
    def node_count(self) -> int: ...
    def set_namespace(self, name: str, labels: Sequence[tuple[str, str]]) -> None: ...
    def remove_namespace(self, name: str) -> None: ...
    def set_budgets(self, budgets: Sequence[Budget]) -> None: ...
    def add_pod(self, uid: str, pod: CompiledPod, node: str, started: int = ...) -> bool: ...
    def remove_pod(self, uid: str) -> None: ...
    def pod_node(self, uid: str) -> str | None: ...
    def schedule(self, pods: Sequence[tuple[str, CompiledPod]]) -> list[str | dict[str, int]]: ...
    def nominate(self, uid: str, pod: CompiledPod, node: str) -> None: ...
    def withdraw(self, uid: str) -> None: ...
    def preempt(self, uid: str, pod: CompiledPod) -> tuple[str, list[str]] | dict[str, int]: ...
    def looks_around(self, pod: CompiledPod) -> bool: ...
    def fits(self, pod: CompiledPod, node: str) -> bool: ...
    def fits_somewhere(self, pod: CompiledPod) -> bool: ...
    def scores(self, pod: CompiledPod) -> dict[str, int]: ...
