"""Label selectors: what they match, and how they refuse."""

from __future__ import annotations

import pytest

from dromon.api import labels
from dromon.api.types.meta import LabelSelector, LabelSelectorRequirement

NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)


@pytest.mark.parametrize(
    ("text", "selected", "refused"),
    [
        ("", [{}, {"a": "b"}], []),
        ("a=b", [{"a": "b"}], [{}, {"a": "c"}]),
        ("a==b", [{"a": "b"}], [{"b": "a"}]),
        ("a!=b", [{}, {"a": "c"}], [{"a": "b"}]),
        ("a in (b,c)", [{"a": "b"}, {"a": "c"}], [{}, {"a": "d"}]),
        ("a notin (b,c)", [{}, {"a": "d"}], [{"a": "b"}]),
        ("a", [{"a": ""}], [{"b": "a"}]),
        ("!a", [{}], [{"a": ""}]),
        ("a>5", [{"a": "6"}, {"a": "10"}], [{}, {"a": "5"}, {"a": "x"}]),
        ("a<5", [{"a": "4"}, {"a": "-10"}], [{}, {"a": "5"}, {"a": "9223372036854775808"}]),
        ("a=,b", [{"a": "", "b": "x"}], [{"a": "", "c": ""}, {"b": "x"}]),
        ("x in (foo,,baz),y,z notin ()", [{"x": "", "y": "1", "z": "1"}], [{"x": "", "y": "1", "z": ""}]),
        ("in in (in),notin notin (notin)", [{"in": "in"}], [{"in": "in", "notin": "notin"}]),
        (" app in ( a , b ) , !x ", [{"app": "a"}], [{"app": "a", "x": ""}]),
        ("example.com/a=1", [{"example.com/a": "1"}], [{"a": "1"}]),
    ],
)
def test_matches(text: str, selected: list[dict[str, str]], refused: list[dict[str, str]]) -> None:
    selector = labels.parse(text)
    assert [s for s in selected if not selector.matches(s)] == []
    assert [s for s in refused if selector.matches(s)] == []
    assert labels.parse(str(selector)) == selector


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("b=2,a=1", "a=1,b=2"),
        ("a in (c, b,c)", "a in (b,c)"),
        ("a == b", "a==b"),
        ("a notin ()", "a notin ()"),
        ("! a", "!a"),
        ("a > 1", "a>1"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert str(labels.parse(text)) == canonical


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b,", "found '', expected: identifier after ','"),
        ("a=b,,c", "found ',', expected: identifier after ','"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("a=(", "unable to parse requirement: found '(', expected: identifier"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (", "unable to parse requirement: found '', expected: ',', ')' or identifier"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b,", "unable to parse requirement: found '', expected: ',', or identifier"),
        ("a_=b", f'unable to parse requirement: <nil>: Invalid value: "a_": name part {NAME_RULE}'),
        (
            "a>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, "
            "the value must be an integer",
        ),
        (
            "/a",
            'unable to parse requirement: <nil>: Invalid value: "/a": prefix part must be non-empty',
        ),
        (
            "a" * 64,
            f'unable to parse requirement: <nil>: Invalid value: "{"a" * 64}": '
            "name part must be no more than 63 bytes",
        ),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(ValueError) as refusal:
        labels.parse(text)
    assert str(refusal.value) == message


def test_long_values_are_refused() -> None:
    with pytest.raises(ValueError, match=r"values\[0\]\[a\]: .*must be no more than 63 bytes"):
        labels.parse("a=" + "b" * 64)


def test_no_label_selector_selects_nothing_and_an_empty_one_everything() -> None:
    nothing = labels.from_label_selector(None)
    assert not nothing.matches({})
    assert not nothing.empty
    everything = labels.from_label_selector(LabelSelector())
    assert everything.matches({"a": "b"})
    assert everything.empty


def test_label_selector() -> None:
    selector = labels.from_label_selector(
        LabelSelector(
            match_labels={"b": "1"},
            match_expressions=[
                LabelSelectorRequirement(key="a", operator="In", values=["x", "y"]),
                LabelSelectorRequirement(key="c", operator="DoesNotExist"),
                LabelSelectorRequirement(key="d", operator="Exists"),
                LabelSelectorRequirement(key="e", operator="NotIn", values=["z"]),
            ],
        )
    )
    assert str(selector) == "a in (x,y),b=1,!c,d,e notin (z)"
    assert selector.matches({"a": "y", "b": "1", "d": ""})
    assert not selector.matches({"a": "y", "b": "1", "d": "", "e": "z"})


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        (("a", "Like", ["x"]), '"Like" is not a valid label selector operator'),
        (
            ("a", "In", []),
            "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
        ),
        (
            ("a", "Exists", ["x"]),
            'values: Invalid value: ["x"]: values set must be empty for exists and does not exist',
        ),
    ],
)
def test_label_selectors_that_are_none(requirement: tuple[str, str, list[str]], message: str) -> None:
    key, operator, values = requirement
    expression = LabelSelectorRequirement(key=key, operator=operator, values=values)
    with pytest.raises(ValueError) as refusal:
        labels.from_label_selector(LabelSelector(match_expressions=[expression]))
    assert str(refusal.value) == message


def test_from_set_takes_values_as_they_are() -> None:
    assert str(labels.from_set({"b": "2", "a": "1"})) == "a=1,b=2"
    assert labels.from_set({}).empty
