"""Docker's streaming endpoints on asyncio: events, logs, and the hijacked connections of exec and attach.

The docker package reads streams with a blocked thread each; these use none. Requests that stream an answer
are HTTP/1.0, so that the answer ends with the connection and is not chunked.

Source: Docker Engine API v1.41: "Attach to a container" (stream format, hijacking).

Neighbours: docker.DockerRuntime opens them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from dromon.kubelet.runtime.interface import ContainerGone, RuntimeFailure

CHUNK = 65_536


class Endpoint:
    """Where the daemon listens: "unix:///var/run/docker.sock" or "tcp://host:port" (without TLS)."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)

    async def open(
        self, method: str, target: str, body: Any = None, *, hijack: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request and read the head of its answer.

        Raises:
            ContainerGone: 404.  RuntimeFailure: any other refusal, with the daemon's text.
        """
        try:
            if self._url.scheme == "tcp":
                pair = await asyncio.open_connection(self._url.hostname, self._url.port)
            else:
                pair = await asyncio.open_unix_connection(self._url.path)
        except OSError as error:
            raise RuntimeFailure(f"cannot reach the Docker daemon: {error}") from error
        reader, writer = pair
        try:
            payload = b"" if body is None else json.dumps(body).encode()
            head = f"{method} {target} HTTP/1.{1 if hijack else 0}\r\nHost: docker\r\n"
            head += f"Content-Type: application/json\r\nContent-Length: {len(payload)}\r\n"
            head += "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n" if hijack else "\r\n"
            writer.write(head.encode() + payload)
            answer = await reader.readuntil(b"\r\n\r\n")
            status = int(answer.split(b" ", 2)[1])
            if status >= 400:
                await self._refuse(status, reader)
        except BaseException as error:
            writer.close()
            if isinstance(error, (OSError, asyncio.IncompleteReadError)):
                raise RuntimeFailure(f"the Docker daemon closed the connection: {error}") from error
            raise
        return reader, writer

    async def _refuse(self, status: int, reader: asyncio.StreamReader) -> None:
        raw = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                raw = await reader.read(CHUNK)
        try:
            text = str(json.loads(raw[raw.index(b"{") : raw.rindex(b"}") + 1])["message"])
        except (ValueError, KeyError):
            text = raw.decode("utf-8", "replace") or f"status {status}"
        raise ContainerGone(text) if status == 404 else RuntimeFailure(text)

    async def lines(self, target: str, opened: Callable[[], None]) -> AsyncIterator[dict[str, Any]]:
        """JSON objects, one a line, until the daemon closes.

        Args:
            opened: called once nothing that happens from now on can be missed.
        """
        reader, writer = await self.open("GET", target)
        try:
            opened()
            pending = b""
            while chunk := await reader.read(CHUNK):
                *whole, pending = (pending + chunk).split(b"\n")
                for line in whole:
                    if line.strip():
                        yield json.loads(line)
        finally:
            writer.close()


async def frames(reader: asyncio.StreamReader, raw: bool) -> AsyncIterator[tuple[int, bytes]]:
    """(1 stdout | 2 stderr, bytes) from Docker's multiplexed stream, or from a terminal's raw one."""
    if raw:
        while chunk := await reader.read(CHUNK):
            yield 1, chunk
        return
    while True:
        try:
            head = await reader.readexactly(8)
            kind, size = struct.unpack(">BxxxI", head)
            data = await reader.readexactly(size) if size else b""
        except asyncio.IncompleteReadError:
            return
        if data:
            yield (2 if kind == 2 else 1), data


class DockerSession:
    """An exec or attach over a hijacked connection (interface.Session).

    Args:
        resize: called with (width, height).
        exit_code: asks for the command's exit code.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        tty: bool,
        resize: Callable[[int, int], Awaitable[None]],
        exit_code: Callable[[], Awaitable[int]],
    ) -> None:
        self._writer = writer
        self._frames = frames(reader, tty)
        self._resize, self._exit_code = resize, exit_code

    async def read(self) -> tuple[int, bytes] | None:
        try:
            return await anext(self._frames, None)
        except OSError:
            return None

    async def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._writer.write(data)
            await self._writer.drain()

    async def close_stdin(self) -> None:
        with contextlib.suppress(OSError):
            if self._writer.can_write_eof():
                self._writer.write_eof()

    async def resize(self, width: int, height: int) -> None:
        with contextlib.suppress(RuntimeFailure):
            await self._resize(width, height)

    async def exit_code(self) -> int:
        return await self._exit_code()

    async def close(self) -> None:
        self._writer.close()
