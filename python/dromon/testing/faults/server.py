"""The real apiserver as a process of its own, to be killed, paused and started again on the same port.

Neighbours: clients talk to it; tests/faults break it and what it stands on.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from dromon.base.http.client import HttpClient
from dromon.testing.etcd import free_ports

TOKEN = "fault-token"  # noqa: S105 (of a server on loopback that lives as long as one test)
_START = 30.0  # seconds that a start may take on a loaded machine


class ServerFailed(AssertionError):
    """It ended, or did not become ready; the text has the end of its log."""


class ServerProcess:
    """`dromon apiserver` without TLS on a port of 127.0.0.1.

    Args:
        directory: for its token file and log.
        store_url: what it serves.
        environment: beside the test's own.
        arguments: further flags.
    """

    def __init__(
        self,
        directory: Path,
        store_url: str,
        environment: Mapping[str, str] | None = None,
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.port = free_ports(1)[0]
        self.starts = 0
        self._log = directory / f"apiserver-{self.port}.log"
        self._environment = {**os.environ, **(environment or {})}
        tokens = directory / f"tokens-{self.port}.csv"
        tokens.touch(mode=0o600)
        tokens.write_text(f'{TOKEN},admin,1,"system:masters"\n')
        self._command = [
            *(str(Path(sys.executable).parent / "dromon"), "apiserver", "--port", str(self.port)),
            *("--store-url", store_url, "--token-file", str(tokens), *arguments),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start it; does not wait."""
        self.starts += 1
        with open(self._log, "ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment
            )

    async def start(self) -> None:
        """Start it, and return when it is ready.

        Raises:
            ServerFailed: it ended, or took too long.
        """
        self.spawn()
        deadline = time.monotonic() + _START
        while (status := await self.readyz()) != 200:
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise ServerFailed(f"readyz: {status}\n{self.log()[-3000:]}")
            await asyncio.sleep(0.02)

    async def until_ready(self, ready: bool, seconds: float = 60.0) -> None:
        """Return when /readyz says so. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while (await self.readyz() == 200) is not ready:  # noqa: ASYNC110 - it is another process
                await asyncio.sleep(0.02)

    async def readyz(self) -> int:
        """The status of /readyz, 0 where nobody answers."""
        http = HttpClient("127.0.0.1", self.port)
        try:
            return (await http.request("GET", "/readyz", timeout=5.0)).status
        except (OSError, TimeoutError):
            return 0
        finally:
            await http.close()

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return None if self._process is None else self._process.poll()

    async def wait(self, seconds: float = _START) -> int:
        """Its exit code, once it has ended by itself. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            while (code := self.exit_code()) is None:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        return code

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, and wait for its end."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: connections stay, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    @property
    def memory(self) -> int:
        """Resident bytes."""
        assert self._process is not None
        statm = Path(f"/proc/{self._process.pid}/statm").read_text()
        return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        """All that it has logged, over all starts."""
        return self._log.read_text(errors="replace")

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        self._signal(number)
        self._signal(signal.SIGCONT)
        if self._process is not None:
            try:
                self._process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
