"""kill -9 of the apiserver under concurrent writers, lists and watches, over SQLite."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from dromon.base.http.client import HttpClient
from dromon.testing.faults.clients import Run
from dromon.testing.faults.server import ServerProcess

from .form import SEED
from .report import report


async def test_nothing_is_lost_when_the_apiserver_is_killed(tmp_path: Path, long: bool) -> None:
    random = Random(SEED)
    cycles = 200 if long else 8
    server = ServerProcess(tmp_path, f"sqlite://{tmp_path}/db.sqlite")
    run = Run([HttpClient("127.0.0.1", server.port)], SEED)
    try:
        await server.start()
        await run.begin()
        for _ in range(cycles):
            await asyncio.sleep(random.random() * 0.3)
            server.kill()
            await server.start()
        recording = await run.finish()
    finally:
        await run.close()
        server.kill()
    report("kill_sqlite", recording, cycles=cycles, seed=SEED)
    assert run.notes.expired == 0
    assert all(watch.resumes > cycles / 2 for watch in recording.watches)
