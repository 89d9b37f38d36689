"""The data directory of a cluster: where what is, and the lock that says who runs it.

Neighbours: every command about a cluster; ARCHITECTURE.md lists the files.
"""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

DEFAULT = "~/.dromon"


class DataDir:
    """Paths below the data directory, and its small JSON records.

    Args:
        path: the directory; "~" is expanded.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser().absolute()

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.path / "kubeconfig"

    @property
    def pki(self) -> Path:
        """The CA, and certificates and keys of all components."""
        return self.path / "pki"

    @property
    def tokens(self) -> Path:
        """Static bearer tokens, as CSV."""
        return self.path / "tokens.csv"

    @property
    def database(self) -> Path:
        """SQLite's file."""
        return self.path / "db.sqlite"

    @property
    def store_url(self) -> str:
        """The store in `database`, as --store has it: whatever characters the path has."""
        return f"sqlite://{quote(str(self.database))}"

    @property
    def logs(self) -> Path:
        """One file a component."""
        return self.path / "logs"

    @property
    def run(self) -> Path:
        """The lock and the record of processes."""
        return self.path / "run"

    @property
    def nodes(self) -> Path:
        """The kubelets' root directories."""
        return self.path / "nodes"

    @property
    def settings(self) -> Path:
        """What the cluster was last started with."""
        return self.path / "cluster.json"

    @property
    def state(self) -> Path:
        """Which processes run; the supervisor writes it."""
        return self.run / "state.json"

    @property
    def lock(self) -> Path:
        return self.run / "lock"

    def component_kubeconfig(self, component: str) -> Path:
        return self.path / f"{component}.kubeconfig"

    def log(self, component: str) -> Path:
        return self.logs / f"{component}.log"

    @property
    def ours(self) -> bool:
        """Whether `make` made it: a directory of anything else must never be purged."""
        return all(directory.is_dir() for directory in self._directories())

    def _directories(self) -> tuple[Path, ...]:
        return (self.run, self.pki, self.logs, self.nodes)

    def make(self) -> None:
        """Make the directories.

        Raises:
            click.ClickException: with what to do, when that is not possible, or when the path is a
                directory that holds other things.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            known = {directory.name for directory in self._directories()}
            foreign = {entry.name for entry in self.path.iterdir()} - known
            if foreign and not self.ours:
                raise click.ClickException(
                    f"{self.path} holds other things ({min(foreign)}): choose an empty or new directory "
                    "with --data-dir DIR (dromon down --purge deletes it whole)"
                )
            for directory in self._directories():
                directory.mkdir(mode=0o700, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.run):
                pass
        except OSError as error:
            raise click.ClickException(
                f"the data directory {self.path} can't be used: {error.strerror}. "
                "Choose one of your own with --data-dir DIR (or DROMON_UP_DATA_DIR)."
            ) from None


class Lock:
    """An exclusive flock(2) on DIR/run/lock: whoever holds it runs the cluster."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1

    def acquire(self, patience: float = 0.0) -> bool:
        """Take it; False when somebody else has it, still after `patience` seconds."""
        deadline = time.monotonic() + patience
        while not self._try():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return True

    def _try(self) -> bool:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """Give it back; in a forked child: close its copy, which would outlive the owner."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def held(self) -> bool:
        """Whether somebody (else) has it."""
        try:
            if not self._try():
                return True
        except (FileNotFoundError, NotADirectoryError):
            return False
        self.release()
        return False


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Replace a JSON file atomically, mode 0600."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(content, file, indent=1)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read_json(path: Path) -> dict[str, Any]:
    """A JSON file's object; {} when it is missing or damaged."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
