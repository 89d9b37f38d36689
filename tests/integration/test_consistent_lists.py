"""Real kubectl reads large lists by pages, and follows watches, while everything changes and servers end.

Writers note the revision that each change was answered with, so what stood at any revision is known without
asking the server.

Neighbours: tests/faults breaks more, with clients of its own; tests/store has the same promises below HTTP.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from dromon.base.http.client import HttpClient
from dromon.client.config import ClientConfig
from dromon.store import token
from dromon.testing.apiserver import RunningApiServer, running_apiserver
from dromon.testing.cluster import Cluster, find_kubectl

pytestmark = pytest.mark.kubectl

PODS = "/api/v1/namespaces/default/pods"
STRIDE = 1_777
"""A prime: writers visit all names, near ones far apart in time."""
WRITERS = 2
PAGE = 100
STEP = "test/step"

State = dict[str, tuple[str, str]]
"""What each pod's last change was: its revision, and the step that the writer gave it."""


def pod(name: str, step: str) -> dict[str, Any]:
    spec = {"schedulerName": "nobody", "containers": [{"name": "c", "image": "example/image:1"}]}
    return {"metadata": {"name": name, "annotations": {STEP: step}}, "spec": spec}


def content(items: list[dict[str, Any]]) -> State:
    metadata = [item["metadata"] for item in items]
    return {m["name"]: (m["resourceVersion"], m["annotations"][STEP]) for m in metadata}


@dataclass
class Churn:
    """Writers that create, change and delete pods in a fixed rotation, and all that they were answered.

    Attributes:
        names: names that pods come and go under; at first every sixth has none.
        changes: (revision, name, step; None: deleted).
    """

    api: RunningApiServer
    names: int
    changes: list[tuple[int, str, str | None]] = field(default_factory=list)
    stopping: bool = False

    async def prepare(self) -> None:
        """Make the pods, some hundreds a request."""
        names = [f"p{k:04}" for k in range(self.names) if k % 6]
        for batch in (names[i : i + 500] for i in range(0, len(names), 500)):
            body = {"kind": "PodList", "apiVersion": "v1", "items": [pod(name, "0") for name in batch]}
            answer = await self.api.request("POST", PODS, body)
            assert answer.status == 207, answer.body[:500]
        made = content((await self.api.request("GET", PODS)).json["items"])
        assert len(made) == len(names)
        self.changes += [(int(revision), name, step) for name, (revision, step) in made.items()]

    async def write(self, number: int) -> None:
        """Until stopped; each writer has names of its own."""
        there = {name for _, name, _ in self.changes}
        for n in itertools.count():
            if self.stopping:
                return
            k = (n * STRIDE) % self.names
            name = f"p{k:04}"
            if k % WRITERS != number:
                continue
            step = f"{number}-{n}"
            if name not in there:
                answer = await self.api.request("POST", PODS, pod(name, step))
                there.add(name)
            elif n % 3 == 0:
                answer = await self.api.request("DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")
                there.remove(name)
                step = ""
            else:
                change = {"metadata": {"annotations": {STEP: step}}}
                kind = "application/merge-patch+json"
                answer = await self.api.request("PATCH", f"{PODS}/{name}", change, content_type=kind)
            assert answer.status in (200, 201), answer.body
            revision = int(answer.json["metadata"]["resourceVersion"])
            self.changes.append((revision, name, step or None))

    def at(self, revision: int) -> State:
        """What stood at a revision; to be asked when no change is under way."""
        state: State = {}
        for changed, name, step in sorted(c for c in self.changes if c[0] <= revision):
            state.pop(name, None)
            if step is not None:
                state[name] = (str(changed), step)
        return state


@dataclass(frozen=True, slots=True)
class Seen:
    """A list by kubectl: its pages' revisions, what it printed, and what was written before it ended."""

    revisions: set[int]
    requests: int
    output: str
    newest: int
    exact: State


async def kubectl_list(churn: Churn, form: str) -> Seen:
    """kubectl's list by pages, and the same as one page of the same revision."""
    command = [find_kubectl() or "kubectl", "--kubeconfig", str(churn.api.kubeconfig), "get", "pods", "-v=6"]
    command += [f"--chunk-size={PAGE}", *(["-o", form] if form else ["--no-headers"])]
    pipe = asyncio.subprocess.PIPE
    environment = {**os.environ, "HOME": str(churn.api.kubeconfig.parent)}
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=environment)
    output, log = await process.communicate()
    newest = max(revision for revision, _, _ in churn.changes)
    assert process.returncode == 0, log[-2000:]
    pages = re.findall(rf"GET \S+{PODS}\?(\S+)", log.decode())
    tokens = re.findall(r"continue=([^&\s]+)", " ".join(pages))
    revisions = {token.decode(unquote(each)).revision or 0 for each in tokens}
    target = f"{PODS}?resourceVersion={max(revisions)}&resourceVersionMatch=Exact"
    answer = await churn.api.request("GET", target)
    assert answer.status == 200, answer.body
    return Seen(revisions, len(pages), output.decode(), newest, content(answer.json["items"]))


