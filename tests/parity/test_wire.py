"""List bodies and watch frames in MessagePack and protobuf, read back by independent readers."""

from __future__ import annotations

import json

import msgspec
import pytest

from dromon._core import Cache
from dromon.store.interface import Change, KeyValue

PREFIX = "/registry/core/pods/"
MSGPACK, PROTOBUF = 1, 2


def encoder(_resource: int, form: int, body: bytes) -> bytes:
    """MessagePack as it is; for protobuf a message with the JSON as its field 9."""
    if form == MSGPACK:
        return msgspec.msgpack.encode(msgspec.json.decode(body))
    return b"\x4a" + varint(len(body)) + body


def varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def fields(message: bytes) -> list[tuple[int, bytes | int]]:
    """The fields of a protobuf message: number, and bytes or number."""
    found: list[tuple[int, bytes | int]] = []
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        value = number()
        if tag & 7 == 2:
            assert at + value <= len(message)
            found.append((tag >> 3, message[at : at + value]))
            at += value
        else:
            assert tag & 7 == 0
            found.append((tag >> 3, value))
    return found


def unwrap(body: bytes) -> tuple[str, str, bytes]:
    assert body.startswith(b"k8s\0")
    (one, types), (two, raw) = fields(body[4:])
    assert (one, two) == (1, 2)
    (a, api_version), (b, kind) = fields(types)  # type: ignore[arg-type]
    assert (a, b) == (1, 2)
    return api_version.decode(), kind.decode(), raw  # type: ignore[union-attr,return-value]


def value(name: str, size: int) -> bytes:
    body = {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name}, "pad": "x" * size}
    return json.dumps(body, separators=(",", ":")).encode()


@pytest.fixture
def cache() -> Cache:
    cache = Cache(encoder)
    cache.add_resource(PREFIX, "Pod", "v1", True, [])
    # Sizes around the steps of the length prefixes.
    items = [
        KeyValue(f"{PREFIX}m/{n}", value(n, size), 9, 9)
        for n, size in zip("abc", (0, 90, 40_000), strict=True)
    ]
    cache.load(items, 12)
    return cache


def test_json_list(cache: Cache) -> None:
    page = cache.page(0, "", "", "", limit=2)
    body = json.loads(page.body(0, "TOKEN"))
    assert list(body) == ["kind", "apiVersion", "metadata", "items"]
    assert (body["kind"], body["apiVersion"]) == ("PodList", "v1")
    assert body["metadata"] == {"resourceVersion": "12", "continue": "TOKEN", "remainingItemCount": 1}
    assert [i["metadata"] for i in body["items"]] == [{"resourceVersion": "9", "name": n} for n in "ab"]
    assert json.loads(cache.page(0, "none", "", "").body(0, ""))["items"] == []


def test_msgpack_list(cache: Cache) -> None:
    for token, limit in (("", 0), ("T" * 31, 1), ("T" * 32, 2), ("T" * 300, 2)):
        page = cache.page(0, "", "", "", limit=limit)
        body = msgspec.msgpack.decode(page.body(MSGPACK, token))
        assert body == json.loads(page.body(0, token))


def test_protobuf_list(cache: Cache) -> None:
    page = cache.page(0, "", "", "", limit=2)
    api_version, kind, raw = unwrap(page.body(PROTOBUF, "TOKEN"))
    assert (api_version, kind) == ("v1", "PodList")
    (first, meta), *items = fields(raw)
    assert first == 1
    assert fields(meta) == [(2, b"12"), (3, b"TOKEN"), (4, 1)]  # type: ignore[arg-type]
    assert [n for n, _ in items] == [2, 2]
    assert [fields(i)[0][1] for _, i in items] == page.items()  # type: ignore[arg-type]
    whole = cache.page(0, "", "", "")
    _, _, raw = unwrap(whole.body(PROTOBUF, ""))
    assert len(fields(raw)) == 4


def test_one_object(cache: Cache) -> None:
    plain = cache.get(0, "m/b", 0)
    assert plain is not None
    assert msgspec.msgpack.decode(cache.get(0, "m/b", MSGPACK) or b"") == json.loads(plain)
    api_version, kind, raw = unwrap(cache.get(0, "m/b", PROTOBUF) or b"")
    assert (api_version, kind, fields(raw)) == ("v1", "Pod", [(9, plain)])


@pytest.mark.parametrize("size", [0, 60, 100, 300, 20_000])
def test_frames(cache: Cache, size: int) -> None:
    watcher = cache.watch(0, "", "", "", 12)
    everything = {form: [cache.watch(0, "", "", "", 12)] for form in range(3)}
    cache.apply(13, [Change(f"{PREFIX}m/d", value("d", size), None, 13)])
    cache.apply(14, [Change(f"{PREFIX}m/d", None, None, 13)])
    expected = [(kind, body) for kind, body, _ in cache.events(watcher, 1 << 20)]
    assert [kind for kind, _ in expected] == ["ADDED", "DELETED"]
    assert json.loads(expected[1][1])["metadata"]["resourceVersion"] == "14"
    lines = cache.frames(0, everything[0][0], 0, 1 << 20).splitlines()
    assert [(f["type"], f["object"]) for f in map(json.loads, lines)] == [
        (kind, json.loads(body)) for kind, body in expected
    ]
    packed = [msgspec.msgpack.decode(f) for f in split(cache.frames(0, everything[1][0], MSGPACK, 1 << 20))]
    assert packed == [{"type": kind, "object": json.loads(body)} for kind, body in expected]
    for frame, (kind, body) in zip(
        split(cache.frames(0, everything[2][0], PROTOBUF, 1 << 20)), expected, strict=True
    ):
        (one, event), (two, extension) = fields(frame)
        assert (one, event, two) == (1, kind.encode(), 2)
        ((number, wrapped),) = fields(extension)  # type: ignore[arg-type]
        assert number == 1
        assert unwrap(wrapped) == ("v1", "Pod", encoder(0, PROTOBUF, body))  # type: ignore[arg-type]


def split(frames: bytes) -> list[bytes]:
    found = []
    while frames:
        length = int.from_bytes(frames[:4], "big")
        found.append(frames[4 : 4 + length])
        frames = frames[4 + length :]
    return found


def test_a_bookmark_frame(cache: Cache) -> None:
    bookmark = b'{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"12"}}'
    line = cache.frame(0, 0, "BOOKMARK", bookmark)
    assert json.loads(line) == {"type": "BOOKMARK", "object": json.loads(bookmark)}
    (packed,) = split(cache.frame(0, MSGPACK, "BOOKMARK", bookmark))
    assert msgspec.msgpack.decode(packed) == json.loads(line)


def test_forms_are_made_once() -> None:
    calls: list[int] = []

    def counting(resource: int, form: int, body: bytes) -> bytes:
        calls.append(form)
        return encoder(resource, form, body)

    cache = Cache(counting)
    cache.add_resource(PREFIX, "Pod", "v1", True, [])
    cache.load([KeyValue(f"{PREFIX}m/a", value("a", 1), 2, 2)], 2)
    watchers = [cache.watch(0, "", "", "", None) for _ in range(3)]
    for watcher in watchers:
        cache.frames(0, watcher, MSGPACK, 100)
    cache.get(0, "m/a", MSGPACK)
    cache.page(0, "", "", "").body(MSGPACK, "")
    assert calls == [MSGPACK]
