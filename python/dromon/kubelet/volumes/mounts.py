"""tmpfs mounts by the mount(2) system call, and which mounts there are.

Neighbours: emptydir (medium Memory) and projected (secrets) ask for mounts, manager takes them away.
"""

from __future__ import annotations

import ctypes
import os
import re

from dromon.kubelet.volumes.interface import VolumeError

_MS_NOSUID = 2
_MS_NODEV = 4
_MNT_DETACH = 2


class SystemMounter:
    """Implements Mounter on this machine; needs root."""

    def tmpfs(self, path: str, size: int | None, mode: int) -> None:
        if os.path.realpath(path) in self.below(path):
            return
        options = f"mode={mode:o}" + (f",size={size}" if size else "")
        libc = ctypes.CDLL(None, use_errno=True)
        arguments = (b"tmpfs", os.fsencode(path), b"tmpfs", _MS_NOSUID | _MS_NODEV, options.encode())
        if libc.mount(*arguments) != 0:
            reason = os.strerror(ctypes.get_errno())
            raise VolumeError(f"mounting a tmpfs at {path} ({options}): {reason}")

    def unmount(self, path: str) -> None:
        # Detached, since a process that still has a file open must not keep the pod from going.
        ctypes.CDLL(None, use_errno=True).umount2(os.fsencode(path), _MNT_DETACH)

    def below(self, path: str) -> list[str]:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
            return points_below(file.read(), os.path.realpath(path))


def points_below(mountinfo: str, path: str) -> list[str]:
    """Mount points at or below `path` of a /proc/<pid>/mountinfo text (proc(5)), deepest first."""
    found = []
    for line in mountinfo.splitlines():
        point = re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), line.split(" ")[4])
        if point == path or point.startswith(path.rstrip("/") + "/"):
            found.append(point)
    return sorted(found, key=lambda point: point.count("/"), reverse=True)
