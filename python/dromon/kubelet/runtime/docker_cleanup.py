"""Removes a cluster's containers, blocking: for `dromon down`, when no kubelet runs any more.

Neighbours: docker_config has the label; dromon.kubelet.cleanup calls it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import docker
import docker.errors
import requests.exceptions

from dromon.kubelet.runtime import docker_config as conf
from dromon.kubelet.runtime.docker_calls import default_host

THREADS = 32
LONGEST_GRACE = 10.0
"""Seconds that a container has for SIGTERM, if its pod's terminationGracePeriodSeconds is not less."""

LONGEST_STOP = 20.0
"""Seconds after which whatever is left of many containers gets no grace any more."""

_NO_ANSWER = (docker.errors.DockerException, requests.exceptions.RequestException, OSError)


def remove_containers(cluster: str, host: str = "") -> list[str]:
    """Stop and remove every container with the cluster's identity.

    All get their stop signal at once and a bounded time to end; preStop hooks are not run. Sandboxes go
    last, so that what ends still has its network.

    Returns:
        one line for each container that was removed or could not be.
    """
    try:
        api = docker.APIClient(
            base_url=host or default_host(), version="auto", timeout=60, max_pool_size=THREADS
        )
    except _NO_ANSWER as error:
        return [f"failed: containers can't be removed: {error}"]
    try:
        rows = api.containers(all=True, filters={"label": [f"{conf.CLUSTER}={cluster}"]})
        sandboxes = [row for row in rows if row["Labels"].get(conf.KIND) == "sandbox"]
        containers = [row for row in rows if row not in sandboxes]
        end = time.monotonic() + LONGEST_STOP
        with ThreadPoolExecutor(THREADS, "docker-cleanup") as threads:
            messages = [
                *threads.map(lambda row: _end(api, row, end), containers),
                *threads.map(lambda row: _remove(api, row), sandboxes),
            ]
    except _NO_ANSWER as error:
        return [f"failed: containers can't be removed: {error}"]
    finally:
        api.close()
    return [message for message in messages if message]


def stop_seconds(grace: str, left: float) -> int:
    """How long a container has to end.

    Args:
        grace: its pod's terminationGracePeriodSeconds, as its label has it.
        left: seconds until nobody waits any more.
    """
    wanted = int(grace) if grace.isdigit() else LONGEST_GRACE
    return int(min(wanted, LONGEST_GRACE, max(0.0, left)))


def _end(api: Any, row: Mapping[str, Any], end: float) -> str:
    """Stop a container and remove it; one that can't be stopped is killed by its removal."""
    if row["State"] == "running":
        seconds = stop_seconds(row["Labels"].get(conf.GRACE, ""), end - time.monotonic())
        with contextlib.suppress(*_NO_ANSWER):
            api.stop(row["Id"], timeout=seconds)
    return _remove(api, row)


def _remove(api: Any, row: Mapping[str, Any]) -> str:
    """Remove a container; what to tell of it, "" when somebody else did."""
    name = row["Names"][0].lstrip("/") if row["Names"] else row["Id"][:12]
    try:
        api.remove_container(row["Id"], force=True, v=True)
    except docker.errors.NotFound:
        return ""
    except _NO_ANSWER as error:
        return "" if "already in progress" in str(error) else f"failed: container {name}: {error}"
    return f"container {name}"
