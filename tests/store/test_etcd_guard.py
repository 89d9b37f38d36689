"""Members of an etcd for tests end with the process that started them, and leave nothing in memory."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dromon.testing.etcd import Etcd, program

pytestmark = pytest.mark.skipif(program() is None, reason="etcd is not installed (Debian: etcd-server)")

# A fork holds all that the process has open, as multiprocessing's children do.
RUN = """
import os, sys, time
from pathlib import Path
from dromon.testing.etcd import Etcd
etcd = Etcd(Path(sys.argv[1]), 3, durable=False)
etcd.start()
etcd.members[2].kill()
child = os.fork()
if child == 0:
    time.sleep(60)
    os._exit(0)
member = etcd.members[0]
running = [*etcd.members[:2], *([etcd] if etcd.guard else [])]
guards = [x.guard.pid for x in running]
print(child, *(m.process.pid for m in etcd.members[:2]), *guards, flush=True)
print(member.directory.parent, flush=True)
time.sleep(60)
"""


def test_they_end_when_their_process_is_killed(tmp_path: Path) -> None:
    run = subprocess.Popen([sys.executable, "-c", RUN, str(tmp_path)], stdout=subprocess.PIPE)
    assert run.stdout is not None
    with run.stdout as said:
        child, *pids = map(int, said.readline().split())
        directory = Path(said.readline().decode().strip())
        ends = [os.pidfd_open(pid) for pid in pids]
        try:
            assert directory.parent.samefile("/dev/shm") or directory == tmp_path
            run.kill()
            run.wait()
            for end in ends:
                assert select.select([end], [], [], 30)[0], "it goes on"
        finally:
            os.kill(child, signal.SIGKILL)
            for end in ends:
                os.close(end)
    if directory != tmp_path:
        assert not directory.exists()


def test_nothing_is_left_when_they_are_stopped(tmp_path: Path) -> None:
    with Etcd(tmp_path, durable=False) as etcd:
        (member,) = etcd.members
        guard = member.guard
        assert guard is not None
        member.kill()
        assert guard.poll() is not None
        member.start()
        assert member.process is not None
        etcd.wait()
    assert member.process.poll() is not None
    assert not member.directory.parent.exists() or member.directory.parent == tmp_path
