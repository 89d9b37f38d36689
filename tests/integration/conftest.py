"""A hollow cluster made by the real command, and real kubectl against it; shared by a module's tests."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DROMON = Path(sys.executable).parent / "dromon"


def find_kubectl() -> str | None:
    """The plain kubectl 1.32 where a dispatcher hides it, else the one on PATH."""
    found = shutil.which("kubectl")
    if found is None:
        return None
    plain = Path(found).resolve().parent / "kubectl.1.32"
    return str(plain) if plain.exists() else found


class Cluster:
    """A running cluster: its data directory, and kubectl and dromon with its credentials."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(directory / "kubeconfig"),
            "HOME": str(directory),
            "PATH": f"{DROMON.parent}:{os.environ['PATH']}",
        }

    def run(
        self, *command: str, stdin: str | None = None, ok: bool = True, timeout: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; with `ok` a failure fails the test with what it printed."""
        done = subprocess.run(
            command,
            env=self.environment,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if ok and done.returncode:
            pytest.fail(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def kubectl(self, *arguments: str, stdin: str | None = None, ok: bool = True) -> str:
        """kubectl's standard output (and standard error, where it is to fail)."""
        kubectl = find_kubectl()
        assert kubectl is not None
        done = self.run(kubectl, *arguments, stdin=stdin, ok=ok)
        return done.stdout if ok else done.stdout + done.stderr

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """kubectl as a process whose standard output is read line by line."""
        kubectl = find_kubectl()
        assert kubectl is not None
        return subprocess.Popen(
            [kubectl, *arguments], env=self.environment, stdout=subprocess.PIPE, text=True
        )

    def dromon(self, *arguments: str, stdin: str | None = None) -> str:
        """dromon's standard output."""
        return self.run(str(DROMON), *arguments, stdin=stdin).stdout


@pytest.fixture(scope="session")
def hollow_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Three hollow nodes."""
    directory = tmp_path_factory.mktemp("hollow")
    cluster = Cluster(directory)
    up = ("up", "--detach", "--runtime", "hollow", "--nodes", "3", "--port", "0")
    cluster.dromon(*up, "--data-dir", str(directory))
    yield cluster
    cluster.dromon("down", "--purge", "--data-dir", str(directory))


_numbers = itertools.count()


@pytest.fixture
def namespace(hollow_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, deleted (without waiting) after it."""
    words = re.sub("[^a-z0-9]+", "-", request.node.originalname.lower())
    name = f"t-{words[:40].rstrip('-')}-{next(_numbers)}"
    hollow_cluster.kubectl("create", "namespace", name)
    yield name
    hollow_cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def kubectl(hollow_cluster: Cluster, namespace: str) -> Callable[..., str]:
    """kubectl in the test's namespace."""

    def call(*arguments: str, stdin: str | None = None, ok: bool = True) -> str:
        return hollow_cluster.kubectl("-n", namespace, *arguments, stdin=stdin, ok=ok)

    return call
