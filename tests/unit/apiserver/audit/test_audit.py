"""Audit events, the file with its rotation, and the thread between."""

from __future__ import annotations

import io
import json
import os
import stat
import threading
from pathlib import Path

import pytest

from dromon.api.kinds import PODS
from dromon.apiserver.audit.events import COMPLETE, Record, line
from dromon.apiserver.audit.files import DAY, LogFile, Rotation
from dromon.apiserver.audit.log import AuditLog
from dromon.apiserver.authn import User
from dromon.apiserver.routes import Route
from dromon.testing.clock import FakeClock

NOW = 1_800_000_000.25


def record(**changes: object) -> Record:
    fields: dict[str, object] = {
        "audit_id": "a1", "stage": COMPLETE, "received": NOW, "staged": NOW + 0.5, "elapsed": 0.5,
        "verb": "get", "target": "/api/v1/namespaces/default/pods/web?pretty=1",
        "user": User("alice", ("dev",), "7"),
        "peer": "10.0.0.9", "agent": "kubectl/v1.32", "route": Route(PODS, "default", "web"), "code": 200,
    }  # fmt: skip
    return Record(**{**fields, **changes})  # type: ignore[arg-type]


def test_an_event_as_tools_read_it() -> None:
    assert json.loads(line(record())) == {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": "a1",
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/default/pods/web?pretty=1",
        "verb": "get",
        "user": {"username": "alice", "uid": "7", "groups": ["dev"]},
        "sourceIPs": ["10.0.0.9"],
        "userAgent": "kubectl/v1.32",
        "objectRef": {"resource": "pods", "namespace": "default", "name": "web", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestReceivedTimestamp": "2027-01-15T08:00:00.250000Z",
        "stageTimestamp": "2027-01-15T08:00:00.750000Z",
        "annotations": {"apiserver.latency.k8s.io/total": "500.000ms"},
    }


def test_a_creation_names_what_was_made() -> None:
    made = b'{"metadata":{"name":"web-x","namespace":"a","uid":"u","resourceVersion":"5"},"spec":{}}'
    found = json.loads(line(record(verb="create", route=Route(PODS, "a"), code=201, made=made)))
    assert found["objectRef"] == {
        "resource": "pods", "namespace": "a", "name": "web-x", "uid": "u", "apiVersion": "v1",
        "resourceVersion": "5",
    }  # fmt: skip
    assert "name" not in json.loads(line(record(route=Route(PODS, "a"), made=b"\x00not json")))["objectRef"]


def test_refusals_and_paths_without_resource() -> None:
    found = json.loads(line(record(route=None, code=404, reason="NotFound", peer="")))
    assert found["responseStatus"] == {"metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404}
    assert "objectRef" not in found
    assert found["sourceIPs"] == []


def test_one_line_whatever_clients_say() -> None:
    text = line(record(agent='a\n{"kind":"Event"}\r\n', user=User('x\ny"')))
    assert text.count(b"\n") == 1
    assert json.loads(text)["user"]["username"] == 'x\ny"'


def test_the_file_is_private_and_appended_to(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    path.write_text("before\n")
    path.chmod(0o644)
    file = LogFile(str(path), Rotation())
    file.write(b"after\n", NOW)
    file.close()
    assert path.read_text() == "before\nafter\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_large_file_is_set_aside_and_old_ones_go(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    (tmp_path / "audit-other.log").write_text("not ours")
    file = LogFile(str(path), Rotation(maxsize=1, maxbackup=2, maxage=500))
    half = b"x" * (600 * 1024)
    for number in range(5):
        file.write(half, NOW + number)
    aside = sorted(p.name for p in tmp_path.iterdir())
    stamped = [f"audit-2027-01-15T08-00-0{second}.250.log" for second in (3, 4)]
    assert aside == [*stamped, "audit-other.log", "audit.log"]
    os.utime(tmp_path / aside[0], (0, NOW - 501 * DAY))
    file.write(half, NOW + 5)
    assert not (tmp_path / aside[0]).exists()
    file.close()


def test_reopening_after_somebody_moved_it(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(LogFile(str(path), Rotation()), FakeClock())
    log.add(record(audit_id="first"))
    wait_for(log, 1)
    path.rename(tmp_path / "moved")
    log.reopen()
    log.add(record(audit_id="second"))
    log.close()
    assert "first" in (tmp_path / "moved").read_text()
    assert "second" in path.read_text()


def wait_for(log: AuditLog, written: int) -> None:
    while log.written < written:
        threading.Event().wait(0.005)


def test_everything_is_written_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    log = AuditLog(LogFile(str(path), Rotation()), FakeClock())
    for number in range(2000):
        log.add(record(audit_id=str(number)))
    log.close()
    ids = [json.loads(text)["auditID"] for text in path.read_text().splitlines()]
    assert ids == [str(n) for n in range(2000)]
    assert (log.written, log.lost) == (2000, 0)


class Stuck:
    """A file whose disk hangs until it is told."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.entered = threading.Event()
        self.data = io.BytesIO()

    def write(self, data: bytes, now: float) -> None:
        self.entered.set()
        self.go.wait()
        self.data.write(data)

    def close(self) -> None:
        pass


def test_a_hanging_disk_costs_records_not_requests(caplog: pytest.LogCaptureFixture) -> None:
    stuck = Stuck()
    log = AuditLog(stuck, FakeClock(), limit=10)  # type: ignore[arg-type]
    log.add(record())
    stuck.entered.wait(10)
    for _ in range(15):
        log.add(record())
    assert log.lost == 5
    assert caplog.text.count("audit records are being lost") == 1
    stuck.go.set()
    log.close()
    assert log.written == 11
    assert "audit log is written again" in caplog.text


class Full:
    """A file on a full disk."""

    def write(self, data: bytes, now: float) -> None:
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        pass


def test_a_full_disk_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    log = AuditLog(Full(), FakeClock())  # type: ignore[arg-type]
    for _ in range(3):
        log.add(record())
    log.close()
    assert (log.written, log.lost) == (0, 3)
    assert caplog.text.count("No space left on device") == 1


def test_a_file_that_cannot_be_opened_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="audit"):
        LogFile(str(tmp_path / "none" / "audit.log"), Rotation())
