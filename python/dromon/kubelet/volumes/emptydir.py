"""emptyDir: a directory that lives and dies with the pod, on the node's disk or in memory.

Source: core/v1 EmptyDirVolumeSource.

Neighbours: mounts has the tmpfs, manager removes the directory.
"""

from __future__ import annotations

import os

from dromon.api import quantity
from dromon.kubelet.volumes.interface import MountContext, VolumeError


class EmptyDirPlugin:
    """Open to every user of the pod's containers, as upstream makes it."""

    directory = "kubernetes.io~empty-dir"
    fs_group = True
    dynamic = False

    async def mount(self, context: MountContext) -> str:
        await context.blocking(self._make, context)
        return context.path

    def _make(self, context: MountContext) -> None:
        source = context.volume.empty_dir
        medium = source.medium if source is not None else ""
        if medium not in ("", "Memory"):
            raise VolumeError(f"emptyDir medium {medium!r} is not supported by this node")
        os.makedirs(context.path, exist_ok=True)
        if medium == "Memory":
            limit = source.size_limit if source is not None else None
            size = quantity.value(limit) if limit is not None else 0
            context.mounter.tmpfs(context.path, size or None, 0o777)
        else:
            # Against the umask. Only the first time: the pod may have narrowed it since.
            if not os.listdir(context.path):
                os.chmod(context.path, 0o777)  # noqa: S103
