"""The informer against a scripted client: list, watch, resume, relist, indexes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from dromon.api import errors
from dromon.api.kinds import PODS
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.client.informer import Informer
from dromon.client.rest import ConnectionFailed, ListResult, WatchEvent
from dromon.store.lists import too_large
from dromon.testing.clock import FakeClock, settle


def pod(name: str, version: int, node: str = "", uid: str = "") -> Pod:
    meta = ObjectMeta(name=name, namespace="d", resource_version=str(version), uid=uid or name)
    return Pod(metadata=meta, spec=PodSpec(containers=[], node_name=node))


class Feed:
    """A watch that gives what the test puts in: lists of events, an exception, or None for its end."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()

    async def batches(self) -> AsyncIterator[list[WatchEvent[Pod]]]:
        while (item := await self.queue.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    async def __aenter__(self) -> Feed:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass


class FakeClient:
    """Answers lists from `objects`, and each watch with a new Feed."""

    def __init__(self) -> None:
        self.objects: list[Pod] = []
        self.revision = "10"
        self.lists = 0
        self.watches: list[str] = []
        self.feed = Feed()
        self.fail: Exception | None = None

    async def list(self, resource: Any, namespace: str, *, continue_: str, limit: int, **_: Any) -> Any:
        if self.fail is not None:
            raise self.fail
        self.lists += 1
        at = int(continue_ or 0)
        page = self.objects[at : at + limit] if limit else self.objects
        more = str(at + limit) if limit and at + limit < len(self.objects) else ""
        return ListResult(page, self.revision, more)

    async def watch(self, resource: Any, namespace: str, *, resource_version: str, **_: Any) -> Feed:
        if self.fail is not None:
            raise self.fail
        self.watches.append(resource_version)
        self.feed = Feed()
        return self.feed


class Scene:
    def __init__(self, **options: Any) -> None:
        self.client = FakeClient()
        self.clock = FakeClock()
        self.informer = Informer(
            self.client,  # type: ignore[arg-type]
            PODS,
            clock=self.clock,
            indexes={"node": lambda p: [p.spec.node_name] if p.spec.node_name else []},
            random=lambda: 0.0,
            **options,
        )
        self.seen: list[tuple[str, str]] = []
        self.informer.add_handler(lambda old, new: self.seen.append((_text(old), _text(new))))

    def feed(self, *events: tuple[str, Pod]) -> None:
        self.client.feed.queue.put_nowait([WatchEvent(t, o) for t, o in events])


def _text(obj: Pod | None) -> str:
    return f"{obj.metadata.name}@{obj.metadata.resource_version}" if obj else "-"


@pytest.fixture
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    scene = Scene(**getattr(request, "param", {}))
    scene.client.objects = [pod("a", 1, "n1"), pod("b", 2, "n2"), pod("c", 3)]
    task = asyncio.create_task(scene.informer.run())
    await scene.informer.synced()
    await settle()
    yield scene
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize("scene", [{}, {"page_size": 2}], indirect=True, ids=["whole", "paged"])
async def test_lists_then_watches_from_the_lists_revision(scene: Scene) -> None:
    assert scene.seen == [("-", "a@1"), ("-", "b@2"), ("-", "c@3")]
    assert scene.client.watches == ["10"]
    scene.feed(("ADDED", pod("d", 11)), ("MODIFIED", pod("a", 12, "n2")), ("DELETED", pod("b", 13, "n2")))
    await settle()
    assert scene.seen[3:] == [("-", "d@11"), ("a@1", "a@12"), ("b@2", "-")]
    assert sorted(o.metadata.name for o in scene.informer.items()) == ["a", "c", "d"]


async def test_indexes_follow_every_change(scene: Scene) -> None:
    names = lambda node: [o.metadata.name for o in scene.informer.by_index("node", node)]  # noqa: E731
    assert (names("n1"), names("n2")) == (["a"], ["b"])
    scene.feed(("MODIFIED", pod("a", 11, "n2")), ("DELETED", pod("b", 12, "n2")))
    await settle()
    assert (names("n1"), names("n2")) == ([], ["a"])
    with pytest.raises(KeyError):
        scene.informer.by_index("nonsense", "x")


async def test_resumes_from_the_last_revision_seen_bookmarks_included(scene: Scene) -> None:
    scene.feed(("ADDED", pod("d", 11)), ("BOOKMARK", pod("", 50)))
    scene.client.feed.queue.put_nowait(ConnectionFailed("gone"))
    await settle()
    assert scene.client.watches == ["10"], "it waits before it comes back"
    await scene.clock.advance(1)
    assert scene.client.watches == ["10", "50"]
    assert scene.client.lists == 1


async def test_a_revision_that_the_server_does_not_reach_is_given_up(scene: Scene) -> None:
    """A store that was begun anew, or restored, may be behind what the informer remembers."""
    scene.seen.clear()
    scene.client.objects, scene.client.revision = [pod("a", 1, uid="another"), pod("b", 2, "n2")], "3"
    scene.client.feed.queue.put_nowait(too_large(10, 3))
    await settle()
    assert scene.client.lists == 1
    await scene.clock.advance(1.0)
    assert scene.client.lists == 2
    assert scene.seen == [("a@1", "-"), ("-", "a@1"), ("c@3", "-")]
    assert scene.client.watches == ["10", "3"]


async def test_expired_lists_again_and_tells_only_differences(scene: Scene) -> None:
    scene.client.objects = [pod("a", 1, "n1"), pod("c", 33), pod("e", 34)]
    scene.client.revision = "40"
    scene.client.feed.queue.put_nowait(errors.expired("too old"))
    await settle()
    assert scene.seen[3:] == [("c@3", "c@33"), ("-", "e@34"), ("b@2", "-")]
    assert scene.client.watches == ["10", "40"]


async def test_another_object_of_the_same_name_is_a_deletion_and_a_creation(scene: Scene) -> None:
    scene.feed(("MODIFIED", pod("a", 20, uid="other")))
    await settle()
    assert scene.seen[3:] == [("a@1", "-"), ("-", "a@20")]


async def test_failures_back_off_and_recover(scene: Scene) -> None:
    scene.client.fail = ConnectionFailed("refused")
    scene.client.feed.queue.put_nowait(None)
    await settle()
    await scene.clock.advance(60)
    assert scene.client.watches == ["10"]
    scene.client.fail = None
    await scene.clock.advance(60)
    assert scene.client.watches[-1] == "10"
    assert len(scene.client.watches) >= 2


async def test_a_failing_handler_does_not_stop_the_others(scene: Scene) -> None:
    def fail(old: Pod | None, new: Pod | None) -> None:
        raise RuntimeError("boom")

    scene.informer.add_handler(fail)
    late: list[str] = []
    scene.informer.add_handler(lambda old, new: late.append(_text(new)))
    assert late == ["a@1", "b@2", "c@3"], "a late handler is told what is there"
    scene.feed(("ADDED", pod("d", 11)))
    await settle()
    assert late[-1] == "d@11"


async def test_a_watch_that_ends_at_once_is_not_reopened_in_a_hurry(scene: Scene) -> None:
    for _ in range(3):
        scene.client.feed.queue.put_nowait(None)
        await settle()
    assert len(scene.client.watches) == 1
    await scene.clock.advance(0.5)
    assert len(scene.client.watches) == 2
