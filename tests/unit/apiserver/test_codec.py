"""Structs and bytes."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api import codec
from dromon.api.kinds import PODS, SECRETS
from dromon.api.types.config import Secret
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod


def test_nulls_count_as_absent() -> None:
    containers = b'"containers":[{"name":"c","env":null}]'
    body = b'{"metadata":{"name":"a","labels":null},"spec":{%b,"volumes":null}}' % containers
    pod = codec.decode_json(Pod, body)
    assert pod.metadata.labels == {}
    assert pod.spec.containers[0].env == []
    assert codec.decode_msgpack(Pod, codec.encode_msgpack(json.loads(body))) == pod


def test_bytes_are_base64_in_json_and_binary_in_msgpack() -> None:
    secret = Secret(metadata=ObjectMeta(name="s"), data={"k": b"\x00\xff"})
    as_json = codec.encode_json(secret)
    assert json.loads(as_json)["data"] == {"k": "AP8="}
    packed = codec.json_to_msgpack(SECRETS, as_json)
    assert b"\xc4\x02\x00\xff" in packed
    assert codec.decode_msgpack(Secret, packed) == secret == codec.decode_json(Secret, as_json)
    assert codec.convert(Secret, codec.to_plain(secret)) == secret


def test_base64_is_bytes_in_msgpack_too() -> None:
    packed = codec.encode_msgpack({"metadata": {"name": "s"}, "data": {"a": "eA==", "b": b"y"}})
    assert codec.decode_msgpack(Secret, packed).data == {"a": b"x", "b": b"y"}


def test_nulls_beside_bytes_in_msgpack() -> None:
    packed = codec.encode_msgpack({"metadata": {"name": "s", "labels": None}, "data": {"k": b"x"}})
    assert codec.decode_msgpack(Secret, packed).data == {"k": b"x"}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'"x"', b"[]", b'{"spec":1}', b'{"metadata":{"name":null},"spec":1}']
)
def test_bad_json_is_one_error(body: bytes) -> None:
    with pytest.raises(codec.DecodeError):
        codec.decode_json(Pod, body)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(codec.DecodeError):
        codec.decode_any(b"[" * 100_000)


@settings(max_examples=50)
@given(st.binary(max_size=60))
def test_any_msgpack_is_decoded_or_refused(body: bytes) -> None:
    for decode in (lambda b: codec.decode_msgpack(Pod, b), codec.decode_any_msgpack):
        with contextlib.suppress(codec.DecodeError):
            decode(body)


def test_the_revision_is_spliced_in() -> None:
    pod = Pod(metadata=ObjectMeta(name="a", annotations={"x": '"metadata":{'}))
    spliced = codec.decode_json(Pod, codec.with_revision(codec.encode_json(pod), 42))
    pod.metadata.resource_version = "42"
    assert spliced == pod


@pytest.mark.parametrize(
    "time", ["yesterday", "2024-13-01T00:00:00Z", "2024-04-31T00:00:00Z", "2024-01-01T24:00:00Z"]
)
def test_times_that_are_none(time: str) -> None:
    with pytest.raises(codec.DecodeError) as refused:
        codec.decode_json(Pod, json.dumps({"metadata": {"creationTimestamp": time}}).encode())
    assert str(refused.value) == "Expected an RFC 3339 time - at `$.metadata.creationTimestamp`"


@pytest.mark.parametrize(
    "time", ["2023-02-29T00:00:00Z", "2024-02-29T23:59:59.5+14:00", "0001-01-01t00:00:00z"]
)
def test_every_time_that_is_stored_has_all_wire_forms(time: str) -> None:
    pod = Pod(metadata=ObjectMeta(name="p", creation_timestamp=time))
    stored = codec.encode_json(codec.decode_json(Pod, codec.encode_json(pod)))
    assert codec.json_to_protobuf(PODS, stored)
    assert codec.json_to_msgpack(PODS, stored)


@pytest.mark.parametrize("number", [2**31, -(2**31) - 1, 10**30])
def test_integers_that_do_not_fit(number: int) -> None:
    body = {"spec": {"containers": [{"name": "c", "ports": [{"containerPort": number}]}]}}
    with pytest.raises(codec.DecodeError, match="containerPort"):
        codec.decode_json(Pod, json.dumps(body).encode())
