"""Calls of the Docker daemon by the docker package, off the event loop, with errors in the seam's terms.

Neighbours: docker.DockerRuntime calls through it; docker_stream does what streams.
"""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import docker.errors
import requests.exceptions

from dromon.kubelet.runtime.interface import ContainerGone, RuntimeFailure

DEFAULT_HOST = "unix:///var/run/docker.sock"
THREADS = 8
PULLS = 3
CALL_TIMEOUT = 120
"""Seconds that one call of the daemon may take."""


def default_host() -> str:
    """The daemon's URL by the environment."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_HOST


class DockerCalls:
    """The daemon's API in bounded thread pools; pulls, which are long, have their own.

    Args:
        host: the daemon's URL.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._api: Any = None
        self._threads = ThreadPoolExecutor(THREADS, "docker")
        self._pulls = ThreadPoolExecutor(PULLS, "docker-pull")

    async def connect(self) -> None:
        """Find the daemon and agree on a version."""
        make = functools.partial(
            docker.APIClient,
            base_url=self._host,
            version="auto",
            timeout=CALL_TIMEOUT,
            max_pool_size=THREADS + PULLS,
        )
        try:
            self._api = await self._in_thread(self._threads, make)
        except RuntimeFailure as error:
            raise RuntimeFailure(f"cannot reach the Docker daemon at {self._host}: {error}") from error

    def close(self) -> None:
        """Begin nothing more; what runs ends by itself."""
        if self._api is not None:
            self._api.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pulls.shutdown(wait=False, cancel_futures=True)

    async def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """One method of docker.APIClient.

        Raises:
            ContainerGone: the daemon said 404.  RuntimeFailure: anything else that is no answer.
        """
        if self._api is None:
            raise RuntimeFailure("the Docker daemon is not connected")
        return await self._in_thread(
            self._threads, functools.partial(getattr(self._api, method), *args, **kwargs)
        )

    async def pull(self, repository: str, tag: str, auth: dict[str, str] | None) -> None:
        """Pull an image; the daemon tells failures in the middle of its progress."""

        def run() -> None:
            for line in self._api.pull(repository, tag=tag, stream=True, decode=True, auth_config=auth):
                if "error" in line:
                    raise docker.errors.APIError(line["error"])

        await self._in_thread(self._pulls, run)

    async def _in_thread(self, pool: ThreadPoolExecutor, function: Callable[[], Any]) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, function)
        except docker.errors.NotFound as error:
            raise ContainerGone(_text(error)) from error
        except docker.errors.DockerException as error:
            raise RuntimeFailure(_text(error)) from error
        except (requests.exceptions.RequestException, OSError) as error:
            raise RuntimeFailure(f"the Docker daemon does not answer: {error}") from error


def _text(error: docker.errors.DockerException) -> str:
    return str(getattr(error, "explanation", None) or error)
