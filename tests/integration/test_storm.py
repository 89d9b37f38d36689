"""The storm completes and prints its figures, at a size that a test can afford."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

STORM = Path(__file__).resolve().parents[2] / "bench" / "storm.py"


def test_a_small_storm_runs_every_pod() -> None:
    command = [str(STORM), "--nodes", "5", "--pods", "50", "--controllers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["pods"] == 50
    assert figures["running_pods_per_s"] > 0
    assert set(figures["processes"]) >= {"apiserver", "scheduler", "controller-manager", "hollow"}
