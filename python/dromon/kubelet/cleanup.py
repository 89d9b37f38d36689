"""Taking a node away: its containers, its network, its volumes. What `dromon down` calls.

Neighbours: runtime.docker made the containers; network.cleanup and volumes.cleanup remove their own.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from dromon.base.iptables import IptablesError
from dromon.base.netlink import NetworkFailure
from dromon.kubelet.files import identity
from dromon.kubelet.network.cleanup import cleanup as cleanup_network
from dromon.kubelet.runtime.docker_cleanup import remove_containers
from dromon.kubelet.volumes.cleanup import cleanup as cleanup_volumes
from dromon.kubelet.volumes.interface import VolumeError


def cleanup(state_dir: str, docker_host: str = "") -> list[str]:
    """Remove everything that the kubelet with root directory `state_dir` has on this machine. Blocks.

    A directory that no kubelet used is fine. What can't be removed is told, and the rest is removed.

    Returns:
        one line for each thing that was removed or could not be.
    """
    messages: list[str] = []
    cluster = identity(state_dir, create=False) if Path(state_dir).is_dir() else ""
    if cluster:
        messages += remove_containers(cluster, docker_host)
    try:
        messages += cleanup_network(state_dir)
    except (IptablesError, NetworkFailure, OSError) as error:
        messages.append(f"failed: {error}")
    try:
        messages += cleanup_volumes(state_dir)
    except (VolumeError, OSError) as error:
        # Something is still mounted: whatever deletes the pods' directories would delete what it shows.
        messages.append(f"failed: {error}")
    else:
        shutil.rmtree(Path(state_dir) / "pods", ignore_errors=True)
    return messages
