"""Heads of requests and replies as bytes.

Neighbours: base.http.connection and base.http.client write them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

JOIN = 64 * 1024
"""Up to so many bytes a body is joined with its head (one write); beyond it copying costs more."""

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_FORBIDDEN = re.compile(r"[\r\n\0]")


@lru_cache(maxsize=512)
def _start(status: int, content_type: str, second: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    text = f"HTTP/1.1 {status} {phrase}\r\nDate: {formatdate(second, usegmt=True)}\r\n"
    return text.encode() + (field("Content-Type", content_type) if content_type else b"")


def head(status: int, content_type: str, headers: Mapping[str, str]) -> bytes:
    """The status line and header fields of a reply, without the framing fields and the empty line.

    Raises:
        ValueError: a header field would break the message.
    """
    start = _start(status, content_type, int(time.time()))
    if not headers:
        return start
    return start + b"".join([field(name, value) for name, value in headers.items()])


def request(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """The request line and header fields of a request, without the empty line.

    Raises:
        ValueError: the method, the target or a field would break the message.
    """
    if not _NAME.fullmatch(method) or not target or any(c <= " " or c == "\x7f" for c in target):
        raise ValueError(f"invalid request line: {method!r} {target!r}")
    line = f"{method} {target} HTTP/1.1\r\n".encode()
    return line + b"".join([field(name, value) for name, value in headers.items()])


def field(name: str, value: str) -> bytes:
    """One header field; ValueError if the name is no token or the value has CR, LF or NUL."""
    if not _NAME.fullmatch(name) or _FORBIDDEN.search(value):
        raise ValueError(f"invalid header field: {name!r}: {value!r}")
    return f"{name}: {value}\r\n".encode()
