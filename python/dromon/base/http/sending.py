"""The bodies of replies on their way out: streams chunk by chunk, long bodies slice by slice.

A body is handed to the transport no faster than the peer takes it, so that what a slow reader costs is the
body itself, once, and never an encrypted copy of it besides.

Neighbours: base.http.connection uses both, base.http.flow has the back-pressure.
"""

from __future__ import annotations

from dromon.base.http import wire
from dromon.base.http.flow import Flow

SLICE = 256 * 1024
"""Bytes of a long body that are handed to the transport at a time."""

WRITE_BUFFER = 64 * 1024
"""Bytes that may wait in the transport before writers wait (asyncio's TLS has 512 KiB)."""


async def send(flow: Flow, body: bytes) -> None:
    """Send a long body in slices.

    Raises:
        ConnectionClosed: the peer left; nobody is to be told.
    """
    view = memoryview(body)
    for start in range(0, len(body), SLICE):
        flow.write(view[start : start + SLICE])
        if flow.paused:
            await flow.drain()


class BodyStream:
    """The Stream of a reply: chunked for HTTP/1.1, until the connection's end for HTTP/1.0."""

    __slots__ = ("_chunked", "_flow")

    def __init__(self, flow: Flow, chunked: bool) -> None:
        self._flow = flow
        self._chunked = chunked

    def write(self, data: bytes) -> None:
        if not data:
            return
        if not self._chunked:
            self._flow.write(data)
        elif len(data) <= wire.JOIN:
            self._flow.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._flow.write(b"%x\r\n" % len(data))
            self._flow.write(data)
            self._flow.write(b"\r\n")

    async def drain(self) -> None:
        await self._flow.drain()

    async def closed(self) -> None:
        await self._flow.closed()
