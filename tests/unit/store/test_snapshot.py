"""The snapshot's format: what was written is read, and whatever else is there is refused."""

from __future__ import annotations

import io
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.store.interface import KeyValue, Restored
from dromon.store.snapshot import Encoder, Header, SnapshotError
from dromon.store.snapshot_file import SnapshotReader, load, replacing

HEADER = Header("0.1.0", 1_000, 1_700_000_000.5, "sqlite")

items = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1),
    st.tuples(
        st.binary(max_size=64),
        st.integers(1, 500),
        st.integers(500, 1_000),
        st.none() | st.floats(0, 1e6),
    ),
    max_size=20,
).map(lambda found: [Restored(key, *found[key]) for key in sorted(found)])


def encoded(entries: list[Restored], header: Header = HEADER) -> bytes:
    encoder = Encoder()
    ttl = {e.key: e.ttl for e in entries if e.ttl is not None}
    stored = [KeyValue(e.key, e.value, e.create_revision, e.mod_revision) for e in entries]
    half = len(stored) // 2
    return b"".join(
        [
            encoder.header(header),
            encoder.entries(stored[:half], ttl),
            encoder.entries(stored[half:], ttl),
            encoder.footer(),
        ]
    )


def decoded(data: bytes) -> tuple[Header, list[Restored]]:
    reader = SnapshotReader(io.BytesIO(data))
    return reader.header, list(reader)


SAMPLE = encoded([Restored("/p/a", b"{1}", 3, 4, 5.0), Restored("/p/b", b"", 1, 1, None)])


@given(items)
def test_what_was_written_is_read(entries: list[Restored]) -> None:
    assert decoded(encoded(entries)) == (HEADER, entries)


def test_no_part_is_taken_for_the_whole() -> None:
    for length in range(len(SAMPLE)):
        with pytest.raises(SnapshotError):
            decoded(SAMPLE[:length])


def test_no_changed_bit_passes() -> None:
    for bit in range(8 * len(SAMPLE)):
        damaged = bytearray(SAMPLE)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SnapshotError):
            decoded(bytes(damaged))


def test_what_follows_the_end_is_refused() -> None:
    with pytest.raises(SnapshotError, match="follows"):
        decoded(SAMPLE + b"\0")


def test_another_version_is_named() -> None:
    with pytest.raises(SnapshotError, match=r"version 2 .* reads 1"):
        decoded(SAMPLE.replace(b"dromon-snapshot 1", b"dromon-snapshot 2", 1))


@pytest.mark.parametrize("data", [b"", b"\n", b"PK\x03\x04" * 99, b"\xff" * 200])
def test_other_files_are_no_snapshots(data: bytes) -> None:
    with pytest.raises(SnapshotError, match="not a snapshot"):
        decoded(data)


@pytest.mark.parametrize(
    "header",
    [
        b"[]",
        b"{",
        b"{}",
        b'{"dromon": "1", "revision": true, "time": 1, "backend": "etcd"}',
        b'{"dromon": "1", "revision": 0, "time": 1, "backend": "etcd"}',
        b'{"dromon": "1", "revision": 1, "time": 1, "backend": "etcd", "more": 1}',
        b"x" * 10_000,
    ],
)
def test_a_strange_header_is_refused(header: bytes) -> None:
    with pytest.raises(SnapshotError, match="header"):
        decoded(b"dromon-snapshot 1\n" + header + b"\n")


def test_keys_out_of_order_are_refused() -> None:
    with pytest.raises(SnapshotError, match="follows"):
        decoded(encoded([Restored("/b", b"1", 1, 1), Restored("/a", b"1", 1, 1)]))


def test_a_file_is_there_when_it_is_whole_and_not_before(tmp_path: Path) -> None:
    path = tmp_path / "a.snapshot"
    path.write_bytes(b"before")

    def fail() -> None:
        with replacing(path) as out:
            out.write(SAMPLE)
            out.flush()
            assert path.read_bytes() == b"before"
            raise ValueError("the server went away")

    with pytest.raises(ValueError, match="went away"):
        fail()
    assert [p.name for p in tmp_path.iterdir()] == ["a.snapshot"]
    assert path.read_bytes() == b"before"
    with replacing(path) as out:
        out.write(SAMPLE)
    assert [p.name for p in tmp_path.iterdir()] == ["a.snapshot"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    reader, entries = load(path)
    assert reader.header == HEADER
    assert len(entries) == 2
    assert len(reader.checksum) == 64
