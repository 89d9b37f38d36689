"""Telling the API where pods go: Bindings, many in one request where the server can, and unclear answers.

Neighbours: loop decides, client.bulk carries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dromon.api.errors import ApiError
from dromon.api.kinds import PODS
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Binding
from dromon.api.types.references import ObjectReference
from dromon.base.backoff import Backoff
from dromon.base.clock import Clock
from dromon.client.bulk import Bulk
from dromon.client.rest import Client, ConnectionFailed


@dataclass(frozen=True, slots=True)
class Placement:
    """A decision to be written: this pod, known by its uid, goes to this node."""

    uid: str
    namespace: str
    name: str
    node: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The pod was not bound.

    Attributes:
        message: why.
        stale: the pod is gone or bound already; its watch will tell, nobody needs to be told.
    """

    message: str
    stale: bool


class Binder(Protocol):
    """Writes placements; each succeeds or fails by itself.

    Attributes:
        batch: how many placements one call takes at most.
    """

    batch: int

    async def bind(self, placements: Sequence[Placement]) -> list[Refused | None]:
        """Write them, and return for each None (the pod is bound to the node) or the refusal."""
        ...


class PodBinder:
    """Implements Binder.

    Args:
        client: of the API.
        clock: for the pauses while an unclear answer is looked into.
    """

    batch = 256

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._bulk = Bulk(client)
        self._clock = clock

    async def bind(self, placements: Sequence[Placement]) -> list[Refused | None]:
        outcomes = await self._bulk.bind([_binding(p) for p in placements])
        results: list[Refused | None] = [None] * len(placements)
        unclear = []
        for i, outcome in enumerate(outcomes):
            if isinstance(outcome, ApiError) and outcome.code < 500:
                results[i] = Refused(outcome.message, stale=outcome.code in (404, 409))
            elif isinstance(outcome, Exception):
                unclear.append((i, str(outcome)))

        async def look(i: int, message: str) -> None:
            results[i] = await self._look(placements[i], message)

        await asyncio.gather(*(look(*each) for each in unclear))
        return results

    async def _look(self, placement: Placement, message: str) -> Refused | None:
        """Whether the binding took effect all the same: asks until the API answers.

        Until then the pod keeps its place in the engine, so nothing else is put there.
        """
        pauses = Backoff(0.1, 5.0)
        while True:
            try:
                pod = await self._client.get(PODS, placement.name, placement.namespace)
            except ApiError as error:
                if error.code < 500 and error.code != 429:
                    return Refused(error.message, stale=error.code == 404)
            except ConnectionFailed:
                pass
            else:
                if pod.metadata.uid != placement.uid:
                    return Refused(message, stale=True)
                if pod.spec.node_name == placement.node:
                    return None
                return Refused(message, stale=bool(pod.spec.node_name))
            await self._clock.sleep(pauses.next())


def _binding(placement: Placement) -> Binding:
    return Binding(
        metadata=ObjectMeta(name=placement.name, namespace=placement.namespace, uid=placement.uid),
        target=ObjectReference(kind="Node", name=placement.node),
    )
