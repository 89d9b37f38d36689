"""What somebody outside sees while parts are taken away: pods that are made, and requests that fail.

Neighbours: scenario starts both, and judges what they counted.
"""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from msgspec import convert

from dromon.api.errors import ApiError
from dromon.api.kinds import CONFIG_MAPS, PODS, REPLICATION_CONTROLLERS
from dromon.api.types.config import ConfigMap
from dromon.api.types.pod import Pod
from dromon.api.types.workload import ReplicationController
from dromon.client.informer import Informer
from dromon.client.rest import Client, ConnectionFailed

SPACE = "default"


class Jobs:
    """ReplicationControllers of the test's own, and every pod that was ever made for them.

    Args:
        client: watches through whichever server is there.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._pods: Informer[Pod] = Informer(client, PODS, namespace=SPACE)
        self._pods.add_handler(self._changed)
        self._seen: dict[str, set[str]] = defaultdict(set)
        self._wanted: dict[str, int] = {}

    def _changed(self, old: Pod | None, new: Pod | None) -> None:
        if new is not None:
            self._seen[new.metadata.labels.get("job", "")].add(new.metadata.uid)

    async def run(self) -> None:
        """Watch until cancelled."""
        await self._pods.run()

    async def create(self, name: str, replicas: int) -> None:
        """Ask for so many pods; only once, whatever becomes of the answer."""
        labels = {"job": name}
        container = {"name": "c", "image": "registry.local/nothing:1"}
        spec = {
            "replicas": replicas,
            "selector": labels,
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        }
        body = {"metadata": {"name": name, "namespace": SPACE}, "spec": spec}
        self._wanted[name] = replicas
        try:
            await self._client.create(REPLICATION_CONTROLLERS, convert(body, ReplicationController))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    def made(self, name: str) -> bool:
        """Whether all its pods are there."""
        return len(self._seen[name]) >= self._wanted[name]

    def placed(self, name: str) -> bool:
        """Whether all its pods have nodes."""
        pods = [pod for pod in self._pods.items() if pod.metadata.labels.get("job") == name]
        return len(pods) >= self._wanted[name] and all(pod.spec.node_name for pod in pods)

    def running(self) -> bool:
        """Whether all pods of all jobs run."""
        phases = [pod.status.phase for pod in self._pods.items() if pod.metadata.labels.get("job")]
        return len(phases) >= sum(self._wanted.values()) and all(phase == "Running" for phase in phases)

    def surplus(self) -> dict[str, int]:
        """Jobs for which more pods were ever made than were asked for, and how many more."""
        more = {name: len(self._seen[name]) - wanted for name, wanted in self._wanted.items()}
        return {name: count for name, count in more.items() if count > 0}


@dataclass
class Counts:
    """Requests since the last look.

    Attributes:
        done: that succeeded, retried or not.
        retried: that had to be made a second time.
        failed: whose second time failed, too.
        longest: seconds of the slowest one, its retry included.
    """

    done: int = 0
    retried: int = 0
    failed: int = 0
    longest: float = 0.0
    why: str = ""

    def __str__(self) -> str:
        text = f"{self.done} requests, {self.retried} retried, {self.failed} failed"
        text += f", longest {self.longest:.1f} s"
        return f"{text} ({self.why})" if self.why else text


class Traffic:
    """One client that writes and reads all the time, and makes a request that failed once more."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._counts = Counts()
        self._number = 0

    def look(self) -> Counts:
        """What happened since the last look."""
        counts, self._counts = self._counts, Counts()
        return counts

    async def run(self) -> None:
        """Write and read until cancelled."""
        while True:
            await self._request(self._write)
            await self._request(self._read)
            await asyncio.sleep(0.02)

    async def _request(self, act: Callable[[], Awaitable[None]]) -> None:
        began = time.monotonic()
        try:
            await act()
        except (ApiError, ConnectionFailed):
            self._counts.retried += 1
            try:
                await act()
            except (ApiError, ConnectionFailed) as error:
                self._counts.failed += 1
                self._counts.why = str(error)
                return
        finally:
            self._counts.longest = max(self._counts.longest, time.monotonic() - began)
        self._counts.done += 1

    async def _write(self) -> None:
        self._number += 1
        body = {"data": {"number": str(self._number)}}
        try:
            await self._client.patch(CONFIG_MAPS, "traffic", SPACE, body, kind="merge")
        except ApiError as error:
            if error.code != 404:
                raise
            meta = {"metadata": {"name": "traffic", "namespace": SPACE}}
            await self._client.create(CONFIG_MAPS, convert({**meta, **body}, ConfigMap))

    async def _read(self) -> None:
        await self._client.get(CONFIG_MAPS, "traffic", SPACE)
