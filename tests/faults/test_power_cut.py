"""Power cuts while syncs fail: what was acknowledged is on the disk, and not only in the kernel's memory.

A process writes to a store on a simulated disk; now and then some of its syncs fail (and Linux then takes the
pages for written); in the end it is killed and everything is forgotten that no sync had put on the disk.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from dromon.store.sqlite import SqliteStore
from dromon.testing.clock import FakeClock

from .disk import BOTH, DATABASE, LOG, SYNC, WRITE, Disk
from .form import SEED

WRITER = Path(__file__).with_name("writer.py")


class Acknowledged:
    """The newest acknowledged write of each key: revision and number."""

    def __init__(self) -> None:
        self.keys: dict[str, tuple[int, int]] = {}
        self.count = 0

    def note(self, line: str) -> None:
        if line.endswith("\n"):  # else it was cut off
            key, revision, number = line.split()
            self.keys[key] = max(self.keys.get(key, (0, 0)), (int(revision), int(number)))
            self.count += 1


def write_until_killed(disk: Disk, cycle: int, random: Random, acknowledged: Acknowledged) -> None:
    command = [sys.executable, str(WRITER), str(disk.target), str(cycle)]
    with open(disk.log, "ab") as log:  # it tells of every failure
        process = subprocess.Popen(
            command, env=disk.environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert process.stdout is not None
    try:
        for _ in range(random.randrange(1, 4)):
            for _ in range(random.randrange(5, 60)):
                line = process.stdout.readline()
                assert line, f"the writer ended: {disk.log.read_text()[-2000:]}"
                acknowledged.note(line)
            op = random.choice((SYNC, SYNC, WRITE))
            files = random.choice((DATABASE, LOG, LOG, BOTH))
            disk.fail(op, files, after=random.randrange(6), times=random.randrange(1, 4))
        if random.random() < 0.5:
            for _ in range(random.randrange(60)):
                acknowledged.note(process.stdout.readline())
        else:  # killed while nothing reaches the disk any more
            failures = disk.failures(SYNC)
            disk.fail(SYNC)
            while disk.failures(SYNC) == failures:
                time.sleep(0.001)
    finally:
        process.kill()
        rest = process.stdout.read()
        process.stdout.close()
        process.wait()
        disk.mend()
    for line in rest.splitlines(keepends=True):
        acknowledged.note(line)


async def check(path: Path, acknowledged: Acknowledged) -> None:
    store = SqliteStore(str(path), FakeClock())
    await store.start()
    try:
        for key, (revision, number) in acknowledged.keys.items():
            found = await store.get(key)
            assert found is not None, f"{key} at {revision} is lost"
            assert found.mod_revision >= revision, f"{key} went back from {revision} to {found.mod_revision}"
            if found.mod_revision == revision:
                assert found.value.startswith(b"%d " % number)
    finally:
        await store.close()


@pytest.mark.parametrize("seed", range(2))
async def test_nothing_acknowledged_is_lost_with_the_power(disk: Disk, seed: int, long: bool) -> None:
    random = Random(SEED + seed)
    acknowledged = Acknowledged()
    for cycle in range(100 if long else 10):
        write_until_killed(disk, cycle, random, acknowledged)
        if random.random() < 0.5:  # else it is only killed, and the next one sees what the kernel remembers
            disk.cut_power()
            await check(disk.target, acknowledged)
            disk.keep()
    line = {"test": "power_cut", "seed": SEED + seed, "acknowledged": acknowledged.count}
    print("\n" + json.dumps({**line, "syncs_failed": disk.failures(SYNC)}), flush=True)
    assert disk.failures(SYNC)
    assert acknowledged.count > 100
