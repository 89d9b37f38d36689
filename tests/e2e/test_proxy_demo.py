"""The demo works from nothing to the end, and leaves nothing behind when it is told to clean up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [
    pytest.mark.docker,
    pytest.mark.root,
    pytest.mark.skipif(
        os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("docker", "iptables", "busybox")),
        reason="needs root, Docker, iptables and busybox",
    ),
]


def host_state() -> str:
    """Whatever of ours is on the machine's network and in its mounts."""
    commands = (["ip", "-br", "link"], ["iptables-save"], ["mount"])
    printed = "".join(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout for command in commands
    )
    return "\n".join(line for line in printed.splitlines() if "dromon" in line.lower())


def test_the_demo_runs_and_goes(tmp_path: Path) -> None:
    data = tmp_path / "demo"
    environment = os.environ | {
        "DROMON_DEMO_DIR": str(data),
        "DROMON_DEMO_ARGS": "--pod-cidr 10.93.0.0/16 --service-cidr 10.92.0.0/16",
        "DROMON_DEMO_DOWN": "1",
    }
    command = [sys.executable, str(ROOT / "deploy/demo/run")]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=240, check=False
        )
    finally:
        if data.exists():
            down = [sys.executable, "-m", "dromon", "down", "--purge", "--data-dir", str(data)]
            subprocess.run(down, capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "everything worked" in done.stdout
    assert not data.exists()
    # Other clusters of the machine are named after their own directories.
    for subnet in ("10.92.", "10.93."):
        assert subnet not in host_state()
    assert str(tmp_path) not in host_state()
