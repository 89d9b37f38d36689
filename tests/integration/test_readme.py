"""What README.md says to type runs as it stands there (deploy/ha: tests/e2e/test_ha.py)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dromon.testing.etcd import Etcd, program

ROOT = Path(__file__).resolve().parents[2]


def commands(heading: str) -> list[str]:
    """The commands of the console blocks of a section, in order."""
    text = (ROOT / "README.md").read_text()
    section = text.partition(f"## {heading}")[2].partition("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


def run(heading: str, directory: Path, **variables: str) -> str:
    """Run a section's commands as they stand, with $DIR and other variables; what they print."""
    lines = [f"echo '$' {command!r}\n{command}" for command in commands(heading)]
    assert lines
    environment = {
        **os.environ,
        "DIR": str(directory),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **variables,
    }
    try:
        done = subprocess.run(
            ["bash", "-c", "\n".join(["set -euo pipefail", *lines])],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
    finally:
        subprocess.run(
            ["dromon", "down", "--purge", "--data-dir", environment["DIR"]],
            env=environment,
            capture_output=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.kubectl
def test_the_tour_runs_as_written(tmp_path: Path) -> None:
    assert len(commands("A tour in five minutes")) > 10
    assert "nifty-rc" in run("A tour in five minutes", tmp_path / "cluster")


@pytest.mark.kubectl
def test_the_section_on_roles_runs_as_written(tmp_path: Path) -> None:
    printed = run("Who may do what", tmp_path / "cluster")
    assert "deployment.apps/web created" in printed
    assert "can-i create deployments --as=bob\nyes\n" in printed.replace("'", "")


def test_the_snapshots_section_runs_as_written(tmp_path: Path) -> None:
    if program() is None:
        pytest.skip("etcd is not installed (Debian: etcd-server)")
    backup = tmp_path / "backup"
    backup.mkdir()
    with Etcd(tmp_path / "etcd", durable=False) as etcd:
        printed = run("Snapshots", tmp_path / "cluster", ETCD=etcd.url(), BACKUP=str(backup))
    assert "restored" in printed
    assert "nifty-rc" in printed


def test_the_python_example_runs_as_written() -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "ADDED settings {'a': 'b'}\n"
