"""Bytes to requests, with every limit enforced as the bytes come in. No I/O: the connection feeds it.

httptools (llhttp) refuses ambiguous framing (Content-Length beside Transfer-Encoding, repeated or malformed
lengths, bare LF), so requests can't be smuggled; what it leaves to its user is checked here: sizes, versions,
Host (RFC 9112 3.2) and UTF-8 in the target.

Neighbours: base.http.connection feeds it and takes `items`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum, auto

import httptools

from dromon.base.http.budget import FREE, Budget
from dromon.base.http.messages import Headers, Request


@dataclass(frozen=True, slots=True)
class Limits:
    """What one connection may take. Sizes in bytes, times in seconds.

    Attributes:
        max_body: a request's body, after chunks are joined.
        max_bodies: all bodies together that the server's connections hold; those of up to 16 KiB are free.
        max_headers: request line, header fields and trailers of one request.
        header_timeout: from a request's first byte (at first: from the connection) to its last header.
        body_timeout: from the last header to the body's end.
        idle_timeout: between requests.
        write_timeout: how long a peer may refuse to take what we send.
    """

    max_body: int = 3 * 1024 * 1024
    max_bodies: int = 256 * 1024 * 1024
    max_headers: int = 64 * 1024
    header_timeout: float = 10.0
    body_timeout: float = 30.0
    idle_timeout: float = 120.0
    write_timeout: float = 60.0


class Refusal(Exception):
    """A request that can't be taken: the status and message of the answer; the connection ends with it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Phase(Enum):
    """Where in a request the parser is; ENDED: no further request can come on this connection."""

    IDLE = auto()
    HEADERS = auto()
    BODY = auto()
    ENDED = auto()


_METHODS = {
    m.encode(): m for m in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE")
}


class RequestParser:
    """One connection's requests.

    Attributes:
        items: complete requests and refusals, in the order of their arrival; a Refusal is always the last.
        phase: see Phase.
        expects_continue: the request being read waits for "100 Continue"; the connection resets it.
        remainder: bytes behind a request that asked for an upgrade.
    """

    def __init__(
        self,
        limits: Limits,
        peer: str = "",
        certificate: bytes | None = None,
        budget: Budget | None = None,
    ) -> None:
        self.items: deque[Request | Refusal] = deque()
        self.phase = Phase.IDLE
        self.expects_continue = False
        self.remainder = bytearray()
        self._limits = limits
        self._peer = peer
        self._certificate = certificate
        self._budget = budget if budget is not None else Budget(limits.max_bodies)
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._body: bytes | bytearray = b""
        self._head_size = 0
        self._body_size = 0
        self._quiet = 0
        self._begun = False
        self._length = 0
        self._hosts = 0
        self._expect = False
        self._keep_alive = True
        self._version = "1.1"
        self._upgrade = False

    def feed(self, data: bytes) -> None:
        """Take bytes; never raises: faults become a Refusal in `items`."""
        if self.phase is Phase.ENDED:
            if self._upgrade:
                self.remainder += data
            return
        self._begun = False
        self._quiet += len(data)
        try:
            self._parser.feed_data(data)
            if self._begun:
                self._quiet = 0
            elif self.phase is not Phase.IDLE and self._quiet > self._limits.max_headers:
                raise self._headers_too_large()
        except httptools.HttpParserUpgrade as upgrade:
            self.remainder += data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            self.refuse(cause if isinstance(cause, Refusal) else Refusal(400, "malformed request"))
        except httptools.HttpParserError as error:
            if not self._ended():  # else: bytes behind a request that announced the end
                self.refuse(Refusal(400, f"malformed request: {error}"))
        except Refusal as refusal:
            self.refuse(refusal)

    def refuse(self, refusal: Refusal) -> None:
        """End the connection's requests with a refusal (also used when time is up)."""
        self.phase = Phase.ENDED
        self._upgrade = False
        self._drop_body()
        self.items.append(refusal)

    def release(self) -> None:
        """The connection is gone: give back what unhandled bodies held."""
        self._drop_body()
        for item in self.items:
            if isinstance(item, Request):
                self.done(len(item.body))

    def done(self, size: int) -> None:
        """A request with a body of `size` bytes was handled."""
        if size > FREE:
            self._budget.give(size)

    def _drop_body(self) -> None:
        self.done(len(self._body))
        self._body = b""

    # Called by httptools; a Refusal that is raised comes back as the context of HttpParserCallbackError.

    def on_message_begin(self) -> None:
        if self.phase is Phase.ENDED:
            raise Refusal(400, "data after the last request")
        self.phase = Phase.HEADERS
        self._begun = True
        self._url = b""
        self._fields = []
        self._body = b""
        self._head_size = self._body_size = self._length = self._hosts = 0
        self._expect = False

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        if self.phase is not Phase.HEADERS:
            return  # a trailer: counted, and of no use to anybody
        lower = name.lower()
        if lower == b"host":
            self._hosts += 1
        elif lower == b"content-length":
            self._length = int(value)
        elif lower == b"expect":
            self._expect = value.lower() == b"100-continue"
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        parser = self._parser
        version = parser.get_http_version()
        if version != "1.1":
            if version != "1.0":
                raise Refusal(505, f"HTTP/{version} is not served: use HTTP/1.1")
            self._expect = False
        elif self._hosts != 1:
            raise Refusal(400, "HTTP/1.1 requests need exactly one Host header")
        if self._length > self._limits.max_body:
            raise self._body_too_large()
        self._version = version
        self._keep_alive = parser.should_keep_alive()
        self._upgrade = parser.should_upgrade()
        if self._upgrade and self._length:
            raise Refusal(400, "a request for an upgrade can't have a body")
        self.phase = Phase.BODY
        self._quiet = 0
        self._begun = True
        self.expects_continue = self._expect

    def on_chunk_header(self) -> None:
        self._quiet = 0

    def on_body(self, body: bytes) -> None:
        self._quiet = 0
        self._begun = True
        self._body_size += len(body)
        if self._body_size > self._limits.max_body:
            raise self._body_too_large()
        if self._body_size > FREE:
            held = len(self._body)
            if not self._budget.take(self._body_size - (held if held > FREE else 0)):
                raise Refusal(429, "too many large requests at once: try again later")
        if not self._body:
            self._body = body
        elif isinstance(self._body, bytearray):
            self._body += body
        else:
            self._body = bytearray(self._body) + body

    def on_message_complete(self) -> None:
        body = self._body if isinstance(self._body, bytes) else bytes(self._body)
        method = self._parser.get_method()
        try:
            request = Request(
                _METHODS.get(method) or method.decode("latin-1"),
                self._url.decode("latin-1"),
                Headers(self._fields),
                body,
                self._peer,
                self._certificate,
            )
        except UnicodeDecodeError:
            raise Refusal(400, "the request's target is not valid UTF-8") from None
        self._body = b""
        self.expects_continue = False
        request.version = self._version
        request.upgrade = self._upgrade
        request.keep_alive = self._keep_alive and not self._upgrade
        self.items.append(request)
        self.phase = Phase.IDLE if request.keep_alive else Phase.ENDED

    def _ended(self) -> bool:
        return self.phase is Phase.ENDED

    def _count(self, size: int) -> None:
        self._head_size += size
        if self._head_size > self._limits.max_headers:
            raise self._headers_too_large()

    def _headers_too_large(self) -> Refusal:
        return Refusal(431, f"request headers too large: limit is {self._limits.max_headers} bytes")

    def _body_too_large(self) -> Refusal:
        return Refusal(413, f"Request entity too large: limit is {self._limits.max_body}")
