"""The pod's fsGroup: who besides its owner may use a volume's content.

Source: core/v1 PodSecurityContext.fsGroup: files belong to the group, are readable and writable by it, and
directories hand the group on.

Neighbours: manager applies it to what a plug-in has mounted, atomic to each new version of projected content.
"""

from __future__ import annotations

import os
import stat


def give_to_group(path: str, group: int, writable: bool = True) -> None:
    """Make everything at and below `path` the group's; symbolic links are not followed."""
    _give(path, group, writable)
    for directory, directories, files in os.walk(path):
        for name in (*directories, *files):
            _give(os.path.join(directory, name), group, writable)


def _give(path: str, group: int, writable: bool) -> None:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        os.lchown(path, -1, group)
        return
    os.chown(path, -1, group)
    mode = stat.S_IMODE(status.st_mode) | (0o660 if writable else 0o440)
    if stat.S_ISDIR(status.st_mode):
        mode |= stat.S_ISGID | 0o110
    os.chmod(path, mode)
