"""Bindings and conditions as they go over the wire, and what unclear answers lead to."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from dromon.api import errors
from dromon.api.errors import ApiError
from dromon.api.types.pod import Binding
from dromon.api.types.status import Status
from dromon.client import bulk
from dromon.client.rest import ConnectionFailed
from dromon.scheduler.bind import Placement, PodBinder, Refused
from dromon.scheduler.conditions import ConditionWriter, condition_patch
from dromon.scheduler.queue import SchedulingQueue
from dromon.testing.clock import FakeClock, settle

PLACEMENT = Placement("uid-a", "default", "a", "n")


class FakeClient:
    """Answers from a list, in order; an exception is raised, anything else returned."""

    def __init__(self, *answers: Any) -> None:
        self.lacks = set(bulk.VERBS)
        self.answers = list(answers)
        self.calls: list[tuple[Any, ...]] = []
        self.gate: asyncio.Event | None = None

    async def _answer(self, *call: Any) -> Any:
        self.calls.append(call)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def subresource(self, method, resource, name, namespace, subresource, body, answer) -> Any:
        return await self._answer(method, resource.plural, namespace, name, subresource, body)

    async def get(self, resource, name, namespace="") -> Any:
        return await self._answer("GET", resource.plural, namespace, name)

    async def patch(self, resource, name, namespace, patch, *, kind, subresource="") -> Any:
        return await self._answer("PATCH", resource.plural, namespace, name, subresource, kind, patch)


def lost() -> ConnectionFailed:
    return ConnectionFailed("lost")


async def bind(*answers: Any) -> tuple[Refused | None, FakeClient]:
    client, clock = FakeClient(*answers), FakeClock()
    task = asyncio.create_task(PodBinder(client, clock).bind([PLACEMENT]))
    while not task.done():
        await settle()
        await clock.advance(1)
    return (await task)[0], client


async def test_a_binding_names_pod_uid_and_node():
    outcome, client = await bind(Status())
    assert outcome is None
    ((method, plural, namespace, name, subresource, body),) = client.calls
    assert (method, plural, namespace, name, subresource) == ("POST", "pods", "default", "a", "binding")
    assert isinstance(body, Binding)
    assert msgspec.to_builtins(body) == {
        "kind": "Binding",
        "apiVersion": "v1",
        "metadata": {"name": "a", "namespace": "default", "uid": "uid-a"},
        "target": {"kind": "Node", "name": "n"},
    }


@pytest.mark.parametrize(
    ("error", "stale"),
    [
        (errors.not_found("pods", "", "a"), True),
        (errors.conflict("pods", "", "a"), True),
        (errors.forbidden("pods", "", "a", "no"), False),
        (errors.too_many_requests("slow down"), False),
    ],
)
async def test_clear_refusals(error: ApiError, stale: bool):
    outcome, client = await bind(error)
    assert outcome == Refused(error.message, stale)
    assert len(client.calls) == 1


@pytest.mark.parametrize("unclear", [lost(), errors.timeout("late"), errors.internal("oops")])
async def test_an_unclear_answer_is_looked_into(make, unclear):
    outcome, client = await bind(unclear, lost(), errors.unavailable("busy"), make.pod("a", nodeName="n"))
    assert outcome is None
    assert [call[0] for call in client.calls] == ["POST", "GET", "GET", "GET"]


async def test_what_is_found_after_an_unclear_answer(make):
    assert (await bind(lost(), make.pod("a")))[0] == Refused("lost", stale=False)
    assert (await bind(lost(), make.pod("a", nodeName="m")))[0] == Refused("lost", stale=True)
    other = make.pod("a", metadata={"uid": "new"}, nodeName="n")
    assert (await bind(lost(), other))[0] == Refused("lost", stale=True)
    gone = errors.not_found("pods", "", "a")
    assert (await bind(lost(), gone))[0] == Refused(gone.message, stale=True)


def with_condition(pod, **condition):
    status = msgspec.convert({"conditions": [{"type": "PodScheduled", **condition}]}, type(pod.status))
    return msgspec.structs.replace(pod, status=status)


def test_the_patch_of_a_new_condition(make):
    assert condition_patch(make.pod("a"), "Unschedulable", "why", 1_700_000_000.9) == {
        "metadata": {"uid": "uid-a"},
        "status": {
            "conditions": [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "why",
                    "lastProbeTime": None,
                    "lastTransitionTime": "2023-11-14T22:13:20Z",
                }
            ]
        },
    }


def test_an_unchanged_condition_is_not_written(make):
    pod = with_condition(make.pod("a"), status="False", reason="Unschedulable", message="why")
    assert condition_patch(pod, "Unschedulable", "why", 0) is None


def test_the_nominated_node_is_written_when_it_changes(make):
    pod = with_condition(make.pod("a"), status="False", reason="Unschedulable", message="why")
    patch = condition_patch(pod, "Unschedulable", "why", 0, "n")
    assert patch is not None
    assert patch["status"]["nominatedNodeName"] == "n"
    pod.status.nominated_node_name = "n"
    assert condition_patch(pod, "Unschedulable", "why", 0, "n") is None
    cleared = condition_patch(pod, "Unschedulable", "why", 0)
    assert cleared is not None
    assert cleared["status"]["nominatedNodeName"] is None


async def test_a_nomination_that_ends_before_its_watch_has_told_is_taken_back(make):
    async with Writer(make) as w:
        w.pod.nominated = "n"
        w.writer.report(w.pod, "Unschedulable", "why")
        await settle()
        w.pod.nominated = ""
        w.writer.report(w.pod, "Unschedulable", "why")
        await settle()
        assert [call[-1]["status"].get("nominatedNodeName") for call in w.client.calls] == ["n", None]
        assert "nominatedNodeName" in w.client.calls[1][-1]["status"]


def test_the_transition_time_is_that_of_the_status(make):
    before = "2020-01-01T00:00:00Z"
    pod = with_condition(make.pod("a"), status="False", reason="x", message="y", lastTransitionTime=before)
    patch = condition_patch(pod, "Unschedulable", "why", 0)
    assert patch is not None
    assert patch["status"]["conditions"][0]["lastTransitionTime"] == before


class Writer:
    """A running ConditionWriter and a pod that it may be told about."""

    def __init__(self, make, *answers: Any) -> None:
        self.clock = FakeClock()
        self.client = FakeClient(*answers)
        self.writer = ConditionWriter(self.client, self.clock)
        self.queue = SchedulingQueue(self.clock)
        self.pod = self.queue.add("uid-a", make.pod("a"), "g", 0)
        self.queue.park(self.queue.pop(1)[0])

    async def __aenter__(self) -> Writer:
        self.task = asyncio.create_task(self.writer.run(workers=2))
        return self

    async def __aexit__(self, *_: object) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def messages(self) -> list[str]:
        return [call[-1]["status"]["conditions"][0]["message"] for call in self.client.calls]


async def test_reports_are_written_once_each(make):
    async with Writer(make) as w:
        assert w.writer.report(w.pod, "Unschedulable", "one")
        assert not w.writer.report(w.pod, "Unschedulable", "one")
        await settle()
        assert w.client.calls[0][:6] == ("PATCH", "pods", "default", "a", "status", "strategic")
        assert w.writer.report(w.pod, "Unschedulable", "two")
        await settle()
        assert w.messages() == ["one", "two"]


async def test_only_the_newest_report_is_written_after_a_slow_write(make):
    async with Writer(make) as w:
        w.client.gate = asyncio.Event()
        w.writer.report(w.pod, "Unschedulable", "one")
        await settle()
        w.writer.report(w.pod, "Unschedulable", "two")
        w.writer.report(w.pod, "Unschedulable", "three")
        await settle()
        assert w.messages() == ["one"], "one write of a pod at a time"
        w.client.gate.set()
        await settle()
        assert w.messages() == ["one", "three"]


@pytest.mark.parametrize("failure", [lost(), errors.unavailable("busy"), errors.too_many_requests("slow")])
async def test_a_failed_write_is_repeated_while_it_is_true(make, failure):
    async with Writer(make, failure, failure) as w:
        w.writer.report(w.pod, "Unschedulable", "one")
        await settle()
        await w.clock.advance(1)
        assert w.messages() == ["one", "one"]
        w.queue.remove("uid-a")
        await w.clock.advance(10)
        assert w.messages() == ["one", "one"]


async def test_a_pod_that_is_gone_needs_no_condition(make):
    async with Writer(make, errors.not_found("pods", "", "a")) as w:
        w.writer.report(w.pod, "Unschedulable", "one")
        await settle()
        await w.clock.advance(10)
        assert w.messages() == ["one"]
        w.queue.remove("uid-a")
        w.writer.report(w.pod, "Unschedulable", "two")
        await settle()
        assert w.messages() == ["one"]


async def test_nothing_is_written_after_settle(make):
    async with Writer(make) as w:
        w.client.gate = asyncio.Event()
        w.writer.report(w.pod, "Unschedulable", "one")
        await settle()
        w.writer.report(w.pod, "Unschedulable", "two")
        settled = asyncio.create_task(w.writer.settle("uid-a"))
        await settle()
        assert not settled.done(), "a write is under way"
        w.client.gate.set()
        await settle()
        assert settled.done()
        assert w.messages() == ["one"]
        await w.writer.settle("unknown")
