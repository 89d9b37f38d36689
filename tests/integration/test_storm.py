"""The storm completes and prints its figures, at a size that a test can afford."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

STORM = Path(__file__).resolve().parents[2] / "bench" / "storm.py"


@pytest.mark.parametrize(
    "more",
    [
        ["--churn", "10", "--seconds", "1"],
        ["--no-bulk", "--hollow", "events=no,start-seconds=uniform:0:0.2"],
    ],
    ids=["churn", "no-bulk"],
)
def test_a_small_storm_runs_every_pod(more: list[str]) -> None:
    command = [str(STORM), "--nodes", "5", "--pods", "50", "--controllers", "2", "--settle", "0"]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["pods"] == 50
    assert figures["running_pods_per_s"] > 0
    assert figures["bulk"] is ("--no-bulk" not in more)
    assert figures.get("churn_deleted", 10) == 10
    assert set(figures["processes"]) >= {"apiserver", "scheduler", "controller-manager", "hollow"}
