"""HTTP requests and replies as handlers see them (RFC 9110, RFC 9112).

Neighbours: base.http.connection makes requests and writes replies, base.http.flow has Tunnel and the errors.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Protocol
from urllib.parse import unquote, unquote_plus

from dromon.base.http.flow import Tunnel

_NO_HEADERS: Mapping[str, str] = {}


class Headers:
    """Header fields: case-insensitive, in order, repeats kept. Values are decoded as Latin-1 (RFC 9110 5.5).

    Args:
        raw: (name, value) pairs as they came.
    """

    __slots__ = ("_first", "_raw")

    def __init__(self, raw: list[tuple[bytes, bytes]]) -> None:
        self._raw = raw
        self._first: dict[str, str] | None = None

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Headers:
        """Headers from a mapping."""
        return cls([(k.encode("latin-1"), v.encode("latin-1")) for k, v in fields.items()])

    def get(self, name: str, default: str = "") -> str:
        """The first field's value, or `default`."""
        first = self._first
        if first is None:
            # Reversed: where a name repeats, its first field is the last to be set, and stays.
            first = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in reversed(self._raw)}
            self._first = first
        return first.get(name.lower(), default)

    def get_all(self, name: str) -> list[str]:
        """All values of `name`, in order."""
        wanted = name.lower().encode("latin-1")
        return [v.decode("latin-1") for k, v in self._raw if k.lower() == wanted]

    def items(self) -> Iterator[tuple[str, str]]:
        """All fields as they came."""
        return ((k.decode("latin-1"), v.decode("latin-1")) for k, v in self._raw)

    def __contains__(self, name: str) -> bool:
        return self.get(name, "\0") != "\0"

    def __repr__(self) -> str:
        return f"Headers({list(self.items())!r})"


class Request:
    """A complete request.

    Attributes:
        method: "GET".
        target: the request target as it came, "/api/v1/pods?limit=5".
        path: percent-decoded path.
        query: what follows "?", as it came.
        headers: its header fields.
        body: all of it.
        peer: the client's address, without port.
        certificate: the client's certificate (DER), verified against the server's CA; None without.
        version: "1.1" or "1.0".  upgrade: the client asks for another protocol.
        keep_alive: another request may follow.

    Raises:
        UnicodeDecodeError: the target's percent-encoding is not UTF-8.
    """

    __slots__ = (
        "_params",
        "body",
        "certificate",
        "headers",
        "keep_alive",
        "method",
        "path",
        "peer",
        "query",
        "target",
        "upgrade",
        "version",
    )

    def __init__(
        self,
        method: str,
        target: str,
        headers: Headers,
        body: bytes = b"",
        peer: str = "",
        certificate: bytes | None = None,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.peer = peer
        self.certificate = certificate
        self.version = "1.1"
        self.upgrade = False
        self.keep_alive = True
        self._params: dict[str, list[str]] | None = None
        path, _, self.query = target.partition("?")
        if not path.startswith("/"):
            path = _origin_path(path)
        if "%" in path:
            path = unquote(path, errors="strict")
        self.path = path
        if "%" in self.query:
            self._params = parse_query(self.query)

    @property
    def params(self) -> Mapping[str, list[str]]:
        """The query's parameters; "?watch" gives {"watch": [""]}."""
        params = self._params
        if params is None:
            params = self._params = parse_query(self.query) if self.query else {}
        return params


def _origin_path(target: str) -> str:
    """The path of an absolute-form target ("http://host/path"); "*" and "host:port" stay as they are."""
    scheme, mark, rest = target.partition("://")
    if not mark or "/" in scheme:
        return target
    _, slash, path = rest.partition("/")
    return slash + path if slash else "/"


def parse_query(query: str) -> dict[str, list[str]]:
    """application/x-www-form-urlencoded to names and values.

    Raises:
        UnicodeDecodeError: what is percent-encoded is not UTF-8.
    """
    params: dict[str, list[str]] = {}
    for part in query.split("&"):
        if not part:
            continue
        name, _, value = part.partition("=")
        if "%" in part or "+" in part:
            name = unquote_plus(name, errors="strict")
            value = unquote_plus(value, errors="strict")
        if name in params:
            params[name].append(value)
        else:
            params[name] = [value]
    return params


class Response:
    """A reply whose body is at hand; Content-Length is set from it.

    Attributes:
        sent: called once, when the peer has taken the body (but for what the transport's buffer holds) or
            is gone; None: nobody wants to know. It must not raise.
    """

    __slots__ = ("body", "content_type", "headers", "sent", "status")

    def __init__(
        self,
        status: int = 200,
        body: bytes = b"",
        content_type: str = "",
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.sent: Callable[[], None] | None = None


class Stream(Protocol):
    """The body of a reply while it is being made."""

    def write(self, data: bytes) -> None:
        """Send `data` as one chunk; nothing happens when it is empty or the peer has left."""
        ...

    async def drain(self) -> None:
        """Wait until the peer has taken enough to go on.

        Raises:
            ConnectionClosed: the peer has left.
        """
        ...

    async def closed(self) -> None:
        """Return when the peer has left."""
        ...


class StreamResponse:
    """A reply whose body `producer` writes; it ends when the producer returns.

    The producer is cancelled when the peer leaves and when the server stops (the body then ends properly);
    if it raises, the connection is cut so that the peer can't take the part for the whole.
    """

    __slots__ = ("content_type", "headers", "producer", "status")

    def __init__(
        self,
        producer: Callable[[Stream], Awaitable[None]],
        status: int = 200,
        content_type: str = "",
        headers: Mapping[str, str] = _NO_HEADERS,
    ) -> None:
        self.producer = producer
        self.status = status
        self.content_type = content_type
        self.headers = headers


class UpgradeResponse:
    """Answer 101 with `headers` (Upgrade among them) and hand the connection over as a Tunnel.

    The tunnel is closed when `handler` returns; the handler is cancelled when the server stops.
    """

    __slots__ = ("handler", "headers")

    def __init__(
        self, handler: Callable[[Tunnel], Awaitable[None]], headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        self.handler = handler
        self.headers = headers


Reply = Response | StreamResponse | UpgradeResponse
Handler = Callable[[Request], Awaitable[Reply]]
