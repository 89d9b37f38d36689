"""A process that writes to a store and says what was acknowledged: key, revision, number of the value.

    python writer.py DATABASE CYCLE

Neighbours: test_power_cut.py runs it on a failing disk and kills it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import sys

from dromon.base.clock import SystemClock
from dromon.store import sqlite_file, sqlite_log
from dromon.store.history import Limits
from dromon.store.interface import Put, StoreError
from dromon.store.sqlite import SqliteStore


class Hasty(SystemClock):
    """Waits only shortly for a disk that fails."""

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


async def main(path: str, cycle: int) -> None:
    draw = random.Random(cycle)
    # Fold the log into the file again and again, or never; forget much, and give pages back.
    sqlite_log.PAGES = draw.choice((50, 5_000))
    sqlite_log.LIMIT = draw.choice((500_000, 100_000_000))
    sqlite_file._SPARE = sqlite_file._SHRINK = 16
    store = SqliteStore(path, Hasty(), Limits(changes=draw.choice((100, 100_000))))
    await store.start()
    numbers = itertools.count(cycle * 1_000_000)

    async def write() -> None:
        while True:
            key, number = f"/k/{draw.randrange(40)}", next(numbers)
            value = b"%d %s" % (number, b"x" * draw.randrange(12_000))
            try:
                revision = await store.commit([Put(key, value)])
            except StoreError:
                await asyncio.sleep(0.001)
                continue
            print(key, revision, number, flush=True)

    await asyncio.gather(*(write() for _ in range(4)))


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
