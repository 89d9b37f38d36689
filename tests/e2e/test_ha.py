"""deploy/ha in short: every part is taken away in turn, and nothing is lost, made twice or left over."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NETWORK = str(100 + os.getpid() % 100)

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("etcd") is None, reason="needs etcd (Debian: etcd-server)"),
]


def command(name: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DROMON_HA_DIR": str(directory),
        "DROMON_HA_SHORT": "1",
        "DROMON_HA_NETWORK": NETWORK,
    }
    return subprocess.run(
        [str(ROOT / "deploy/ha" / name), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_every_part_can_be_taken_away(tmp_path: Path) -> None:
    done = command("run", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    table = lines[next(number for number, line in enumerate(lines) if line.startswith("what was done")) + 1 :]
    assert len(table) == 13
    assert all(line.endswith("good") for line in table)


def test_the_commands_one_by_one(tmp_path: Path) -> None:
    try:
        up = command("up", tmp_path)
        assert up.returncode == 0, up.stdout + up.stderr
        before = command("status", tmp_path).stdout
        assert before.count("running (") == 10
        assert before.count("leader") == 3
        assert command("kill", tmp_path, "api-1").returncode == 0
        after = command("status", tmp_path).stdout
        assert [line.split()[0] for line in after.splitlines() if "not running" in line] == ["api-1"]
        assert after.count("leader") == 3, "asked of the other one"
        assert command("start", tmp_path, "api-1").returncode == 0
        wrong = command("kill", tmp_path, "api-9")
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert wrong.stderr.startswith("deploy/ha: no machine is called 'api-9'; there are etcd-1, ")
    finally:
        down = command("down", tmp_path)
    assert down.returncode == 0, down.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs"]
