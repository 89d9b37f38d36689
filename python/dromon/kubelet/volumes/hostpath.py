"""hostPath: a file or directory of the node itself.

Source: core/v1 HostPathVolumeSource and its types.

Neighbours: manager calls; nothing of it is ever removed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable

from dromon.kubelet.volumes.interface import MountContext, VolumeError

_CHECKS: dict[str, tuple[Callable[[int], bool], str]] = {
    "Directory": (stat.S_ISDIR, "a directory"),
    "File": (stat.S_ISREG, "a file"),
    "Socket": (stat.S_ISSOCK, "a socket file"),
    "CharDevice": (stat.S_ISCHR, "a character device"),
    "BlockDevice": (stat.S_ISBLK, "a block device"),
}


class HostPathPlugin:
    """The path as it is, after the check or creation that its type asks for."""

    directory = "kubernetes.io~host-path"
    fs_group = False
    dynamic = False

    async def mount(self, context: MountContext) -> str:
        source = context.volume.host_path
        assert source is not None
        if not source.path.startswith("/") or ".." in source.path.split("/"):
            raise VolumeError(f"hostPath {source.path!r} must be absolute and without '..'")
        await context.blocking(prepare, source.path, source.type or "")
        return source.path


def prepare(path: str, kind: str) -> None:
    """Check or create `path` as hostPath type `kind` asks. Blocks.

    Raises:
        VolumeError: the path is not of that type, or the type is unknown.
    """
    try:
        if kind in ("", "DirectoryOrCreate") and not os.path.exists(path):
            os.makedirs(path, mode=0o755, exist_ok=True)
        elif kind == "FileOrCreate" and not os.path.exists(path):
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))
    except OSError as error:
        raise VolumeError(f"hostPath {path}: can't create it: {error.strerror}") from None
    wanted = {"DirectoryOrCreate": "Directory", "FileOrCreate": "File"}.get(kind, kind)
    if not wanted:
        return
    if wanted not in _CHECKS:
        raise VolumeError(f"hostPath type {kind!r} is unknown")
    is_it, what = _CHECKS[wanted]
    try:
        mode = os.stat(path).st_mode
    except OSError:
        raise VolumeError(f"hostPath type check failed: {path} does not exist") from None
    if not is_it(mode):
        raise VolumeError(f"hostPath type check failed: {path} is not {what}")
