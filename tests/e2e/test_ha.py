"""deploy/ha in short: every part is taken away in turn, and nothing is lost, made twice or left over."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NETWORK = str(100 + os.getpid() % 100)

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("etcd") is None, reason="needs etcd (Debian: etcd-server)"),
]


def environment(directory: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DROMON_HA_DIR": str(directory),
        "DROMON_HA_SHORT": "1",
        "DROMON_HA_NETWORK": NETWORK,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def command(name: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(ROOT / "deploy/ha" / name), *arguments],
        env=environment(directory),
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


def test_the_readme_s_commands_run_as_written(tmp_path: Path) -> None:
    section = (ROOT / "README.md").read_text().partition("## More than one of everything")[2]
    [block] = re.findall(r"```console\n(.*?)```", section.partition("\n## ")[0], re.S)
    commands = [line.removeprefix("$ ") for line in block.splitlines()]
    assert len(commands) > 8
    script = "set -euo pipefail\n" + "\n".join(f"echo '$' {command!r}\n{command}" for command in commands)
    try:
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=ROOT,
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
    finally:
        down = command("down", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    status = done.stdout.partition("$ export")[0]
    assert status.count("running (") == 10
    assert status.count("leader") == 3
    leases = done.stdout.partition("$ dromon get leases")[2].partition("$ deploy")[0]
    assert "kube-scheduler" in leases
    assert "kube-controller-manager" in leases
    assert down.returncode == 0, down.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["logs"]


def test_an_unknown_machine_is_named(tmp_path: Path) -> None:
    wrong = command("kill", tmp_path, "api-9")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("deploy/ha: no machine is called 'api-9'; there are etcd-1, ")
