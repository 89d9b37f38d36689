"""A cluster of a test's own, made by the real command, driven by real kubectl.

    cluster = Cluster(tmp_path)
    cluster.up("--runtime", "hollow", "--nodes", "3")
    assert "Ready" in cluster.kubectl("get", "nodes")
    cluster.down()

Neighbours: dromon.testing.apiserver is the cheaper one, an apiserver alone inside the test's process.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

DROMON = Path(sys.executable).parent / "dromon"


def find_kubectl() -> str | None:
    """The plain kubectl 1.32 where a dispatcher by version hides it, else the one on PATH, or None."""
    found = shutil.which("kubectl")
    if found is None:
        return None
    plain = Path(found).resolve().parent / "kubectl.1.32"
    return str(plain) if plain.exists() else found


def kubectl_minor() -> int:
    """The minor version of the kubectl that `find_kubectl` finds; 0 without any."""
    kubectl = find_kubectl()
    if kubectl is None:
        return 0
    command = [kubectl, "version", "--client", "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    try:
        return int(json.loads(done.stdout)["clientVersion"]["minor"].rstrip("+"))
    except (ValueError, KeyError):
        return 0


class CommandFailed(AssertionError):
    """A command that was to succeed did not; the text has all that it printed."""


class Cluster:
    """A data directory, and dromon and kubectl with its credentials.

    Args:
        directory: where the cluster lives; commands also get it as HOME.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.environment = {
            **os.environ,
            "KUBECONFIG": str(directory / "kubeconfig"),
            "HOME": str(directory),
            "PATH": f"{DROMON.parent}:{os.environ['PATH']}",
        }

    def up(self, *arguments: str) -> None:
        """Start, or start again, the cluster on a free port; returns when it is ready."""
        where = ("--data-dir", str(self.directory))
        self.run(str(DROMON), "up", "--detach", "--port", "0", *where, *arguments, timeout=120)

    def down(self) -> None:
        """End the cluster and remove all that it made, its data included."""
        where = ("--data-dir", str(self.directory))
        self.run(str(DROMON), "down", "--purge", *where, ok=False, timeout=120)

    def run(
        self, *command: str, stdin: str | None = None, ok: bool = True, timeout: float = 90
    ) -> subprocess.CompletedProcess[str]:
        """Run a command with the cluster's environment.

        Raises:
            CommandFailed: with `ok`, when the exit code isn't 0.
            subprocess.TimeoutExpired: after `timeout` seconds.
        """
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
            raise CommandFailed(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def kubectl(self, *arguments: str, stdin: str | None = None, ok: bool = True) -> str:
        """kubectl's standard output, and its standard error, too, where it may fail."""
        done = self.run(find_kubectl() or "kubectl", *arguments, stdin=stdin, ok=ok)
        return done.stdout if ok else done.stdout + done.stderr

    def popen(self, *arguments: str) -> subprocess.Popen[str]:
        """kubectl as a process whose standard output is read line by line."""
        command = [find_kubectl() or "kubectl", *arguments]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.PIPE, text=True)

    def dromon(self, *arguments: str, stdin: str | None = None) -> str:
        """dromon's standard output."""
        return self.run(str(DROMON), *arguments, stdin=stdin).stdout

    def get(self, *arguments: str) -> Any:
        """kubectl get -o json, decoded."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def processes(self) -> dict[str, int]:
        """Process ids of the supervisor and of every component, by name."""
        state = json.loads((self.directory / "run" / "state.json").read_text())
        return {"supervisor": state["pid"], **{c["name"]: c["pid"] for c in state["components"]}}
