"""The client's side of one connection: one request at a time, its reply whole or as a stream.

Neighbours: base.http.client pools them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from dromon.base.http import wire
from dromon.base.http.flow import READ_BUFFER, ConnectionClosed, Flow, Tunnel, keep_alive, make_room
from dromon.base.http.messages import Headers


class ClientResponse:
    """A reply.

    Attributes:
        status: 200, ...  headers: its header fields.  body: all of it (b"" while it is streamed).
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Headers, body: bytes = b"") -> None:
        self.status = status
        self.headers = headers
        self.body = body


class ClientConnection(asyncio.Protocol):
    """See the module.

    Args:
        registry: the set of the client's open connections.

    Attributes:
        untouched: no byte of a reply to the current request has come.
        idle, idle_since: the pool's marks.
    """

    def __init__(self, registry: set[ClientConnection]) -> None:
        self._registry = registry
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._tunnel: Tunnel | None = None
        self._remainder = b""
        self._error: Exception | None = None
        self.untouched = True
        self.idle = False
        self.idle_since = 0.0
        self._streamed = False
        self._reset("GET")
        self._complete = True

    def _reset(self, method: str) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._method = method
        self._fields: list[tuple[bytes, bytes]] = []
        self._framed = False
        self._in_head = True
        self._response: ClientResponse | None = None
        self._chunks: list[bytes] = []
        self._size = 0
        self._paused = False
        self._complete = False
        self._keep_alive = True
        self.untouched = True
        self.idle = False

    @property
    def usable(self) -> bool:
        """Whether another request may be sent."""
        return (
            self._complete and self._keep_alive and not self._flow.lost and not self._transport.is_closing()
        )

    async def exchange(
        self, head: bytes, body: bytes, method: str, before_send: Callable[[], None] | None = None
    ) -> ClientResponse:
        """Send a request, return the whole reply; `before_send` as HttpClient.request has it."""
        self._send(head, body, method, before_send)
        while not self._complete:
            await self._wait()
        response = self._response
        assert response is not None
        response.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        return response

    async def begin(
        self, head: bytes, body: bytes, method: str, before_send: Callable[[], None] | None = None
    ) -> ClientResponse:
        """Send a request, return the reply's head; `read_body` gives the rest."""
        self._send(head, body, method, before_send)
        self._streamed = True
        self._limit_buffer()
        while self._response is None:
            await self._wait()
        return self._response

    async def read_body(self) -> bytes:
        """What has come of the body since the last call; b"" at its end."""
        while not self._chunks and not self._complete:
            await self._wait()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self._size = 0
        if self._paused and not self._flow.lost:
            self._paused = False
            self._transport.resume_reading()
        return data

    def tunnel(self) -> Tunnel:
        """The raw connection, after a reply of 101."""
        self._tunnel = Tunnel(self._flow, self._remainder)
        if self._flow.lost:
            self._tunnel.feed_eof()
        if self._paused and not self._flow.lost:
            self._transport.resume_reading()
        return self._tunnel

    def leave(self) -> None:
        """Close unless the pool has it."""
        if not self.idle and not self._flow.lost:
            # Cut what is unfinished, don't flush: nobody waits for it.
            if self._complete:
                self._transport.close()
            else:
                self._transport.abort()

    def abort(self) -> None:
        """Cut the connection."""
        self._transport.abort()

    async def lost(self) -> None:
        """Return when the connection is gone."""
        await self._flow.closed()

    def _send(self, head: bytes, body: bytes, method: str, before_send: Callable[[], None] | None) -> None:
        self._reset(method)
        self._streamed = False
        if self._flow.lost:
            raise ConnectionClosed("the server closed the connection")
        if len(body) <= wire.JOIN or before_send is not None:
            head += body
            body = b""
        if before_send is not None:
            # The transport writes to the socket within the call of `write`, not when the event loop turns;
            # with room for all of it, between `before_send` and the kernel there is only the encryption.
            make_room(self._transport, len(head))
            before_send()
        self._flow.write(head)
        if body:
            self._flow.write(body)

    async def _wait(self) -> None:
        if self._error is not None:
            raise self._error
        if self._flow.lost:
            raise ConnectionClosed("the server closed the connection before its reply was complete")
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _limit_buffer(self) -> None:
        if self._streamed and self._size > READ_BUFFER and not self._paused and not self._flow.lost:
            self._paused = True
            self._transport.pause_reading()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._flow = Flow(self._loop, self._transport)
        self._half_open = transport.get_extra_info("ssl_object") is None  # TLS ends both directions at once
        keep_alive(transport)
        self._registry.add(self)

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.feed(data)
            return
        if self._response is not None and self._response.status == 101:
            self._remainder += data
            self._size += len(data)
            self._limit_buffer()
            return
        if self._complete:  # nothing was asked: whatever this is, the connection can't be trusted
            self._keep_alive = False
            self._transport.abort()
            return
        self.untouched = False
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._remainder += data[upgrade.args[0] :]
        except httptools.HttpParserError as error:
            if not self._complete:
                self._error = ConnectionError(f"malformed reply: {error}")
            self._keep_alive = False
            self._transport.abort()
        self._limit_buffer()
        self._wake()

    def eof_received(self) -> bool:
        if self._tunnel is not None:
            self._tunnel.feed_eof()
            return self._half_open  # noted before, since a transport that was closed can't tell any more
        self._end_at_eof()
        return False

    def pause_writing(self) -> None:
        self._flow.pause()

    def resume_writing(self) -> None:
        self._flow.resume()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None:
            self._end_at_eof()
        self._flow.lose()
        if self._tunnel is not None:
            self._tunnel.feed_eof()
        self._registry.discard(self)
        self._wake()

    def _end_at_eof(self) -> None:
        """A body without a length ends with the connection (RFC 9112 6.3)."""
        if self._response is not None and not self._framed and not self._complete:
            self._complete = True
            self._keep_alive = False
            self._wake()

    # Called by httptools

    def on_message_begin(self) -> None:
        self._fields = []
        self._in_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_head:  # else a trailer
            self._fields.append((name, value))
            if name.lower() in (b"content-length", b"transfer-encoding"):
                self._framed = True

    def on_headers_complete(self) -> None:
        self._in_head = False
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            return
        self._keep_alive = self._parser.should_keep_alive()
        self._response = ClientResponse(status, Headers(self._fields))
        if status in (204, 304):
            self._framed = True
        if self._method == "HEAD":
            # llhttp can't know that no body follows, so its state is of no more use; _reset makes a new one.
            self._complete = True

    def on_body(self, body: bytes) -> None:
        if not self._complete:
            self._chunks.append(body)
            self._size += len(body)

    def on_message_complete(self) -> None:
        if self._response is None:
            return  # 100 Continue and its like: the reply is still to come
        if self._response.status != 101:
            self._complete = True
