"""Two apiservers on a cluster of three etcd members, of which one thing after the other fails under writers.

One apiserver reaches the members through proxies that are cut, and has a clock that jumps.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from dromon.base.http.client import HttpClient
from dromon.testing.etcd import Etcd, EtcdMember, program
from dromon.testing.faults.clients import Run
from dromon.testing.faults.server import ServerProcess

from .form import SEED
from .proxy import Proxy
from .report import report

_CYCLES = 50


class Field:
    """All that can be broken, each fault with its undoing."""

    def __init__(self, etcd: Etcd, servers: list[ServerProcess], proxies: list[Proxy], clock: Path) -> None:
        self.etcd = etcd
        self.servers = servers
        self.proxies = proxies
        self.clock = clock
        self.random = Random(SEED)

    def set_clock(self, seconds: int) -> None:
        with self.clock.open("r+b") as file:
            file.write(struct.pack("=q", seconds))

    async def leader(self) -> EtcdMember:
        """The member that leads now."""
        async with asyncio.timeout(30):
            while True:
                for member in self.etcd.members:
                    http = HttpClient("127.0.0.1", member.client)
                    try:
                        answer = await http.request("POST", "/v3/maintenance/status", body=b"{}", timeout=2.0)
                        status = json.loads(answer.body)
                        if status.get("leader", "0") == status["header"]["member_id"]:
                            return member
                    except (OSError, TimeoutError, KeyError, ValueError):
                        pass
                    finally:
                        await http.close()
                await asyncio.sleep(0.05)

    async def while_(self, break_: Callable[[], object], mend: Callable[[], object], least: float) -> None:
        break_()
        await asyncio.sleep(least + self.random.random())
        mend()

    async def member_killed(self) -> None:
        member = self.random.choice(self.etcd.members)
        await self.while_(member.kill, member.start, 0.2)

    async def leader_killed(self) -> None:
        member = await self.leader()
        await self.while_(member.kill, member.start, 0.2)

    async def member_paused(self) -> None:
        member = self.random.choice(self.etcd.members)
        await self.while_(member.pause, member.resume, 0.5)

    async def leader_paused(self) -> None:
        member = await self.leader()
        await self.while_(member.pause, member.resume, 0.5)

    async def majority_killed(self) -> None:
        for member in self.etcd.members[:2]:
            member.kill()
        await asyncio.sleep(self.random.random())
        for member in self.etcd.members[:2]:
            member.start()

    async def apiserver_killed(self) -> None:
        server = self.random.choice(self.servers)
        server.kill()
        await server.start()

    async def apiserver_paused(self) -> None:
        server = self.random.choice(self.servers)
        await self.while_(server.pause, server.resume, 0.3)

    async def cut_from_one(self) -> None:
        proxy = self.random.choice(self.proxies)
        hang = self.random.random() < 0.5
        await self.while_(lambda: proxy.cut(hang=hang), proxy.mend, 0.5)

    async def cut_from_majority(self) -> None:
        cut = self.random.sample(self.proxies, 2)
        hang = self.random.random() < 0.5
        for proxy in cut:
            proxy.cut(hang=hang)
        await asyncio.sleep(0.5 + self.random.random())
        for proxy in cut:
            proxy.mend()

    async def cut_from_all(self) -> None:
        hang = self.random.random() < 0.5
        for proxy in self.proxies:
            proxy.cut(hang=hang)
        await asyncio.sleep(0.5 + self.random.random())
        for proxy in self.proxies:
            proxy.mend()

    async def clock_jumps(self) -> None:
        self.set_clock(self.random.choice((-86_400, -3_600, 3_600, 86_400)))
        await asyncio.sleep(0.2)
        if self.random.random() < 0.5:
            self.set_clock(0)

    def faults(self) -> list[Callable[[], Awaitable[None]]]:
        """In the order in which the short form takes them."""
        return [
            self.leader_killed,
            self.cut_from_majority,
            self.apiserver_killed,
            self.clock_jumps,
            self.cut_from_one,
            self.member_paused,
            self.member_killed,
            self.leader_paused,
            self.apiserver_paused,
            self.cut_from_all,
            self.majority_killed,
        ]


async def test_nothing_is_lost_whatever_fails(tmp_path: Path, clock_shim: Path, long: bool) -> None:
    if program() is None:
        pytest.skip("etcd is not installed (Debian: etcd-server)")
    clock = tmp_path / "clock"
    clock.write_bytes(bytes(8))
    etcd = Etcd(
        tmp_path,
        3,
        durable=False,  # killing a process does not lose what it has written
        arguments=("--heartbeat-interval=50", "--election-timeout=500"),
    )
    proxies = [Proxy(member.client) for member in etcd.members]
    servers: list[ServerProcess] = []
    run: Run | None = None
    done: Counter[str] = Counter()
    try:
        await asyncio.to_thread(etcd.start)
        for proxy in proxies:
            await proxy.start()
        through = ",".join(f"127.0.0.1:{proxy.port}" for proxy in proxies)
        shim = {"LD_PRELOAD": str(clock_shim), "FAULT_CLOCK": str(clock)}
        servers = [ServerProcess(tmp_path, f"etcd://{through}", shim), ServerProcess(tmp_path, etcd.url())]
        for server in servers:
            await server.start()
        run = Run([HttpClient("127.0.0.1", server.port) for server in servers], SEED)
        await run.begin()
        field = Field(etcd, servers, proxies, clock)
        faults = field.faults()
        for cycle in range(_CYCLES if long else 4):
            await run.progress(20)
            fault = faults[cycle] if cycle < len(faults) else field.random.choice(faults)
            await fault()
            done[fault.__name__] += 1
            await asyncio.to_thread(etcd.wait)
            for server in servers:
                await server.until_ready(True)
        await run.progress(20)
        recording = await run.finish(120)
    finally:
        if run is not None:
            await run.close()
        for server in servers:
            server.kill()
        for proxy in proxies:
            await proxy.close()
        etcd.stop()
    report("etcd", recording, broken=done, seed=SEED, expired=run.notes.expired)
