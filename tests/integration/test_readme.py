"""The tour in README.md runs as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def tour() -> list[str]:
    """The commands of the console blocks of the tour, in order."""
    text = (ROOT / "README.md").read_text()
    section = text.partition("## A tour in five minutes")[2].partition("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    return [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]


@pytest.mark.kubectl
def test_the_tour_runs_as_written(tmp_path: Path) -> None:
    commands = tour()
    assert len(commands) > 10
    script = "set -euo pipefail\n" + "\n".join(f"echo '$' {command!r}\n{command}" for command in commands)
    environment = {
        **os.environ,
        "DIR": str(tmp_path / "cluster"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    try:
        done = subprocess.run(
            ["bash", "-c", script],
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
    assert "nifty-rc" in done.stdout


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
