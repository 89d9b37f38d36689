"""The event recorder: aggregation, limits, and that it never gets in the way."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from dromon.api import errors
from dromon.api.types.event import Event
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod
from dromon.client import bulk, events
from dromon.client.events import EventRecorder
from dromon.client.eventwriter import EventWriter
from dromon.client.rest import ConnectionFailed
from dromon.testing.clock import FakeClock, settle

POD = Pod(metadata=ObjectMeta(name="a", namespace="d", uid="u", resource_version="3"))


class FakeClient:
    """Keeps what is created and patched; `failures` are raised first."""

    def __init__(self) -> None:
        self.lacks = set(bulk.VERBS)
        self.created: list[Event] = []
        self.patches: list[tuple[str, dict[str, Any]]] = []
        self.failures: list[Exception] = []

    async def create(self, resource: object, event: Event) -> bulk.Written:
        if self.failures:
            raise self.failures.pop(0)
        self.created.append(event)
        return bulk.Written()

    async def patch(
        self, resource: object, name: str, namespace: str, patch: dict[str, Any], *, kind: str
    ) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.patches.append((name, patch))


class Scene:
    def __init__(self) -> None:
        self.client = FakeClient()
        self.clock = FakeClock()
        self.recorder = EventRecorder(self.client, "kubelet", "n1", self.clock)  # type: ignore[arg-type]

    async def record(self, reason: str = "Started", message: str = "m") -> None:
        self.recorder.event(POD, "Normal", reason, message, field_path="spec.containers{c}")
        await settle()


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_an_event_says_who_what_and_when(scene: Scene) -> None:
    await scene.record()
    (event,) = scene.client.created
    about = event.involved_object
    assert (about.kind, about.namespace, about.name, about.uid) == ("Pod", "d", "a", "u")
    assert about.field_path == "spec.containers{c}"
    assert (event.type, event.reason, event.message, event.count) == ("Normal", "Started", "m", 1)
    assert (event.source.component, event.source.host) == ("kubelet", "n1")
    assert event.metadata.namespace == "d"
    assert event.metadata.name.startswith("a.")
    assert event.first_timestamp == event.last_timestamp == "2023-11-14T22:13:20Z"


async def test_repeats_are_counted_on_one_event(scene: Scene) -> None:
    await scene.record()
    await scene.clock.advance(60)
    await scene.record()
    await scene.record(message="other")
    assert len(scene.client.created) == 2
    assert scene.client.patches == [
        (scene.client.created[0].metadata.name, {"count": 2, "lastTimestamp": "2023-11-14T22:14:20Z"})
    ]


async def test_repeats_that_wait_are_written_once(scene: Scene) -> None:
    for _ in range(5):
        scene.recorder.event(POD, "Normal", "Started", "m")
    await settle()
    assert [event.count for event in scene.client.created] == [5]


async def test_a_deleted_event_is_made_anew(scene: Scene) -> None:
    await scene.record()
    scene.client.failures = [errors.not_found("events", "", "x")]
    await scene.record()
    assert [event.count for event in scene.client.created] == [2, 2]


async def test_a_flood_about_one_object_is_cut_and_others_are_not(scene: Scene) -> None:
    for number in range(40):
        await scene.record(message=str(number))
    assert len(scene.client.created) == events.BURST
    assert scene.recorder.dropped == 15
    scene.recorder.event(Pod(metadata=ObjectMeta(name="b")), "Normal", "r", "m")
    await settle()
    assert scene.client.created[-1].metadata.namespace == "default"
    await scene.clock.advance(1 / events.REFILL)
    await scene.record(message="later")
    assert scene.client.created[-1].message == "later"


async def test_a_full_queue_drops(scene: Scene) -> None:
    writer = EventWriter(scene.client, scene.clock, limit=2)  # type: ignore[arg-type]
    scene.recorder = EventRecorder(scene.client, "kubelet", "n1", scene.clock, writer)  # type: ignore[arg-type]
    for number in range(5):
        scene.recorder.event(POD, "Normal", "r", str(number))
    await settle()
    assert len(scene.client.created) == 2
    assert scene.recorder.dropped == 3


async def test_an_unreachable_server_is_tried_again_a_few_times(scene: Scene) -> None:
    scene.client.failures = [ConnectionFailed("x")] * 2
    await scene.record()
    assert scene.client.created == []
    await scene.clock.advance(10)
    assert len(scene.client.created) == 0, "the answer was lost, so a repeat is tried first"
    assert len(scene.client.patches) == 1


async def test_refused_events_are_forgotten(scene: Scene) -> None:
    scene.client.failures = [errors.not_found("namespaces", "", "d")]
    await scene.record()
    await scene.record(message="next")
    assert [event.message for event in scene.client.created] == ["next"]


async def test_it_never_raises(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    scene.recorder.event(object(), "Normal", "r", "m")
    scene.recorder.event(POD, "Normal", "r", "x" * 5000)
    await settle()
    assert len(scene.client.created[0].message) == 1024


async def test_close_writes_what_waits(scene: Scene) -> None:
    scene.recorder.event(POD, "Normal", "r", "m")
    await scene.recorder.close()
    assert len(scene.client.created) == 1
    scene.recorder.event(POD, "Normal", "r", "m")
    await settle()
    assert scene.client.patches == []
