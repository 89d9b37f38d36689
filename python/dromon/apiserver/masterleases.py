"""Which API servers live, and the endpoints of the `kubernetes` Service that follow from it.

Every API server that others can reach keeps a key with a time to live, /registry/masterleases/<ip>:<port>,
and writes the endpoints as all such keys say. One that dies is withdrawn when its key expires, at the next
look of any other; one that stops takes its key with it.

Source: upstream's lease endpoint reconciler (--endpoint-reconciler-type=lease).

Neighbours: bootstrap keeps it going; dromon.apiserver.registry writes the endpoints.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from ipaddress import ip_address
from itertools import groupby
from typing import Any, TypeVar

import msgspec

from dromon.api.errors import ApiError
from dromon.api.kinds import ENDPOINT_SLICES, ENDPOINTS
from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.api.types.discovery import Endpoint, EndpointConditions, EndpointSlice
from dromon.api.types.discovery import EndpointPort as SlicePort
from dromon.api.types.endpoints import EndpointAddress, EndpointPort, Endpoints, EndpointSubset
from dromon.api.types.meta import ObjectMeta
from dromon.apiserver.registry import Registry
from dromon.store.interface import CompareFailed, Delete, Put, Store

log = logging.getLogger(__name__)

PREFIX = "/registry/masterleases/"
TTL = 15
"""Seconds that an API server counts as alive after it said so; it says so every `bootstrap.RECONCILE`."""

NAMESPACE, SERVICE = "default", "kubernetes"
_ROUNDS = 3
_OWNED = {"kubernetes.io/service-name": SERVICE}

T = TypeVar("T", bound=Api)


class Peer(msgspec.Struct, frozen=True, order=True):
    """An API server as others reach it: a key's value."""

    port: int
    address: str


class MasterLeases:
    """This API server among the others.

    Args:
        registry: for the endpoints.
        store: for the keys.
        address, port: where others reach this one; an address that they can't reach is not told.
    """

    def __init__(self, registry: Registry, store: Store, address: str, port: int) -> None:
        self._registry = registry
        self._store = store
        self._self = Peer(port, address) if reachable(address) else None

    async def reconcile(self) -> None:
        """Say that this one lives, and write the endpoints of all that do.

        Raises:
            ApiError, StoreError.
        """
        if self._self is not None:
            await self._store.commit([Put(_key(self._self), msgspec.json.encode(self._self), ttl=TTL)])
        await self._follow()

    async def withdraw(self) -> None:
        """This one stops: no new connections shall be made to it. Raises as `reconcile`."""
        if self._self is None:
            return
        try:
            await self._store.commit([Delete(_key(self._self))])
        except CompareFailed:
            return  # expired, and seen by others
        await self._follow()

    async def _follow(self) -> None:
        peers = await self._peers()
        for _ in range(_ROUNDS):
            await self._write(peers)
            before, peers = peers, await self._peers()
            if peers == before:  # else somebody came or went meanwhile, and may have written first
                return

    async def _peers(self) -> list[Peer]:
        decoder = msgspec.json.Decoder(Peer)
        return sorted({decoder.decode(kv.value) for kv in (await self._store.list(PREFIX)).items})

    async def _write(self, peers: Sequence[Peer]) -> None:
        by_port = [(port, [p.address for p in same]) for port, same in groupby(peers, lambda p: p.port)]
        await self._put(ENDPOINTS, _endpoints(by_port), bool(peers), _take_subsets)
        # A slice has one list of ports: API servers on different ones need one each.
        slices = [_slice(port, ips, number) for number, (port, ips) in enumerate(by_port)] or [
            _slice(0, [], 0)
        ]
        for wanted in slices:
            await self._put(ENDPOINT_SLICES, wanted, bool(peers), _take_members)
        await self._remove_slices({s.metadata.name for s in slices})

    async def _put(self, r: Resource[T], wanted: T, create: bool, take: Any) -> None:
        """Make the object be as wanted; one that is missing is created only if it would say something."""
        name = wanted.metadata.name  # type: ignore[attr-defined]
        try:
            await self._registry.update(r, NAMESPACE, name, lambda old: take(old, wanted))
        except ApiError as e:
            if e.reason != "NotFound":
                raise
            if create:
                await self._create(r, wanted, take)

    async def _create(self, r: Resource[T], wanted: T, take: Any) -> None:
        name = wanted.metadata.name  # type: ignore[attr-defined]
        try:
            await self._registry.create(r, wanted, namespace=NAMESPACE)
        except ApiError as e:
            if e.reason != "AlreadyExists":
                raise
            await self._registry.update(r, NAMESPACE, name, lambda old: take(old, wanted))

    async def _remove_slices(self, wanted: set[str]) -> None:
        prefix = ENDPOINT_SLICES.key(NAMESPACE, SERVICE)
        for kv in (await self._store.list(prefix)).items:
            name = kv.key.rpartition("/")[2]
            number = name.removeprefix(f"{SERVICE}-")
            if name in wanted or not (number.isdecimal() and name != number):
                continue
            try:
                await self._registry.delete(ENDPOINT_SLICES, NAMESPACE, name)
            except ApiError as e:
                if e.reason != "NotFound":
                    raise


def reachable(address: str) -> bool:
    """Whether others can reach this address: endpoints are addresses, and loopback is everybody's own."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return not (parsed.is_loopback or parsed.is_unspecified)


def _key(peer: Peer) -> str:
    return f"{PREFIX}{peer.address}:{peer.port}"


def _endpoints(by_port: Sequence[tuple[int, list[str]]]) -> Endpoints:
    subsets = [
        EndpointSubset(
            addresses=[EndpointAddress(ip=ip) for ip in ips],
            ports=[EndpointPort(name="https", port=port, protocol="TCP")],
        )
        for port, ips in by_port
    ]
    labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    return Endpoints(metadata=ObjectMeta(name=SERVICE, labels=labels), subsets=subsets)


def _take_subsets(old: Endpoints, wanted: Endpoints) -> Endpoints:
    old.subsets = wanted.subsets
    return old


def _slice(port: int, ips: list[str], number: int) -> EndpointSlice:
    name = f"{SERVICE}-{number}" if number else SERVICE
    return EndpointSlice(
        metadata=ObjectMeta(name=name, labels=dict(_OWNED)),
        address_type="IPv4",
        endpoints=[Endpoint(addresses=[ip], conditions=EndpointConditions(ready=True)) for ip in ips],
        ports=[SlicePort(name="https", port=port, protocol="TCP")] if port else [],
    )


def _take_members(old: EndpointSlice, wanted: EndpointSlice) -> EndpointSlice:
    old.endpoints, old.ports = wanted.endpoints, wanted.ports
    return old
