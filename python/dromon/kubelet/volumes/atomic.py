"""Files that change all at once: the directory scheme that upstream's containers know.

    <volume>/..<version>/      the files of one version
    <volume>/..data            link to the newest version; moved by one rename
    <volume>/<name>            link to ..data/<name>, for each first path component

A reader that has opened ..data sees one version; whoever watches ..data sees one change.

Neighbours: projected fills it with what content computes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from dromon.kubelet.volumes.interface import VolumeError
from dromon.kubelet.volumes.ownership import give_to_group

_DATA = "..data"


@dataclass(frozen=True, slots=True)
class File:
    """Content and permission bits of a file."""

    content: bytes
    mode: int


def check_path(path: str) -> str:
    """The path of a file in a volume, if it stays inside.

    Raises:
        VolumeError: it is absolute, empty, or has a component "..", or one that begins with ".." first.
    """
    parts = path.split("/")
    if not path or path.startswith("/") or ".." in parts or parts[0].startswith("..") or "\0" in path:
        raise VolumeError(f"invalid path {path!r}: it must be relative and stay inside the volume")
    return os.path.normpath(path)


def write(directory: str, files: Mapping[str, File], group: int | None = None) -> bool:
    """Make `directory` show exactly `files`. Blocks.

    Args:
        directory: the volume, which exists.
        files: relative path -> file.
        group: the pod's fsGroup.

    Returns:
        whether anything changed.

    Raises:
        VolumeError: a path leaves the volume. OSError: the disk refuses.
    """
    checked = {check_path(path): file for path, file in files.items()}
    link = os.path.join(directory, _DATA)
    old = os.readlink(link) if os.path.islink(link) else ""
    if old and _read(os.path.join(directory, old)) == {path: file.content for path, file in checked.items()}:
        return False
    version = tempfile.mkdtemp(prefix="..v", dir=directory)
    try:
        _fill(version, checked, group)
        temporary = f"{link}_tmp"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        os.symlink(os.path.basename(version), temporary)
        os.replace(temporary, link)
    except BaseException:
        shutil.rmtree(version, ignore_errors=True)
        raise
    _show(directory, {path.split("/", 1)[0] for path in checked})
    for name in os.listdir(directory):
        if name.startswith("..") and name not in (_DATA, os.path.basename(version)):
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
    return True


def _fill(version: str, files: Mapping[str, File], group: int | None) -> None:
    os.chmod(version, 0o755)  # noqa: S103
    for path, file in files.items():
        target = os.path.join(version, path)
        os.makedirs(os.path.dirname(target), mode=0o755, exist_ok=True)
        with open(target, "wb") as opened:
            opened.write(file.content)
        os.chmod(target, file.mode)
    if group is not None:
        give_to_group(version, group, writable=False)


def _show(directory: str, names: set[str]) -> None:
    for name in names:
        path = os.path.join(directory, name)
        if not os.path.islink(path):
            os.symlink(os.path.join(_DATA, name), path)
    for name in os.listdir(directory):
        if not name.startswith("..") and name not in names:
            os.unlink(os.path.join(directory, name))


def _read(version: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for directory, _, names in os.walk(version):
        for name in names:
            path = os.path.join(directory, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, version)] = file.read()
    return found
