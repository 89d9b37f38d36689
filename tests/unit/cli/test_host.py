"""What the CLI knows of the machine: processes, locks, runtimes, mounts, heartbeats."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dromon.api.types.coordination import Lease, LeaseSpec
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.node import Node, NodeCondition, NodeStatus
from dromon.cli import process, readiness, runtime
from dromon.cli.datadir import DataDir, Lock, read_json, write_json
from dromon.cli.down import command as down
from dromon.cli.down import mounts_below
from dromon.cli.status import table


def test_a_process_is_known_by_its_start_time() -> None:
    own = process.start_time(os.getpid())
    assert own > 0
    assert process.alive(os.getpid(), own)
    assert not process.alive(os.getpid(), own + 1), "another process with a recycled pid"
    assert not process.alive(0, 0)
    assert process.uptime(own) >= 0


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    started = process.start_time(child.pid)
    assert process.wait_gone([(child.pid, started)], 10) == []
    child.wait()


def test_end_kills_who_ignores_sigterm() -> None:
    program = (
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print('x', flush=True)\n"
        "time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    process.end([(child.pid, process.start_time(child.pid))], grace=0.05)
    assert child.wait(5) == -signal.SIGKILL
    child.stdout.close()


def test_the_lock_excludes_and_dies_with_its_holder(tmp_path: Path) -> None:
    first, second = Lock(tmp_path / "lock"), Lock(tmp_path / "lock")
    assert first.acquire()
    assert not second.acquire()
    assert second.held()
    first.release()
    assert not second.held()
    assert second.acquire()
    second.release()
    assert not Lock(tmp_path / "none" / "lock").held()


def test_data_directories_are_private(tmp_path: Path) -> None:
    directory = DataDir(tmp_path / "a" / "b")
    directory.make()
    directory.make()
    assert {p.stat().st_mode & 0o777 for p in (directory.path, directory.pki, directory.run)} == {0o700}


def test_a_directory_of_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "thesis.tex").write_text("all of it")
    directory = DataDir(tmp_path)
    with pytest.raises(click.ClickException, match=r"thesis\.tex"):
        directory.make()
    assert not directory.ours
    result = CliRunner().invoke(down, ["--purge", "--data-dir", str(tmp_path)])
    assert result.exit_code == 1
    assert "nothing was touched" in result.output
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["run", "thesis.tex"]


def test_a_record_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert read_json(path) == {"a": 1}
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.json"]


def test_json_records(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    assert read_json(path) == {}
    write_json(path, {"a": 1})
    assert read_json(path) == {"a": 1}
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("{")
    assert read_json(path) == {}


def _docker(path: Path, answer: bytes) -> socket.socket:
    """A daemon that gives one answer."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(path))
    server.listen(1)

    def serve() -> None:
        connection, _ = server.accept()
        connection.recv(1000)
        connection.sendall(answer)
        connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return server


@pytest.mark.parametrize(
    ("answer", "obstacle"),
    [(b"HTTP/1.0 200 OK\r\n\r\nOK", ""), (b"HTTP/1.0 500 No\r\n\r\n", "not well"), (b"", "not well")],
)
def test_docker_is_asked_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes, obstacle: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/d.sock")
    with _docker(tmp_path / "d.sock", answer):
        found = runtime.docker_obstacle()
    assert found == "" if not obstacle else obstacle in found


@pytest.mark.parametrize("host", ["unix:///nonexistent.sock", "tcp://127.0.0.1:1", "nonsense"])
def test_auto_falls_back_and_says_why(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    choice = runtime.choose("auto")
    assert choice.runtime == "hollow"
    assert "because" in choice.why
    with pytest.raises(runtime.Unusable, match="--runtime hollow"):
        runtime.choose("docker")
    assert runtime.choose("hollow").runtime == "hollow"


def test_mounts_below_a_directory(tmp_path: Path) -> None:
    info = tmp_path / "mountinfo"
    info.write_text(
        "1 0 0:1 / / rw - ext4 x rw\n"
        "2 1 0:2 / /data/a\\040b rw - tmpfs t rw\n"
        "3 1 0:2 / /database rw - tmpfs t rw\n"
        "4 1 0:2 / /däta/ü rw - tmpfs t rw\n"
    )
    assert mounts_below(Path("/data"), info) == ["/data/a b"]
    assert mounts_below(Path("/däta"), info) == ["/däta/ü"]


def node(name: str, ready: str, heartbeat: str | None = None) -> Node:
    condition = NodeCondition(type="Ready", status=ready, last_heartbeat_time=heartbeat)
    return Node(metadata=ObjectMeta(name=name), status=NodeStatus(conditions=[condition]))


def test_only_fresh_signs_of_life_make_a_node_ready() -> None:
    old, new = "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"
    since = readiness.times.parse(new)
    lease = Lease(
        metadata=ObjectMeta(name="leased"), spec=LeaseSpec(renew_time="2026-01-02T00:00:00.000001Z")
    )
    nodes = [
        node("fresh", "True", new),
        node("stale", "True", old),
        node("leased", "True", old),
        node("sick", "False", new),
        Node(metadata=ObjectMeta(name="bare")),
    ]
    assert readiness.count_ready(nodes, [lease], since) == 2


def test_progress_is_complete_when_all_nodes_are() -> None:
    assert readiness.Progress(True, 3, 3).complete
    assert not readiness.Progress(True, 2, 3).complete
    assert not readiness.Progress(False, 0, 0).complete
    assert readiness.started_at() <= time.time()


def test_tables_align() -> None:
    assert table(("A", "LONG"), [("xyz", "1"), ("x", "")]) == "A     LONG\nxyz   1\nx"
