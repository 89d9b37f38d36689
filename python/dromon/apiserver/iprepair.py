"""Brings the keys of addresses and node ports in line with the Services that have them, at start and later.

A Service and its keys are written together, so there is nothing to do but for Services from before there
were keys, and for keys that something other than an API server left behind. Several API servers may repair at
once: every step is refused where somebody else was faster.

Neighbours: ipranges has the keys; ipalloc is told which are taken; dromon.apiserver.server runs it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from dromon.api.kinds import SERVICES
from dromon.apiserver.ipalloc import ServiceAllocator
from dromon.apiserver.ipranges import RANGES, Holder, keys, read_holder
from dromon.base.clock import Clock
from dromon.store.interface import CompareFailed, Delete, KeyValue, Op, Put, Store, StoreError

log = logging.getLogger(__name__)

INTERVAL = 180.0
"""Seconds between repairs, as upstream. A key without a Service is let go of when two in a row find it so."""

_TOGETHER = 500


class _Port(msgspec.Struct, rename="camel"):
    node_port: int = 0


class _Spec(msgspec.Struct):
    cluster_ip: str = msgspec.field(name="clusterIP", default="")
    cluster_ips: list[str] = msgspec.field(name="clusterIPs", default_factory=list)
    ports: list[_Port] = msgspec.field(default_factory=list)


class _Service(msgspec.Struct):
    """What a Service's keys follow from; the rest of it is not decoded."""

    metadata: Holder
    spec: _Spec


@dataclass(slots=True)
class Plan:
    """What is wrong.

    Attributes:
        missing: (key, who should hold it, the key's mod_revision or 0).
        stray: keys that nobody has.
        doubles: (key, its holder, another Service that has the same).
    """

    missing: list[tuple[str, Holder, int]] = field(default_factory=list)
    stray: list[KeyValue] = field(default_factory=list)
    doubles: list[tuple[str, Holder, Holder]] = field(default_factory=list)


def plan(services: Iterable[tuple[Holder, Sequence[str]]], held: Mapping[str, KeyValue]) -> Plan:
    """Compare Services (with the keys that they should hold) with the keys there are, at one revision."""
    found = Plan()
    holders = {key: read_holder(kv.value) for key, kv in held.items()}
    wanted: dict[str, list[Holder]] = {}
    for service, its_keys in services:
        for key in its_keys:
            wanted.setdefault(key, []).append(service)
    for key, wanting in wanted.items():
        # The key's holder has the right; where there is none, the first.
        holder = next((s for s in wanting if s == holders.get(key)), None)
        if holder is None:
            holder = wanting[0]
            found.missing.append((key, holder, held[key].mod_revision if key in held else 0))
        found.doubles += [(key, holder, other) for other in wanting if other != holder]
    found.stray = [kv for key, kv in held.items() if key not in wanted]
    return found


class Repair:
    """See the module.

    Args:
        store: started.
        allocator: told which keys are taken.
        clock: between repairs.
    """

    def __init__(self, store: Store, allocator: ServiceAllocator, clock: Clock) -> None:
        self._store = store
        self._allocator = allocator
        self._clock = clock
        self._stray: dict[str, int] = {}

    async def run(self) -> None:
        """Repair for ever."""
        while True:
            await self._clock.sleep(INTERVAL)
            try:
                await self.once()
            except StoreError as e:
                log.warning("can't compare services with their addresses error=%s", e)

    async def once(self) -> None:
        """Repair what is wrong now.

        Raises:
            StoreError: the store does not answer.
        """
        page = await self._store.list(RANGES)
        held = {kv.key: kv for kv in page.items}
        services = await self._store.list(SERVICES.prefix, revision=page.revision)
        found = plan(await _decode(services.items), held)
        for key, holder, other in found.doubles:
            log.error("two services have the same key=%s holder=%s other=%s", key, holder, other)
        ops: list[Op] = [
            Put(key, msgspec.json.encode(holder), expect=expect) for key, holder, expect in found.missing
        ]
        again = [kv for kv in found.stray if self._stray.get(kv.key) == kv.mod_revision]
        ops += [Delete(kv.key, expect=kv.mod_revision) for kv in again]
        self._stray = {kv.key: kv.mod_revision for kv in found.stray}
        for at in range(0, len(ops), _TOGETHER):
            await asyncio.gather(*(self._one(op) for op in ops[at : at + _TOGETHER]))
        if ops:
            log.info("service ranges repaired missing=%d stray=%d", len(found.missing), len(again))
        gone = {kv.key for kv in again}
        self._allocator.learn([k for k in held if k not in gone] + [key for key, _, _ in found.missing])

    async def _one(self, op: Op) -> None:
        try:
            await self._store.commit([op])
        except CompareFailed:
            log.debug("somebody else was faster key=%s", op.key)


async def _decode(items: Sequence[KeyValue]) -> list[tuple[Holder, list[str]]]:
    decoder = msgspec.json.Decoder(_Service)
    found = []
    for count, kv in enumerate(items, 1):
        service = decoder.decode(kv.value)
        found.append((service.metadata, keys(service.spec)))
        if count % _TOGETHER == 0:
            await asyncio.sleep(0)
    return found
