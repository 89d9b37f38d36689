"""Telling the API where a pod goes: POST pods/<name>/binding, and what an unclear answer meant.

`Binder` is the seam for writing many bindings in one request (DESIGN §7) where the server can.

Neighbours: loop decides, dromon.client carries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from dromon.api.errors import ApiError
from dromon.api.kinds import PODS
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Binding
from dromon.api.types.references import ObjectReference
from dromon.api.types.status import Status
from dromon.base.backoff import Backoff
from dromon.base.clock import Clock
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
    """Implements Binder by one request per pod, as every server understands.

    Args:
        client: of the API.
        clock: for the pauses while an unclear answer is looked into.
    """

    batch = 1

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def bind(self, placements: Sequence[Placement]) -> list[Refused | None]:
        return [await self._bind(placement) for placement in placements]

    async def _bind(self, placement: Placement) -> Refused | None:
        binding = Binding(
            metadata=ObjectMeta(name=placement.name, namespace=placement.namespace, uid=placement.uid),
            target=ObjectReference(kind="Node", name=placement.node),
        )
        try:
            await self._client.subresource(
                "POST", PODS, placement.name, placement.namespace, "binding", binding, Status
            )
        except ApiError as error:
            if error.code < 500:
                return Refused(error.message, stale=error.code in (404, 409))
            return await self._look(placement, error.message)
        except ConnectionFailed as error:
            return await self._look(placement, str(error))
        return None

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
