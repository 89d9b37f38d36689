"""Accept and Content-Type headers."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api.errors import ApiError
from dromon.apiserver.negotiate import Accepted, accept, body_type
from dromon.store.cache import Format

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
KUBECTL = f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", Accepted(Format.JSON)),
        ("*/*", Accepted(Format.JSON)),
        ("application/*", Accepted(Format.JSON)),
        ("application/json", Accepted(Format.JSON)),
        ("application/msgpack", Accepted(Format.MSGPACK)),
        ("application/json;q=0.5, application/msgpack", Accepted(Format.MSGPACK)),
        ("application/msgpack;q=0, application/json", Accepted(Format.JSON)),
        ("application/cbor, application/json", Accepted(Format.JSON)),
        ("text/html,application/xhtml+xml,*/*;q=0.8", Accepted(Format.JSON)),
        (KUBECTL, Accepted(Format.JSON, "Table")),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", Accepted(Format.JSON)),
        (
            "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
            Accepted(Format.JSON, "PartialObjectMetadata"),
        ),
        ("application/json;stream=watch", Accepted(Format.JSON)),
        ("APPLICATION/JSON", Accepted(Format.JSON)),
    ],
)
def test_accept(header: str, wanted: Accepted) -> None:
    assert accept(header) == wanted


@pytest.mark.parametrize("header", ["text/html", "application/json;q=0", "application/json;as=Nothing;v=v1"])
def test_nothing_acceptable_is_406(header: str) -> None:
    with pytest.raises(ApiError) as refused:
        accept(header)
    assert refused.value.code == 406
    assert "application/json" in refused.value.message


def test_body_types() -> None:
    assert body_type("") == "application/json"
    assert body_type("application/json; charset=utf-8") == "application/json"
    assert body_type("application/msgpack") == "application/msgpack"
    with pytest.raises(ApiError) as refused:
        body_type("text/plain")
    assert refused.value.code == 415


@settings(max_examples=100)
@given(st.text(alphabet='abj/*;=q,.0 "', max_size=40))
def test_any_header_is_answered_or_refused(header: str) -> None:
    with contextlib.suppress(ApiError):
        assert accept(header).format in Format
