"""Every write's way into the store: defaults, admission, validation, optimistic concurrency, deletion.

Knows objects and the store, nothing of HTTP. A write is encoded once; the bytes that are stored are the
bytes that are answered, served and watched (DESIGN, invariant 2). Reads go to store.cache directly.

Neighbours: dromon.apiserver.verbs and .subresources call it; api.resource.Strategy makes a kind itself;
.deletion plans deletions; .reserving writes what must be unique along (.ipalloc is its one Hook).
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from types import TracebackType
from typing import Any, TypeVar

from dromon.api import codec, errors, times, validation
from dromon.api.errors import ApiError, FieldError
from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.status import DeleteOptions
from dromon.apiserver import deletion, names
from dromon.apiserver.admission import Admission, Attributes
from dromon.apiserver.reserving import Hook, reserving
from dromon.base.clock import Clock
from dromon.store.cache import CachedStore
from dromon.store.interface import CompareFailed, Delete, KeyValue, Op, Put

T = TypeVar("T", bound=Api)
R = TypeVar("R")


class Mode(enum.Enum):
    """What an update may touch: all but status, status alone, or (the server's own changes) anything."""

    SPEC = ""
    STATUS = "status"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as a write left it.

    Attributes:
        obj: the object; metadata.resourceVersion is not set.
        value: its JSON as stored (without resourceVersion).
        revision: its resourceVersion; 0: none (a dry run's create).
        gone: whether it is no longer in the store.
    """

    obj: Any
    value: bytes
    revision: int
    gone: bool = False


class Registry:
    """Creates, updates and deletes objects of any declared resource.

    Args:
        store: the cached store.
        clock: stamps.
        admission: units, in order.
        hooks: by struct type.
        random: names and uids; seeded in tests.
    """

    def __init__(
        self,
        store: CachedStore,
        *,
        clock: Clock,
        admission: Sequence[Admission] = (),
        hooks: Mapping[type[Any], Hook] | None = None,
        random: Random,
    ) -> None:
        self.store = store
        self.clock = clock
        self._admission = tuple(admission)
        self._hooks = dict(hooks or {})
        self._random = random

    async def create(self, r: Resource[T], obj: T, *, namespace: str = "", dry_run: bool = False) -> Stored:
        """Store a new object, which must not be used afterwards.

        Raises:
            ApiError: 400, 403, 404 (namespace), 409, 422.
        """
        meta: Any = obj.metadata  # type: ignore[attr-defined]
        _place(r, meta, namespace)
        if meta.resource_version:
            raise errors.bad_request("resourceVersion should not be set on objects to be created")
        generated = meta.generate_name if not meta.name else ""
        self._stamp(meta)
        for attempt in range(names.ATTEMPTS if generated else 1):
            if generated:
                meta.name = names.generate(generated, self._random)
            r.strategy.default(obj)  # on every attempt: defaults may follow the name
            if attempt == 0:
                r.strategy.prepare_for_create(obj)
                await self._admit_new(Attributes("create", r, meta.namespace, meta.name, new=obj))
            self._check(r, obj, None, validation.object_meta(r, meta), r.strategy.validate(obj))
            try:
                return await self._settled(r, self._insert(r, obj, dry_run))
            except CompareFailed:
                continue
        await self.store.backend.settled(r.key(meta.namespace, meta.name))
        error = errors.already_exists(r.plural, r.group, meta.name)
        if generated:
            error.status.message += ", the server was not able to generate a unique name for the object"
        raise error

    async def _admit_new(self, attributes: Attributes) -> None:
        """Admit what is created; refuse nothing for want of what another API server has just made.

        Units read the cache: where others write to the store, too, a refusal counts when that has caught up.
        """
        try:
            self._admit(attributes)
        except ApiError:
            if not self.store.shared:
                raise
            await self.store.catch_up()
            self._admit(attributes)

    async def _insert(self, r: Resource[Any], obj: Any, dry_run: bool) -> Stored:
        key = r.key(obj.metadata.namespace, obj.metadata.name)

        async def write(more: Sequence[Op]) -> Stored:
            value = codec.encode_json(obj)
            ops = [Put(key, value, expect=0, ttl=r.ttl), *more]
            if dry_run:
                await self._would_hold(ops)
                return Stored(obj, value, 0)
            return Stored(obj, value, await self.store.commit(ops))

        return await reserving(self._hooks.get(r.struct), obj, None, write, dry_run)

    async def _would_hold(self, ops: Sequence[Op]) -> None:
        """What a commit of `ops` would raise, where it would raise CompareFailed."""
        for op in ops:
            current = await self.store.latest(op.key)
            if op.expect is not None and op.expect != (current.mod_revision if current else 0):
                raise CompareFailed(op.key, current)

    async def _settled(self, r: Resource[Any], write: Coroutine[Any, Any, R]) -> R:
        """Await a write; one that a Hook follows goes on to its end when the request is cancelled.

        The store does not take back what it has accepted because a client left, so a Hook must know of it.
        """
        if r.struct not in self._hooks:
            return await write
        return await asyncio.shield(asyncio.get_running_loop().create_task(write))

    def _stamp(self, meta: Any) -> None:
        meta.uid = names.uid(self._random)
        meta.creation_timestamp = times.format(self.clock.now())
        meta.deletion_timestamp = None
        meta.deletion_grace_period_seconds = None
        meta.self_link = ""
        meta.generation = 0
        meta.managed_fields = []

    async def update(
        self,
        r: Resource[T],
        namespace: str,
        name: str,
        change: Callable[[T], T],
        *,
        mode: Mode = Mode.SPEC,
        subresource: str = "",
        dry_run: bool = False,
        shared: bool = False,
    ) -> Stored:
        """Read, change, write; repeated until nobody else wrote in between.

        Args:
            change: given the current object (its own copy, resourceVersion set), returns the wanted one,
                which may be the same. A resourceVersion or uid in it is a precondition.
            shared: `change` leaves what it is given as it is (and `mode` is not SPEC): one copy is enough.

        Raises:
            ApiError: 404, 409, 422 and what `change` raises.
        """
        key = r.key(namespace, name)
        async with _Standing(self.store, key):
            current = await self.store.latest(key)
            while True:
                if current is None:
                    raise errors.not_found(r.plural, r.group, name)
                old = load(r, current)
                new = change(old if shared else load(r, current))
                self._prepare_update(r, new, old, mode, subresource)
                try:
                    return await self._settled(r, self._replace(r, new, old, current, mode, dry_run))
                except CompareFailed as e:
                    current = e.current

    async def _replace(
        self, r: Resource[Any], new: Any, old: Any, current: KeyValue, mode: Mode, dry_run: bool
    ) -> Stored:
        """Write `new`, unless it is what stands; remove it when nothing holds its deletion up any more."""
        gone = deletion.done(new, old)
        expect = current.mod_revision

        async def write(more: Sequence[Op]) -> Stored:
            value = codec.encode_json(new)
            if value == current.value:
                await self.store.backend.settled(current.key)
                return Stored(new, value, expect)
            if dry_run:
                await self._would_hold(more)
                return Stored(new, value, expect)
            op: Op = Delete(current.key, expect=expect)
            if not gone:
                op = Put(current.key, value, expect=expect, ttl=r.ttl)
            return Stored(new, value, await self.store.commit([op, *more]), gone=gone)

        hook = self._hooks.get(r.struct) if mode is Mode.SPEC or gone else None
        return await reserving(hook, None if gone else new, old, write, dry_run)

    def _prepare_update(self, r: Resource[Any], new: Any, old: Any, mode: Mode, subresource: str) -> None:
        meta = new.metadata
        _check_preconditions(r, meta, old.metadata)
        _place(r, meta, old.metadata.namespace)
        _carry_over(meta, old.metadata)
        meta.resource_version = ""
        old.metadata.resource_version = ""
        if mode is Mode.OWN:
            return
        strategy = r.strategy
        strategy.default(new)
        meta_errors = validation.object_meta_update(r, meta, old.metadata)
        if mode is Mode.STATUS:
            strategy.prepare_for_status_update(new, old)
            self._admit(Attributes("update", r, meta.namespace, meta.name, new, old, subresource))
            self._check(r, new, old, meta_errors, strategy.validate_status_update(new, old))
            return
        strategy.prepare_for_update(new, old)
        if strategy.spec_changed(new, old):
            meta.generation += 1
        self._admit(Attributes("update", r, meta.namespace, meta.name, new, old, subresource))
        hook = self._hooks.get(r.struct)
        if hook is not None:
            hook.prepare(new, old)
        faults = [*strategy.validate(new), *strategy.validate_update(new, old)]
        self._check(r, new, old, meta_errors, faults)

    async def delete(
        self,
        r: Resource[Any],
        namespace: str,
        name: str,
        options: DeleteOptions | None = None,
        *,
        dry_run: bool = False,
    ) -> Stored:
        """Delete an object, or begin to; `gone` tells which.

        Raises:
            ApiError: 403, 404, 409.
        """
        options = options or DeleteOptions()
        deletion.validate_options(options)
        dry_run = dry_run or bool(options.dry_run)
        key = r.key(namespace, name)
        async with _Standing(self.store, key):
            current = await self.store.latest(key)
            while True:
                if current is None:
                    raise errors.not_found(r.plural, r.group, name)
                try:
                    obj = load(r, current)
                except codec.DecodeError:
                    # Nothing is known of it that could hold it up, or that it would have to match.
                    obj = r.struct(metadata=ObjectMeta(name=name, namespace=namespace))
                    options = DeleteOptions(grace_period_seconds=0)
                    current = replace(current, value=codec.encode_json(obj))
                self._admit(Attributes("delete", r, namespace, name, old=obj))
                plan = deletion.plan(r, obj, options, self.clock.now())
                obj.metadata.resource_version = ""
                value = codec.encode_json(obj) if plan.changed else current.value
                if dry_run or not (plan.remove or plan.changed):
                    await self.store.backend.settled(key)
                    return Stored(obj, value, current.mod_revision, gone=plan.remove)
                expect = current.mod_revision
                op: Op = Put(key, value, expect=expect, ttl=r.ttl)
                hook = None
                if plan.remove:
                    op, hook = Delete(key, expect=expect), self._hooks.get(r.struct)
                try:
                    revision = await self._settled(r, reserving(hook, None, obj, self._together(op)))
                except CompareFailed as e:
                    current = e.current
                    continue
                return Stored(obj, value, revision, gone=plan.remove)

    def _together(self, op: Op) -> Callable[[Sequence[Op]], Awaitable[int]]:
        """A write for `reserving`: commit `op` with the others."""
        return lambda more: self.store.commit([op, *more])

    def _admit(self, attributes: Attributes) -> None:
        for unit in self._admission:
            unit.admit(attributes)

    def _check(self, r: Resource[Any], new: Any, old: Any | None, *faults: Sequence[FieldError]) -> None:
        found = [f for group in faults for f in group]
        if found:
            meta = new.metadata
            raise errors.invalid(r.kind, r.group, meta.name or (old.metadata.name if old else ""), found)


class _Standing:
    """Lets no refusal rest on a write that is in flight and may never become durable."""

    __slots__ = ("_key", "_store")

    def __init__(self, store: CachedStore, key: str) -> None:
        self._store, self._key = store, key

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ApiError):
            await self._store.backend.settled(self._key)


def load(r: Resource[T], kv: KeyValue) -> T:
    """The object that a key holds, with its resourceVersion."""
    obj = codec.decode_json(r.struct, kv.value)
    obj.metadata.resource_version = str(kv.mod_revision)  # type: ignore[attr-defined]
    return obj


def _place(r: Resource[Any], meta: Any, namespace: str) -> None:
    """Make sure that the object goes where the URL says."""
    if not r.namespaced:
        if meta.namespace:
            raise errors.bad_request("namespace may not be set on a cluster-scoped object")
        return
    if meta.namespace and meta.namespace != namespace:
        raise errors.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    meta.namespace = namespace


def _check_preconditions(r: Resource[Any], new: Any, old: Any) -> None:
    if new.uid and new.uid != old.uid:
        why = f"Precondition failed: UID in precondition: {new.uid}, UID in object meta: {old.uid}"
        raise errors.conflict(r.plural, r.group, old.name, why)
    if new.resource_version not in ("", "0", old.resource_version):
        raise conflict_or_invalid(r, old.name, new.resource_version)


def conflict_or_invalid(r: Resource[Any], name: str, resource_version: str) -> ApiError:
    """409 for another revision than the newest, 422 for what is no revision."""
    if not resource_version.isdecimal():
        fault = errors.invalid_value("metadata.resourceVersion", resource_version, "must be a number")
        return errors.invalid(r.kind, r.group, name, [fault])
    return errors.conflict(r.plural, r.group, name)


def _carry_over(new: Any, old: Any) -> None:
    """What no client changes: identity, stamps, deletion, generation."""
    new.name = old.name
    new.generate_name = old.generate_name
    new.uid = old.uid
    new.creation_timestamp = old.creation_timestamp
    new.deletion_timestamp = old.deletion_timestamp
    new.deletion_grace_period_seconds = old.deletion_grace_period_seconds
    new.generation = old.generation
    new.self_link = ""
    new.managed_fields = []
