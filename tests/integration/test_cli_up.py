"""`dromon up`, `status` and `down` as a user meets them, with simulated nodes; real processes throughout."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dromon.cli import process

DROMON = [sys.executable, "-m", "dromon"]


class Cluster:
    """A data directory and the command on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.prefix: list[str] = []

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        command = [*self.prefix, *DROMON, *arguments, "--data-dir", str(self.path)]
        return subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60, **options
        )

    def up(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        result = self.run("up", "--runtime", "hollow", "--detach", *arguments, **options)
        assert result.returncode == 0, result.stdout + result.stderr
        return result

    def status(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.run("status", "-o", "json").stdout)
        return content

    def pids(self) -> dict[str, int]:
        return {part["name"]: part["pid"] for part in self.status()["components"]}

    def state(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads((self.path / "run" / "state.json").read_text())
        return content


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "data")
    yield cluster
    cluster.run("down")


def until(condition: Callable[[], object], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)


def test_up_status_down(cluster: Cluster) -> None:
    out = cluster.up("--nodes", "3", "--port", "0").stdout
    assert "3 of 3 nodes Ready" in out
    assert f"KUBECONFIG={cluster.path}/kubeconfig" in out
    status = cluster.status()
    assert {part["name"]: part["health"] for part in status["components"]} == {
        "apiserver": "ok",
        "scheduler": "ok",
        "controller-manager": "ok",
        "hollow": "ok",
    }
    assert [node["name"] for node in status["api"]["nodes"]] == ["node-1", "node-2", "node-3"]
    secret = ("kubeconfig", "tokens.csv", "pki/ca.key", "pki/admin.key", "db.sqlite")
    assert {name: oct((cluster.path / name).stat().st_mode & 0o077) for name in secret} == dict.fromkeys(
        secret, "0o0"
    )

    again = cluster.up()
    assert "runs already" in again.stdout
    assert cluster.status()["components"] == status["components"] or cluster.pids()

    text = cluster.run("status")
    assert text.returncode == 0
    assert "3 of 3 nodes Ready" in text.stdout

    down = cluster.run("down")
    assert down.returncode == 0, down.stdout + down.stderr
    assert cluster.run("status").returncode == 3
    assert cluster.run("down").returncode == 0, "nothing runs, and that is fine"

    assert "3 of 3 nodes Ready" in cluster.up().stdout, "what was chosen is kept"
    assert cluster.run("down").returncode == 0

    assert "no longer asked for: node-2, node-3" in cluster.up("--nodes", "1").stdout
    assert [node["name"] for node in cluster.status()["api"]["nodes"]] == ["node-1"]
    assert cluster.run("down", "--purge").returncode == 0
    assert not cluster.path.exists()


def test_killed_components_come_back_and_a_killed_cluster_is_taken_over(cluster: Cluster) -> None:
    cluster.up("--port", "0")
    before = cluster.pids()
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    until(lambda: all(part["health"] == "ok" for part in cluster.status()["components"]))
    after = cluster.status()["components"]
    assert all(part["restarts"] >= 1 and part["pid"] != before[part["name"]] for part in after)

    supervisor = cluster.state()["pid"]
    running = [(part["pid"], part["started"]) for part in cluster.state()["components"]]
    os.kill(supervisor, signal.SIGKILL)
    assert process.wait_gone(running, 10) == [], "components end with their supervisor"
    assert cluster.run("status").returncode == 3
    cluster.up()
    assert cluster.run("status").returncode == 0


def test_components_that_outlived_their_supervisor_are_ended(cluster: Cluster) -> None:
    cluster.up("--port", "0")
    state = cluster.state()
    frozen = next(part for part in state["components"] if part["name"] == "scheduler")
    os.kill(frozen["pid"], signal.SIGSTOP)  # it can't hear that the supervisor died
    os.kill(state["pid"], signal.SIGKILL)
    rest = [(p["pid"], p["started"]) for p in state["components"] if p is not frozen]
    assert process.wait_gone(rest, 10) == []
    assert process.alive(frozen["pid"], frozen["started"])
    assert "taking over" in cluster.up().stdout
    assert not process.alive(frozen["pid"], frozen["started"])


def test_ctrl_c_stops_a_cluster_in_the_foreground(cluster: Cluster) -> None:
    front = subprocess.Popen(
        [*DROMON, "up", "--runtime", "hollow", "--port", "0", "--data-dir", str(cluster.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert front.stdout is not None
    lines: list[str] = []
    while "dromon down" not in (line := front.stdout.readline()):
        assert line, "".join(lines)
        lines.append(line)
    running = [(part["pid"], part["started"]) for part in cluster.state()["components"]]
    os.killpg(front.pid, signal.SIGINT)  # as a terminal does
    out, _ = front.communicate(timeout=30)
    assert "stopped all components" in out
    assert front.returncode == 0
    assert process.wait_gone(running, 0.1) == []
    assert cluster.run("status").returncode == 3


def test_a_crash_is_told_in_the_foreground(cluster: Cluster) -> None:
    front = subprocess.Popen(
        [*DROMON, "up", "--runtime", "hollow", "--port", "0", "--data-dir", str(cluster.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert front.stdout is not None
    while "dromon down" not in (line := front.stdout.readline()):
        assert line
    os.kill(cluster.pids()["scheduler"], signal.SIGKILL)
    assert "scheduler was killed by SIGKILL; it starts again" in front.stdout.readline()
    front.send_signal(signal.SIGTERM)
    front.communicate(timeout=30)


def test_a_port_in_use_is_told_with_advice(cluster: Cluster) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = cluster.run("up", "--runtime", "hollow", "--port", port, "--detach")
    assert result.returncode == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert "--port" in result.stderr
    assert "Traceback" not in result.stderr


def test_down_touches_nothing_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("x")
    result = Cluster(tmp_path).run("down", "--purge")
    assert result.returncode == 1
    assert (tmp_path / "precious").read_text() == "x"
    assert Cluster(tmp_path / "none").run("down").returncode == 0


def test_memory_store_leaves_no_database(cluster: Cluster) -> None:
    cluster.up("--store", "memory://", "--port", "0")
    assert not (cluster.path / "db.sqlite").exists()


def test_the_token_identifies_the_administrator(cluster: Cluster) -> None:
    import ssl
    import urllib.request

    cluster.up("--port", "0")
    token = (cluster.path / "tokens.csv").read_text().split(",")[0]
    server = cluster.status()["api"]["server"]
    context = ssl.create_default_context(cafile=str(cluster.path / "pki" / "ca.crt"))
    request = urllib.request.Request(f"{server}/api/v1/nodes", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, context=context, timeout=10) as answer:
        assert len(json.load(answer)["items"]) == 1


@pytest.mark.root
@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="needs root, and setpriv to become somebody else",
)
def test_an_unprivileged_user_can_run_a_hollow_cluster() -> None:
    user = pwd.getpwnam("nobody")
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        os.chown(directory, user.pw_uid, user.pw_gid)
        cluster = Cluster(Path(directory) / "data")
        environment = {**os.environ, "HOME": directory, "PYTHONDONTWRITEBYTECODE": "1"}
        options: dict[str, Any] = {"env": environment, "cwd": "/"}
        # The interpreter may be in root's home: reading is all that this user may do beyond its rights.
        cluster.prefix = [
            *("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"),
            *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"),
        ]
        try:
            result = cluster.run("up", "--detach", "--nodes", "2", "--port", "0", **options)
            assert result.returncode == 0, result.stdout + result.stderr
            assert "runtime hollow: pods are simulated, because" in result.stdout
            assert "2 of 2 nodes Ready" in result.stdout
        finally:
            result = cluster.run("down", "--purge", **options)
        assert result.returncode == 0, result.stdout + result.stderr
