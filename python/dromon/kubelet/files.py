"""A pod's own files on the node: /etc/hosts, /etc/resolv.conf, termination messages.

Layout below the kubelet's root: pods/<uid>/etc-hosts, pods/<uid>/resolv.conf and
pods/<uid>/containers/<name>/<attempt>; pods/<uid>/volumes belongs to the volumes package.
All methods block for a few small files.

Neighbours: hosts makes the contents, spec binds them into containers, worker reads the messages.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import stat
import uuid
from pathlib import Path

log = logging.getLogger(__name__)

MAX_MESSAGE = 4096
"""Bytes of a termination message that are kept (core/v1 ContainerStateTerminated)."""

IDENTITY = "cluster-id"


def identity(root: str, *, create: bool) -> str:
    """The random identity of a kubelet's root directory, by which it knows its containers; "" for none."""
    path = Path(root) / IDENTITY
    with contextlib.suppress(FileNotFoundError):
        found = path.read_text().strip()
        if found:
            return found
    if not create:
        return ""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = uuid.uuid4().hex
    temporary = path.with_suffix(".new")
    with temporary.open("w") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())  # after a power cut, too, containers must be known by it
    temporary.replace(path)
    return made


class PodFiles:
    """Files of the pods below `root`."""

    def __init__(self, root: str) -> None:
        self._root = Path(root).resolve() / "pods"

    def write(self, uid: str, name: str, content: str) -> str:
        """Write pods/<uid>/<name> in place (containers have it bound) and return its path."""
        directory = self._root / uid
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / name
        path.write_text(content)
        path.chmod(0o644)
        return str(path)

    def message_path(self, uid: str, container: str, attempt: int) -> str:
        """Where a run of a container leaves its termination message."""
        return str(self._root / uid / "containers" / container / str(attempt))

    def make_message(self, uid: str, container: str, attempt: int) -> str:
        """An empty file for the message, writable by whoever the container runs as."""
        path = Path(self.message_path(uid, container, attempt))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        path.chmod(0o666)
        return str(path)

    def message(self, uid: str, container: str, attempt: int) -> str:
        """What the run left, "" when nothing."""
        try:
            with Path(self.message_path(uid, container, attempt)).open("rb") as file:
                return file.read(MAX_MESSAGE).decode("utf-8", "replace")
        except OSError:
            return ""

    def remove(self, uid: str) -> None:
        """Remove the pod's directory; volumes that are still there keep it."""
        directory = self._root / uid
        shutil.rmtree(directory / "containers", ignore_errors=True)
        for name in ("etc-hosts", "resolv.conf"):
            (directory / name).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            try:
                directory.rmdir()
            except OSError as error:
                log.warning("pod directory is not empty", extra={"pod": uid, "why": error.strerror})


def subpath(volume: str, path: str) -> str:
    """The host path of a subPath of a volume, made as a directory when it is missing.

    What is made has the volume's own mode, so that who may write to the volume (by fsGroup) may write there.

    Raises:
        ValueError: it leads out of the volume.
    """
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"subPath {path!r} must be relative and must not contain '..'")
    base = os.path.realpath(volume)
    target = os.path.realpath(os.path.join(base, path))
    if target != base and not target.startswith(base.rstrip("/") + "/"):
        raise ValueError(f"subPath {path!r} leads out of the volume")
    missing = []
    while not os.path.exists(target):
        missing.append(target)
        target = os.path.dirname(target)
    mode = stat.S_IMODE(os.stat(base).st_mode)
    for directory in reversed(missing):
        os.makedirs(directory, exist_ok=True)
        os.chmod(directory, mode)  # the process's umask must not take rights away
        target = directory
    return target
