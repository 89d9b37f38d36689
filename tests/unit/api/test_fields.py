"""Field selectors: what they match, and how they refuse."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.api import fields


def test_matches() -> None:
    selector = fields.parse("spec.nodeName=n1,status.phase!=Running,a==b")
    assert selector.matches({"spec.nodeName": "n1", "a": "b"})
    assert not selector.matches({"spec.nodeName": "n1", "a": "b", "status.phase": "Running"})
    assert not selector.matches({"spec.nodeName": "n2", "a": "b"})
    assert selector.required("spec.nodeName") == "n1"
    assert selector.required("status.phase") is None
    assert str(selector) == "a=b,spec.nodeName=n1,status.phase!=Running"


def test_an_empty_value_is_that_of_a_field_that_is_not_there() -> None:
    assert fields.parse("spec.nodeName=").matches({})
    assert fields.parse("").empty
    assert fields.parse(",,").empty


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "invalid selector: 'a'; can't understand 'a'"),
        ("a=b,c", "invalid selector: 'a=b,c'; can't understand 'c'"),
        (r"a=\x", r"invalid field selector: invalid escape sequence: \x"),
        ("a=b\\", "invalid field selector: invalid escape sequence: \\"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        fields.parse(text)
    assert str(refusal.value) == message


def test_fields_that_a_kind_does_not_have() -> None:
    with pytest.raises(ValueError, match=r"^field label not supported: spec\.x$"):
        fields.parse("spec.x=1", known=["spec.nodeName"])


@given(st.text(max_size=20))
def test_every_value_can_be_written(value: str) -> None:
    assert fields.parse(f"a={fields.escape(value)}").required("a") == value
