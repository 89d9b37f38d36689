"""Watchers that are slow, idle in their thousands, or never read: the others don't notice, memory is bounded.

Nothing is asserted about time, which says more about the machine: only counts, order, and bytes.
"""

from __future__ import annotations

import asyncio
import json
import resource
import socket
from collections import Counter
from pathlib import Path
from random import Random

from dromon.base.http.client import HttpClient
from dromon.testing.faults.requests import COLLECTION, HEADERS, configmap, send
from dromon.testing.faults.server import TOKEN, ServerProcess
from dromon.testing.faults.watching import Watcher

_SIZE = 20_000  # bytes of an object
_KEYS = 20


class Silent:
    """A watch on a bare connection with a small buffer, which reads only when it is told to."""

    def __init__(self, port: int, query: str) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        self._socket.connect(("127.0.0.1", port))
        target = f"{COLLECTION}?watch=1&{query}"
        head = f"GET {target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
        self._socket.sendall(head.encode())
        self._socket.setblocking(False)

    async def read(self, size: int) -> bytes:
        """Up to so many bytes; b"" at the end."""
        return await asyncio.get_running_loop().sock_recv(self._socket, size)

    def close(self) -> None:
        self._socket.close()


async def write(http: HttpClient, changes: int, at_once: int = 16) -> list[int]:
    """Change the objects round and round; the revisions, of which each is acknowledged."""
    revisions: list[int] = []
    pad = "x" * _SIZE

    async def writer(keys: list[int]) -> None:
        for n in range(changes // at_once):
            key = f"w{keys[n % len(keys)]:02}"
            status, answer = await send(http, "PUT", f"{COLLECTION}/{key}", configmap(key, f"{n}{pad}"))
            assert status == 200, answer
            revisions.append(int(answer["metadata"]["resourceVersion"]))

    await asyncio.gather(*(writer([k for k in range(_KEYS) if k % at_once == i]) for i in range(at_once)))
    return revisions


async def prepare(http: HttpClient) -> int:
    namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": "faults"}}
    assert (await send(http, "POST", "/api/v1/namespaces", namespace))[0] == 201
    for k in range(_KEYS):
        status, answer = await send(http, "POST", COLLECTION, configmap(f"w{k:02}", "0"))
        assert status == 201
    return int(answer["metadata"]["resourceVersion"])


async def test_nobody_suffers_from_watchers_that_do_not_read(tmp_path: Path, long: bool) -> None:
    idle_count, changes = (4_000, 20_000) if long else (500, 2_400)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))
    server = ServerProcess(tmp_path, f"sqlite://{tmp_path}/db.sqlite")
    others: list[Silent] = []
    watchers: list[Watcher] = []
    http = HttpClient("127.0.0.1", server.port)
    try:
        await server.start()
        after = await prepare(http)
        warm = await write(http, 160)
        alone = server.memory
        for n in range(idle_count):  # each for a label that nothing has
            others.append(Silent(server.port, f"labelSelector=nobody%3Dn{n}"))
        await until_watched(http, idle_count)
        idle = server.memory
        never = [Silent(server.port, f"resourceVersion={after}") for _ in range(20)]
        slow = Silent(server.port, f"resourceVersion={after}")
        others += [*never, slow]
        good = Watcher("good", [http], "end", Random(0))
        watchers.append(good)
        good.begin(after)
        reading = asyncio.create_task(trickle(slow))
        revisions = warm + await write(http, changes)
        busy = server.memory
        await send(http, "POST", COLLECTION, configmap("end", "end"))
        await good.finish()
        seen = [event.revision for event in good.watch.events]
        assert seen[:-1] == sorted(revisions)
        assert good.watch.resumes == 1
        ends = [await drain(each) for each in (never if long else never[:2])]
        assert set(ends) <= {"cut off", "complete"}
        assert not long or set(ends) == {"cut off"}
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        line = {
            "test": "watchers",
            "idle": idle_count,
            "changes": changes,
            "bytes_of_changes": changes * _SIZE,
            "never_read": Counter(ends),
            "memory_of_idle_each": (idle - alone) // idle_count,
            "memory_added_under_writes": busy - idle,
        }
        print("\n" + json.dumps(line), flush=True)
        assert (idle - alone) / idle_count < 100_000
        # The history of changes is bounded, and nobody's backlog is kept beside it.
        assert busy - idle < 400 << 20
    finally:
        for watcher in watchers:
            await watcher.close()
        for other in others:
            other.close()
        await http.close()
        server.kill()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def trickle(slow: Silent) -> None:
    """Read so slowly that it falls behind."""
    while await slow.read(512):
        await asyncio.sleep(0.05)


async def drain(silent: Silent) -> str:
    """Read what is left of a watch; how it ended. One that was cut off may miss changes, and is told so."""
    rest = b""
    async with asyncio.timeout(120):
        while data := await silent.read(1 << 20):
            rest += data
            if b'"type":"ERROR"' in rest and b'"code":410' in rest:
                return "cut off"
            if b'"name":"end"' in rest:
                return "complete"
            rest = rest[-_SIZE:]
    return "cut off"  # the connection itself was


async def until_watched(http: HttpClient, count: int) -> None:
    """Return when the server has so many watches."""
    async with asyncio.timeout(120):
        while True:
            answer = await http.request("GET", "/metrics", HEADERS)
            open_ = [
                float(line.rsplit(" ", 1)[1])
                for line in answer.body.decode().splitlines()
                if line.startswith("dromon_watchers{")
            ]
            if sum(open_) >= count:
                return
            await asyncio.sleep(0.05)
