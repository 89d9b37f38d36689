"""Victims of preemption as they go over the wire, and what failures lead to."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dromon.api import errors
from dromon.client.rest import ConnectionFailed
from dromon.scheduler.evict import VictimWriter
from dromon.testing.clock import FakeClock, settle


class FakeClient:
    """Answers from a list, in order: an exception is raised."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.calls: list[tuple[Any, ...]] = []

    async def _answer(self, *call: Any) -> None:
        self.calls.append(call)
        if self.answers and (answer := self.answers.pop(0)) is not None:
            raise answer

    async def patch(self, resource, name, namespace, patch, *, kind, subresource="") -> None:
        await self._answer("PATCH", namespace, name, subresource, kind, patch)

    async def delete(self, resource, name, namespace, *, uid) -> None:
        await self._answer("DELETE", namespace, name, uid)


async def end(client: FakeClient, pod: Any, wanted: bool = True) -> list[str]:
    """The verbs that were sent until all is done or 3.5 seconds have passed."""
    clock = FakeClock()
    writer = VictimWriter(client, "default-scheduler", clock)  # type: ignore[arg-type]
    task = asyncio.create_task(writer.run(workers=2))
    writer.end(pod, lambda: wanted)
    for _ in range(7):
        await settle()
        await clock.advance(0.5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return [call[0] for call in client.calls]


async def test_the_reason_is_written_before_the_pod_is_deleted(make):
    client = FakeClient()
    assert await end(client, make.pod("a")) == ["PATCH", "DELETE"]
    patch = client.calls[0][-1]
    (condition,) = patch["status"]["conditions"]
    assert client.calls[0][:5] == ("PATCH", "default", "a", "status", "strategic")
    assert patch["metadata"] == {"uid": "uid-a"}
    assert (condition["type"], condition["status"]) == ("DisruptionTarget", "True")
    assert condition["reason"] == "PreemptionByScheduler"
    assert condition["message"] == "default-scheduler: preempting to accommodate a higher priority pod"
    assert client.calls[1] == ("DELETE", "default", "a", "uid-a")


async def test_a_pod_that_is_ending_is_left_alone(make):
    client = FakeClient()
    ending = make.pod("a", metadata={"deletionTimestamp": "2024-01-01T00:00:00Z"})
    assert await end(client, ending) == []


@pytest.mark.parametrize("failure", [ConnectionFailed("lost"), errors.unavailable("busy")])
async def test_failures_are_repeated_while_the_room_is_wanted(make, failure):
    assert await end(FakeClient(failure, None, failure), make.pod("a")) == [
        "PATCH",
        "PATCH",
        "DELETE",
        "PATCH",
        "DELETE",
    ]
    assert await end(FakeClient(failure), make.pod("a"), wanted=False) == ["PATCH"]


async def test_a_pod_that_is_gone_needs_nothing(make):
    assert await end(FakeClient(errors.not_found("pods", "", "a")), make.pod("a")) == ["PATCH"]
