"""Taking away every mount and directory of a node's volumes: what `dromon down` calls when no pod is left.

Neighbours: manager made what is removed here.
"""

from __future__ import annotations

import os

from dromon.kubelet.volumes.manager import remove
from dromon.kubelet.volumes.mounts import SystemMounter


def cleanup(state_dir: str) -> list[str]:
    """Unmount and remove the volumes of all pods of the node. Blocks.

    Args:
        state_dir: the node's own directory (the kubelet's root).

    Returns:
        one line for each mount point that was there.

    Raises:
        dromon.kubelet.volumes.interface.VolumeError: something stays mounted.
    """
    pods = os.path.join(os.path.abspath(state_dir), "pods")
    removed: list[str] = []
    for uid in sorted(os.listdir(pods)) if os.path.isdir(pods) else []:
        removed += [f"mount {point}" for point in remove(os.path.join(pods, uid), SystemMounter())]
    return removed
