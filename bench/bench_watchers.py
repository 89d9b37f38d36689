"""Writers beside 1,000 watchers over TLS, with and without one that has stopped reading.

Acceptance: the one that never reads is cut off, and the writers' p99 stays within 1.5 times of that without
it. Server and clients share one process, so both runs have the same load in them. Run with

    pytest bench/bench_watchers.py --benchmark-enable

Neighbours: dromon.apiserver.watches and base.http are measured; bench_cache.py has the fan-out alone.
"""

from __future__ import annotations

import asyncio
import json
import resource
import ssl
import time
from pathlib import Path
from typing import Any

import pytest

from dromon.api.kinds import CONFIG_MAPS
from dromon.testing.apiserver import RunningApiServer, running_apiserver

PATH = "/api/v1/namespaces/default/configmaps"
WATCHERS = 1_000
MEBIBYTE = 1 << 20
ON_THE_WAY = 16
"""MiB, more than all buffers between a queue and its watcher hold."""

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def watch(api: RunningApiServer, query: str) -> Connection:
    """A watch on a connection of its own, of which nothing but the head has been read."""
    host, port = api.url.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=str(api.ca_file))
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    head = f"GET {PATH}?watch=1&{query} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {api.token}\r\n\r\n"
    writer.write(head.encode())
    assert b" 200 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def write(api: RunningApiServer, count: int, size: int) -> list[float]:
    """Replace one object `count` times; how long each took, in seconds, sorted."""
    made = {"metadata": {"name": "big"}, "data": {"k": ""}}
    await api.request("POST", PATH, made)
    took = []
    for i in range(count):
        made["data"] = {"k": f"{i:09}" + "x" * size}
        begin = time.perf_counter()
        answer = await api.request("PUT", f"{PATH}/big", made)
        took.append(time.perf_counter() - begin)
        assert answer.status == 200
    return sorted(took)


async def drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(MEBIBYTE):
        pass


async def last_event(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The last event of a watch that the server ends."""
    data = b""
    async with asyncio.timeout(60):
        while not data.endswith(b"0\r\n\r\n"):
            data = (data + await reader.read(MEBIBYTE))[-4096:]
    line = data[data.rindex(b'{"type"') :].splitlines()[0]
    event: dict[str, Any] = json.loads(line)
    return event


def resident() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


async def run(watchers: int, size: int, queue: int) -> dict[str, float]:
    """Both runs in one server, with so many MiB that may wait for a watcher; the figures."""
    count = (queue + ON_THE_WAY) * MEBIBYTE // size
    async with running_apiserver(watch_queue_size=queue) as api:
        before = resident()
        idle = [await watch(api, f"fieldSelector=metadata.name%3Dnone-{i}") for i in range(watchers)]
        memory = resident() - before
        reading = await watch(api, "")
        drained = asyncio.create_task(drain(reading[0]))
        await write(api, 20, size)
        without = await write(api, count, size)
        stuck = await watch(api, f"resourceVersion={api.server.store.revision}")
        beside = await write(api, count, size)
        figures = api.server.store.figures(CONFIG_MAPS)
        assert (figures.cut_off, figures.watchers) == (1, watchers + 2)
        assert figures.queued < count / 2  # what waited for it was let go
        end = await last_event(stuck[0])
        assert (end["type"], end["object"]["code"]) == ("ERROR", 410)
        assert not drained.done()  # the others were not
        drained.cancel()
        for _, writer in [*idle, reading, stuck]:
            writer.transport.abort()
    at = int(count * 0.99)
    return {
        "p99_without_ms": round(without[at] * 1e3, 2),
        "p99_beside_ms": round(beside[at] * 1e3, 2),
        "ratio": round(beside[at] / without[at], 2),
        "bytes_per_idle_watcher_both_ends": memory // watchers,
    }


def test_one_that_never_reads(benchmark: Any, request: pytest.FixtureRequest) -> None:
    """That it is cut off is checked in any case; how the writers fare is told where time is measured."""
    measured = request.config.getoption("--benchmark-enable")
    size, queue = (100_000, 64) if measured else (MEBIBYTE * 9 // 10, 4)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 4 * WATCHERS)), hard))
    try:
        figures = benchmark.pedantic(lambda: asyncio.run(run(WATCHERS, size, queue)), rounds=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    benchmark.extra_info.update(figures)
    print(figures)
