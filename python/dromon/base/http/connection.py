"""The server's side of one connection: requests one at a time and in order, replies, upgrades, time limits.

One task a connection runs the handlers, so a peer that leaves cancels what is being done for it, and
pipelined requests are answered in their order. Deadlines are plain numbers that the server's sweep looks at.

Neighbours: base.http.server makes and sweeps them, base.http.parser reads, base.http.wire writes heads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import cast

from dromon.base.http import wire
from dromon.base.http.budget import Budget
from dromon.base.http.flow import READ_BUFFER, ConnectionClosed, Flow, Tunnel, keep_alive
from dromon.base.http.messages import (
    Handler,
    Request,
    Response,
    StreamResponse,
    UpgradeResponse,
)
from dromon.base.http.parser import Limits, Phase, Refusal, RequestParser
from dromon.base.http.sending import WRITE_BUFFER, BodyStream, send

log = logging.getLogger(__name__)

PIPELINE = 16
"""Requests that may wait behind the one being handled before reading is paused."""

LINGER = 1.0
"""Seconds that a refused peer's bytes are thrown away, so that it can read the answer before a reset."""

Refuse = Callable[[int, str], Response]


class Connection(asyncio.Protocol):
    """See the module.

    Args:
        handler, limits, refuse: as HttpServer has them.
        register: called with the connection and True when it is made, False when it is lost.
        budget: the server's, for request bodies.
    """

    def __init__(
        self,
        handler: Handler,
        limits: Limits,
        refuse: Refuse,
        register: Callable[[Connection, bool], None],
        budget: Budget,
    ) -> None:
        self._handler = handler
        self._limits = limits
        self._refuse = refuse
        self._register = register
        self._budget = budget
        self._loop = asyncio.get_running_loop()
        self._waiter: asyncio.Future[None] | None = None
        self._tunnel: Tunnel | None = None
        self._busy = False  # a request is being handled
        self._streaming = False  # ... and its reply has no end of its own: a stream or a tunnel
        self._last = False  # no request is taken after the current one
        self._discarding = False  # refused: throw away what still comes
        self._interrupted = False  # the server stops: end the stream
        self._reading_paused = False
        self._deadline = self._loop.time() + limits.header_timeout
        self._stalled: float | None = None

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._flow = Flow(self._loop, self._transport)
        keep_alive(transport)
        self._transport.set_write_buffer_limits(WRITE_BUFFER)
        ssl_object = transport.get_extra_info("ssl_object")
        self._tls = ssl_object is not None
        certificate = ssl_object.getpeercert(True) if ssl_object is not None else None
        address = transport.get_extra_info("peername")
        peer = str(address[0]) if isinstance(address, tuple) else ""
        self._parser = RequestParser(self._limits, peer, certificate, self._budget)
        self._task = self._loop.create_task(self._serve())
        self._register(self, True)

    def data_received(self, data: bytes) -> None:
        if self._tunnel is not None:
            self._tunnel.feed(data)
            return
        if self._discarding:
            return
        parser = self._parser
        before = parser.phase
        parser.feed(data)
        if parser.phase is not before:
            self._set_deadline()
        if parser.items:
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
            if len(parser.items) > PIPELINE:
                self._pause_reading()
        elif parser.expects_continue and not self._busy:
            self._send_continue()
        elif len(parser.remainder) > READ_BUFFER:
            self._pause_reading()

    def eof_received(self) -> bool:
        if self._tunnel is not None:
            self._tunnel.feed_eof()
            return not self._tls
        # Who sent a whole request and then ended its side may still want the answer.
        self._last = True
        waiting = (self._busy and not self._streaming) or bool(self._parser.items)
        return waiting and not self._tls

    def pause_writing(self) -> None:
        self._flow.pause()
        self._stalled = self._loop.time()

    def resume_writing(self) -> None:
        self._flow.resume()
        self._stalled = None

    def connection_lost(self, error: Exception | None) -> None:
        self._flow.lose()
        self._parser.release()
        if self._tunnel is not None:
            self._tunnel.feed_eof()
        self._task.cancel()
        self._register(self, False)

    # For the server

    @property
    def idle(self) -> bool:
        """Whether it waits for a request of which nothing has come yet."""
        return (
            not self._busy
            and not self._parser.items
            and self._parser.phase is Phase.IDLE
            and not self._transport.is_closing()
        )

    @property
    def deadline(self) -> float:
        """When its time is up, in the event loop's time; the longer it idles, the sooner."""
        return self._deadline

    def check(self, now: float) -> None:
        """Look at the time limits (called by the server's sweep)."""
        if self._stalled is not None and now - self._stalled > self._limits.write_timeout:
            self._transport.abort()
            return
        if now < self._deadline or self._tunnel is not None:
            return
        phase = self._parser.phase
        if self._discarding or self._transport.is_closing():
            self._transport.abort()
        elif self._reading_paused:
            self._set_deadline()
        elif phase is Phase.HEADERS or phase is Phase.BODY:
            what = "headers" if phase is Phase.HEADERS else "body"
            self._parser.refuse(Refusal(408, f"the request's {what} did not arrive in time"))
            self._deadline = now + LINGER
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
        elif not self._busy and not self._parser.items:
            self._transport.close()

    def stop(self) -> None:
        """Take no more requests; end streams and tunnels now, let a plain request finish."""
        self._last = True
        if self._streaming:
            self._interrupted = True
            self._task.cancel()
        elif not self._busy and not self._parser.items:
            self._transport.close()

    def evict(self) -> None:
        """Make room for another connection; for idle ones only."""
        self._last = True
        self._transport.abort()

    def abort(self) -> asyncio.Task[None]:
        """Cut the connection and cancel its handler; the task that is then ending."""
        self._task.cancel()
        self._transport.abort()
        return self._task

    # Requests, one at a time

    async def _serve(self) -> None:
        items = self._parser.items
        try:
            while True:
                if not items:
                    if self._last:
                        break
                    self._resume_reading()
                    self._waiter = self._loop.create_future()
                    await self._waiter
                    self._waiter = None
                    continue
                item = items.popleft()
                if isinstance(item, Refusal):
                    self._write(None, self._refuse(item.status, item.message))
                    self._linger()
                    return
                self._busy = True
                if not await self._handle(item):
                    break
                self._busy = False
                if self._parser.expects_continue and not items:
                    self._send_continue()
                self._set_deadline()
        except ConnectionClosed:
            pass
        except asyncio.CancelledError:
            if not self._flow.lost and not self._transport.is_closing():
                raise
        except Exception:
            log.exception("reply failed")
        finally:
            if not self._discarding:
                self._deadline = self._loop.time() + self._limits.write_timeout
                self._transport.close()

    async def _handle(self, request: Request) -> bool:
        """Answer one request; whether another may follow."""
        size = len(request.body)
        try:
            reply = await self._handler(request)
        except Exception:
            log.exception("handler failed", extra={"method": request.method, "path": request.path})
            reply = self._refuse(500, "internal error")
        finally:
            self._parser.done(size)
        if not isinstance(reply, Response):
            more = await self._open(request, reply)
            if more and self._flow.paused:
                await self._flow.drain()
            return more
        try:
            more = self._write(request, reply)
            if len(reply.body) > wire.JOIN and request.method != "HEAD":
                await send(self._flow, reply.body)
            if more and self._flow.paused:
                await self._flow.drain()
            return more
        finally:
            if reply.sent is not None:
                reply.sent()

    async def _open(self, request: Request, reply: StreamResponse | UpgradeResponse) -> bool:
        """Send a reply that has no end of its own; whether another request may follow."""
        if isinstance(reply, StreamResponse):
            return await self._stream(request, reply)
        if not request.upgrade:
            return self._write(request, self._refuse(400, "the request does not ask for an upgrade"))
        await self._upgrade(request, reply)
        return False

    def _write(self, request: Request | None, response: Response) -> bool:
        keep_alive = request is not None and request.keep_alive and not self._last
        status, body = response.status, response.body
        head = wire.head(status, response.content_type, response.headers)
        bodiless = status < 200 or status in (204, 304)
        if not bodiless:
            head += b"Content-Length: %d\r\n" % len(body)
        if not keep_alive:
            head += b"Connection: close\r\n\r\n"
        elif request is not None and request.version == "1.0":
            head += b"Connection: keep-alive\r\n\r\n"
        else:
            head += b"\r\n"
        if bodiless or (request is not None and request.method == "HEAD"):
            self._flow.write(head)
        elif len(body) <= wire.JOIN:
            self._flow.write(head + body)
        else:
            self._flow.write(head)  # the body follows in slices
        return keep_alive

    async def _stream(self, request: Request, reply: StreamResponse) -> bool:
        chunked = request.version == "1.1"
        keep_alive = chunked and request.keep_alive and not self._last
        head = wire.head(reply.status, reply.content_type, reply.headers)
        if chunked:
            head += b"Transfer-Encoding: chunked\r\n"
        self._flow.write(head + (b"\r\n" if keep_alive else b"Connection: close\r\n\r\n"))
        if request.method == "HEAD":
            return keep_alive
        self._streaming = True
        try:
            await reply.producer(BodyStream(self._flow, chunked))
        except asyncio.CancelledError:
            if not self._interrupted or self._flow.lost:
                raise
            self._task.uncancel()
        except ConnectionClosed:
            return False
        except Exception:
            # The head is gone, so the only way left to tell of the failure is to cut the body short.
            log.exception("stream failed", extra={"method": request.method, "path": request.path})
            self._transport.abort()
            return False
        finally:
            self._streaming = False
        if chunked:
            self._flow.write(b"0\r\n\r\n")
        return keep_alive and not self._last

    async def _upgrade(self, request: Request, reply: UpgradeResponse) -> None:
        self._flow.write(wire.head(101, "", {"Connection": "Upgrade", **reply.headers}) + b"\r\n")
        self._tunnel = Tunnel(self._flow, bytes(self._parser.remainder))
        self._parser.remainder.clear()
        self._resume_reading()
        self._streaming = True
        try:
            await reply.handler(self._tunnel)
        except asyncio.CancelledError:
            if not self._interrupted or self._flow.lost:
                raise
            self._task.uncancel()
        except ConnectionClosed:
            pass
        except Exception:
            log.exception("tunnel failed", extra={"method": request.method, "path": request.path})

    # Small things

    def _linger(self) -> None:
        """Let a refused peer read the answer: end our side, throw its bytes away for a moment."""
        self._discarding = True
        self._resume_reading()
        self._deadline = self._loop.time() + min(LINGER, self._limits.header_timeout)
        if not self._flow.lost and self._transport.can_write_eof():
            self._transport.write_eof()

    def _set_deadline(self) -> None:
        phase, limits = self._parser.phase, self._limits
        if phase is Phase.HEADERS:
            seconds = limits.header_timeout
        elif phase is Phase.BODY:
            seconds = limits.body_timeout
        else:
            seconds = limits.idle_timeout
        self._deadline = self._loop.time() + seconds

    def _send_continue(self) -> None:
        self._parser.expects_continue = False
        self._flow.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _pause_reading(self) -> None:
        if not self._reading_paused and not self._flow.lost:
            self._reading_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._reading_paused and not self._flow.lost:
            self._reading_paused = False
            self._transport.resume_reading()
            self._set_deadline()
