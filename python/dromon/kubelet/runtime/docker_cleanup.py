"""Removes a cluster's containers, blocking: for `dromon down`, when no kubelet runs any more.

Neighbours: docker_config has the label; dromon.kubelet.cleanup calls it.
"""

from __future__ import annotations

import docker
import docker.errors
import requests.exceptions

from dromon.kubelet.runtime.docker_calls import default_host
from dromon.kubelet.runtime.docker_config import CLUSTER


def remove_containers(cluster: str, host: str = "") -> list[str]:
    """Kill and remove every container with the cluster's identity.

    Returns:
        one line for each container that was removed or could not be.
    """
    messages: list[str] = []
    try:
        api = docker.APIClient(base_url=host or default_host(), version="auto", timeout=60)
    except (docker.errors.DockerException, requests.exceptions.RequestException, OSError) as error:
        return [f"failed: containers can't be removed: {error}"]
    try:
        rows = api.containers(all=True, filters={"label": [f"{CLUSTER}={cluster}"]})
        for row in rows:
            name = row["Names"][0].lstrip("/") if row["Names"] else row["Id"][:12]
            try:
                api.remove_container(row["Id"], force=True, v=True)
                messages.append(f"container {name}")
            except docker.errors.NotFound:
                continue
            except docker.errors.APIError as error:
                if "already in progress" in str(error):
                    continue
                messages.append(f"failed: container {name}: {error}")
    except (docker.errors.DockerException, requests.exceptions.RequestException) as error:
        messages.append(f"failed: containers can't be removed: {error}")
    finally:
        api.close()
    return messages
