"""Continue tokens."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.store.token import Token, decode


@given(
    st.one_of(st.none(), st.integers(1, 2**62)), st.text(max_size=20), st.one_of(st.none(), st.integers(0))
)
def test_tokens_are_read_back(revision: int | None, after: str, left: int | None) -> None:
    after = after.rstrip("\0")
    if left is not None and left >= 2**63:
        left = None
    token = Token(revision, after, left)
    text = token.encode()
    assert decode(text) == token
    # It stands in a URL and in a JSON text as it is.
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_upstream_reads_the_form() -> None:
    text = Token(5, "default/a").encode()
    assert base64.urlsafe_b64decode(text + "==") == (
        b'{"v":"meta.k8s.io/v1","rv":5,"start":"default/a\\u0000"}'
    )


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


@given(st.text())
def test_noise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="continue key is not valid"):
        decode(text)


@pytest.mark.parametrize(
    ("wire", "message"),
    [
        ('{"v":"v2","rv":1,"start":"a"}', "does not recognize"),
        ('{"v":"meta.k8s.io/v1","rv":0,"start":"a"}', "start resourceVersion"),
        ('{"v":"meta.k8s.io/v1","rv":-2,"start":"a"}', "start resourceVersion"),
        ('{"v":"meta.k8s.io/v1","rv":1,"start":""}', "start key empty"),
        ('{"v":"meta.k8s.io/v1","rv":"x","start":"a"}', "continue key is not valid"),
        ('["v"]', "continue key is not valid"),
    ],
)
def test_tokens_that_are_none(wire: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode(encoded(wire))
