"""What both ends of a connection share: write back-pressure, the raw tunnel after an upgrade, errors.

Neighbours: base.http.connection (server) and base.http.client drive them from their protocols.
"""

from __future__ import annotations

import asyncio
import socket

READ_BUFFER = 256 * 1024
"""Bytes that may wait for a reader before reading from the socket is paused."""


KEEPALIVE = {socket.TCP_KEEPIDLE: 30, socket.TCP_KEEPINTVL: 10, socket.TCP_KEEPCNT: 3}
"""A peer that vanished without a word (power, network) is noticed within a minute, even on an idle watch."""


UNSENT = 128 * 1024
"""Bytes that the kernel takes of what the peer has no room for yet; left alone it takes megabytes."""


def keep_alive(transport: asyncio.BaseTransport) -> None:
    """Have the kernel probe the peer of an idle connection, and hold little for one that does not read."""
    peer = transport.get_extra_info("socket")
    if peer is None or peer.family not in (socket.AF_INET, socket.AF_INET6):
        return
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT)
    for option, value in KEEPALIVE.items():
        peer.setsockopt(socket.IPPROTO_TCP, option, value)


_SMALL = 8 * 1024
"""Up to so many bytes fit into the buffer of any socket that has nothing to send."""

_OVERHEAD = 8
"""Bytes that the kernel may need for one byte, when the segments are small."""

_SO_SNDBUFFORCE = 32  # Linux: beyond net.core.wmem_max, for root


def make_room(transport: asyncio.BaseTransport, size: int) -> None:
    """Let the kernel take `size` bytes at once, as far as it may; the rest waits in this process."""
    peer = transport.get_extra_info("socket")
    room = _OVERHEAD * size
    if size <= _SMALL or peer is None or peer.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) >= room:
        return
    try:
        peer.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, room)
    except OSError:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, room)


class ConnectionClosed(ConnectionError):
    """The peer has left, or the connection was lost."""


class Flow:
    """The write side of a transport, with its back-pressure.

    Its owner (an asyncio.Protocol) passes pause_writing, resume_writing and connection_lost on.
    """

    __slots__ = ("_closed", "_loop", "_ready", "lost", "paused", "transport")

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport) -> None:
        self._loop = loop
        self.transport = transport
        self.paused = False
        self.lost = False
        self._ready: asyncio.Future[None] | None = None
        self._closed: asyncio.Future[None] | None = None

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False
        if self._ready is not None:
            if not self._ready.done():
                self._ready.set_result(None)
            self._ready = None

    def lose(self) -> None:
        """The connection is gone: whoever waits is told."""
        self.lost = True
        self.resume()
        if self._closed is not None and not self._closed.done():
            self._closed.set_result(None)

    def write(self, data: bytes | memoryview) -> None:
        if not self.lost:
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait while the transport's buffer is over its limit.

        Raises:
            ConnectionClosed: the connection is gone.
        """
        while self.paused and not self.lost:
            if self._ready is None:
                self._ready = self._loop.create_future()
            await asyncio.shield(self._ready)
        if self.lost:
            raise ConnectionClosed("the peer closed the connection")

    async def closed(self) -> None:
        """Return when the connection is gone."""
        if self.lost:
            return
        if self._closed is None:
            self._closed = self._loop.create_future()
        await asyncio.shield(self._closed)


class Tunnel:
    """A raw, bidirectional byte stream over an upgraded connection.

    Args:
        flow: the connection's write side.
        head: bytes that came behind the upgrade's own message.
    """

    def __init__(self, flow: Flow, head: bytes = b"") -> None:
        self._flow = flow
        self._chunks: list[bytes] = [head] if head else []
        self._size = len(head)
        self._ended = False
        self._reading_paused = False
        self._waiter: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """What has arrived, at least one byte; b"" when the peer has ended its side. One reader at a time."""
        while not self._chunks and not self._ended:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        if self._reading_paused and not self._flow.lost:
            self._reading_paused = False
            self._flow.transport.resume_reading()
        return data

    def write(self, data: bytes) -> None:
        """Send `data`; nothing happens when the connection is gone."""
        if data:
            self._flow.write(data)

    async def drain(self) -> None:
        """Wait until the peer has taken enough; ConnectionClosed when it is gone."""
        await self._flow.drain()

    def write_eof(self) -> None:
        """End our side; over TLS, which has no half-close, nothing happens."""
        transport = self._flow.transport
        if not self._flow.lost and transport.can_write_eof():
            transport.write_eof()

    def close(self) -> None:
        """Close both sides once what was written is sent."""
        self._flow.transport.close()

    def feed(self, data: bytes) -> None:
        """For the connection: bytes have arrived."""
        self._chunks.append(data)
        self._size += len(data)
        if self._size > READ_BUFFER and not self._reading_paused:
            self._reading_paused = True
            self._flow.transport.pause_reading()
        self._wake()

    def feed_eof(self) -> None:
        """For the connection: the peer has ended its side, or is gone."""
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