@pytest.mark.parametrize(
    ("count", "kept", "forms"),
    [
        # kubectl's own work grows with the square of the pages, so only one of these is large.
        pytest.param(5_000, 10_000, ("json",), id="many, of a past that is in memory"),
        pytest.param(1_000, 10_000, ("name", ""), id="of a past that is in memory"),
        pytest.param(1_000, 20, ("json", "name", ""), id="of a past that only the store has"),
    ],
)
async def test_pages_show_one_revision_while_pods_change(
    tmp_path: Path, count: int, kept: int, forms: tuple[str, ...]
) -> None:
    url = f"sqlite://{tmp_path}/db.sqlite"
    async with running_apiserver(store_url=url, directory=tmp_path, watch_history_events=kept) as api:
        churn = Churn(api, count * 6 // 5)
        await churn.prepare()
        writers = [asyncio.create_task(churn.write(number)) for number in range(WRITERS)]
        lists = {form: await kubectl_list(churn, form) for form in forms}
        churn.stopping = True
        await asyncio.gather(*writers)
    for form, seen in lists.items():
        (revision,) = seen.revisions
        expected = churn.at(revision)
        assert seen.requests == -(-len(expected) // PAGE)
        assert seen.newest > revision  # or else nothing changed meanwhile, and this shows nothing
        assert seen.exact == expected
        if form == "json":
            assert content(json.loads(seen.output)["items"]) == expected
        else:
            first = [line.split()[0].removeprefix("pod/") for line in seen.output.splitlines()]
            assert first == sorted(expected)


# -- across restarts

MAPS = "/api/v1/namespaces/default/configmaps"
OBJECTS = 5
LAST = 60
ENDS = {20: signal.SIGKILL, 40: signal.SIGTERM}
"""After which value the apiserver gets which signal."""
AFTERMATH = 10
"""Values that are written while it ends, or by the next; more only once the next is there."""


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    cluster.up("--runtime", "hollow", "--nodes", "1")
    yield cluster
    cluster.down()


@pytest.fixture
async def http(cluster: Cluster) -> AsyncIterator[HttpClient]:
    config = ClientConfig.load(cluster.directory / "kubeconfig")
    client = HttpClient(config.host, config.port, ssl_context=config.ssl_context())
    yield client
    await client.close()


def configmap(number: int, value: int) -> bytes:
    return json.dumps({"metadata": {"name": f"m{number}"}, "data": {"value": str(value)}}).encode()


async def insist(http: HttpClient, method: str, target: str, body: bytes = b"") -> Any:
    """The answer to a request that is sent until there is one."""
    headers = {"Content-Type": "application/json"}
    while True:
        try:
            answer = await http.request(method, target, headers, body)
        except OSError:
            answer = None
        if answer is not None and answer.status in (200, 201):
            return json.loads(answer.body)
        assert answer is None or answer.status in (429, 503), answer.body
        await asyncio.sleep(0.02)  # nobody listens


async def write(http: HttpClient, cluster: Cluster) -> None:
    """Values in turn, each until it is acknowledged; one that had been written already changes nothing."""
    ended = 0
    for value in range(1, LAST + 1):
        number = value % OBJECTS
        await insist(http, "PUT", f"{MAPS}/m{number}", configmap(number, value))
        if value in ENDS:
            ended = cluster.processes()["apiserver"]
            os.kill(ended, ENDS[value])
        elif value - AFTERMATH in ENDS:
            while cluster.processes()["apiserver"] in (0, ended):  # 0: it has ended
                await asyncio.sleep(0.02)


async def follow(http: HttpClient, after: int, begun: asyncio.Queue[int]) -> list[tuple[int, int]]:
    """Revisions and values that a watch saw, which goes on after the last one however often it is ended.

    Args:
        begun: is given the revision each time that it begins.
    """
    seen: list[tuple[int, int]] = []
    while not seen or seen[-1][1] < LAST:
        target = f"{MAPS}?watch=1&fieldSelector=metadata.name!=kube-root-ca.crt&resourceVersion={after}"
        try:
            async with await http.stream("GET", target) as stream:
                if stream.status == 200:
                    begun.put_nowait(after)
                    rest = b""
                    async for chunk in stream:
                        *lines, rest = (rest + chunk).split(b"\n")
                        seen += [change(line) for line in lines]
                        after = seen[-1][0] if seen else after
                        if seen and seen[-1][1] >= LAST:
                            break
        except OSError:
            await asyncio.sleep(0.02)  # nobody listens
    return seen


def change(line: str | bytes) -> tuple[int, int]:
    """Revision and value of a watch event."""
    event = json.loads(line)
    assert event["type"] == "MODIFIED", event
    return int(event["object"]["metadata"]["resourceVersion"]), int(event["object"]["data"]["value"])


async def test_watches_and_pages_go_on_across_restarts(cluster: Cluster, http: HttpClient) -> None:
    for number in range(OBJECTS):
        await insist(http, "POST", MAPS, configmap(number, 0))
    page = await insist(http, "GET", f"{MAPS}?limit=3")
    start = int(page["metadata"]["resourceVersion"])
    async with asyncio.timeout(120):
        begun: asyncio.Queue[int] = asyncio.Queue()
        following = asyncio.create_task(follow(http, start, begun))
        assert await begun.get() == start
        await write(http, cluster)
        seen = await following
    assert begun.qsize() >= len(ENDS)
    assert [value for _, value in seen] == list(range(1, LAST + 1))
    revisions = [revision for revision, _ in seen]
    assert revisions == sorted(set(revisions))
    # kubectl, which comes only now, is told the same.
    selector = "fieldSelector=metadata.name!%3Dkube-root-ca.crt"
    kubectl = cluster.popen("get", "--raw", f"{MAPS}?watch=1&resourceVersion={start}&{selector}")
    with kubectl:
        assert kubectl.stdout is not None
        assert [change(line) for line in itertools.islice(kubectl.stdout, LAST)] == seen
        kubectl.kill()
    # The pages go on where they were, in the past.
    rest = await insist(http, "GET", f"{MAPS}?limit=3&continue={page['metadata']['continue']}")
    assert rest["metadata"]["resourceVersion"] == str(start)
    items = [i for i in page["items"] + rest["items"] if i["metadata"]["name"] != "kube-root-ca.crt"]
    assert [(i["metadata"]["name"], i["data"]["value"]) for i in items] == [
        (f"m{number}", "0") for number in range(OBJECTS)
    ]
