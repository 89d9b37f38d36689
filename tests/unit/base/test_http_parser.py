"""The request parser alone: any split of the bytes gives the same requests, and every limit holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.base.http.messages import Headers, Request, parse_query
from dromon.base.http.parser import Limits, Phase, Refusal, RequestParser

TOKEN = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=12).map(lambda s: "x" + s)
VALUE = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=20)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, tuple[str, str, list[tuple[str, str]], bytes]]:
    """A valid request's bytes, and what should come of it."""
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
    target = "/" + draw(st.text("abc/?=&", max_size=10))
    fields = draw(st.lists(st.tuples(TOKEN, VALUE), max_size=4))
    body = draw(st.binary(max_size=40))
    lines = [f"{method} {target} HTTP/1.1", "Host: a", *(f"{k}: {v}" for k, v in fields)]
    if draw(st.booleans()):
        lines.append("Transfer-Encoding: chunked")
        cut = draw(st.integers(0, len(body)))
        parts = [part for part in (body[:cut], body[cut:]) if part]
        data = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
        data = body
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data, (method, target, fields, body)


@settings(max_examples=150, deadline=None)
@given(st.lists(messages(), min_size=1, max_size=4), st.data())
def test_splits_do_not_matter(
    sent: list[tuple[bytes, tuple[str, str, list[tuple[str, str]], bytes]]], data: st.DataObject
) -> None:
    wire = b"".join(raw for raw, _ in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(wire)), max_size=12)))
    parser = RequestParser(Limits())
    for begin, end in zip([0, *cuts], [*cuts, len(wire)], strict=True):
        if end > begin:
            parser.feed(wire[begin:end])
    got = []
    for item in parser.items:
        assert isinstance(item, Request)
        fields = [f for f in item.headers.items() if f[0].startswith("x")]
        got.append((item.method, item.target, fields, item.body))
    assert got == [expected for _, expected in sent]
    assert parser.phase is Phase.IDLE


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 50))
def test_garbage_never_raises(garbage: bytes, size: int) -> None:
    parser = RequestParser(Limits(max_body=64, max_headers=128))
    for at in range(0, len(garbage), size):
        parser.feed(garbage[at : at + size])
    refusals = [item for item in parser.items if isinstance(item, Refusal)]
    assert len(refusals) <= 1
    assert all(400 <= r.status < 600 for r in refusals)


def refusal(data: bytes, step: int = 0, limits: Limits | None = None) -> int:
    """The status with which `data`, fed in pieces of `step` bytes, is refused; 0: it is not."""
    parser = RequestParser(limits or Limits(max_body=1000, max_headers=1000))
    for at in range(0, len(data), step or len(data)):
        parser.feed(data[at : at + (step or len(data))])
    last = parser.items[-1] if parser.items else None
    return last.status if isinstance(last, Refusal) else 0


HOST = b"GET / HTTP/1.1\r\nHost: a\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize("step", [0, 1, 7])
@pytest.mark.parametrize(
    ("data", "status"),
    [
        (HOST + b"\r\n", 0),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.0\r\n\r\n", 0),
        (b"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (b"NONSENSE / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00", 400),
        (b"GET /%ff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /?a=%c3%28 HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        (HOST + b"X: " + b"y" * 1000 + b"\r\n\r\n", 431),
        (HOST + b"X: y\r\n" * 200 + b"\r\n", 431),
        (b"GET /" + b"y" * 1000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431),
        (POST + b"Content-Length: 1001\r\n\r\n", 413),
        (POST + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc", 400),
        (POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + b"64\r\n" + b"z" * 100 + b"\r\n", 0),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"64\r\n" + b"z" * 100 + b"\r\n") * 11, 413),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"T: t\r\n" * 300 + b"\r\n", 431),
        (POST + b"Upgrade: x\r\nConnection: upgrade\r\nContent-Length: 3\r\n\r\nabc", 400),
        (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    ],
)
def test_what_is_refused(data: bytes, status: int, step: int) -> None:
    assert refusal(data, step) == status


def test_an_endless_header_or_chunk_extension_is_refused_before_it_ends() -> None:
    assert refusal(HOST + b"X: " + b"y" * 5000, 100) == 431
    assert refusal(POST + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"y" * 5000, 100) == 431


def test_requests_before_a_refusal_stay() -> None:
    parser = RequestParser(Limits())
    parser.feed(HOST + b"\r\n" + b"garbage\r\n\r\n")
    assert isinstance(parser.items[0], Request)
    assert isinstance(parser.items[1], Refusal)
    parser.feed(HOST + b"\r\n")
    assert len(parser.items) == 2, "nothing is taken after a refusal"


def test_what_follows_an_upgrade_is_kept_as_it_is() -> None:
    parser = RequestParser(Limits())
    parser.feed(HOST + b"Connection: Upgrade\r\nUpgrade: x\r\n\r\nraw \x00")
    parser.feed(b"more")
    request = parser.items[0]
    assert isinstance(request, Request)
    assert (request.upgrade, request.keep_alive) == (True, False)
    assert bytes(parser.remainder) == b"raw \x00more"


def test_close_ends_the_connections_requests() -> None:
    parser = RequestParser(Limits())
    parser.feed(HOST + b"Connection: close\r\n\r\n")
    parser.feed(HOST + b"\r\n")
    assert len(parser.items) == 1
    assert parser.phase is Phase.ENDED


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        ("/a/b?x=1", "/a/b", "x=1"),
        ("/a%2Fb%20c", "/a/b c", ""),
        ("http://host:1/a?b", "/a", "b"),
        ("http://host", "/", ""),
        ("*", "*", ""),
        ("/a?u=http://x/", "/a", "u=http://x/"),
    ],
)
def test_targets(target: str, path: str, query: str) -> None:
    request = Request("GET", target, Headers([]))
    assert (request.path, request.query) == (path, query)


def test_queries_and_headers() -> None:
    assert parse_query("a=1&b&a=2&&c=%2B+") == {"a": ["1", "2"], "b": [""], "c": ["+ "]}
    headers = Headers([(b"A", b"1"), (b"b", b"\xe4"), (b"a", b"2")])
    assert (headers.get("a"), headers.get("B"), headers.get("c", "-")) == ("1", "ä", "-")
    assert headers.get_all("A") == ["1", "2"]
    assert "b" in headers
    assert "c" not in headers
