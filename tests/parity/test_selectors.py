"""Rust selectors against their Python reference: same answers, same refusals, same texts."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dromon import _core
from dromon.api import fields, labels

KEYS = st.sampled_from(["a", "b", "app", "x.y/z", "in", "notin"])
VALUES = st.sampled_from(["", "a", "b", "1", "2", "-3", "10", "in", "notin", "v-1"])
SETS = st.dictionaries(st.sampled_from(["a", "b", "app", "x.y/z", "in"]), VALUES, max_size=4)

exact = st.builds("{}{}{}".format, KEYS, st.sampled_from(["=", "==", "!=", " = ", ">", "<"]), VALUES)
listed = st.builds(
    "{} {} ({})".format,
    KEYS,
    st.sampled_from(["in", "notin"]),
    st.lists(VALUES, max_size=3).map(",".join),
)
bare = st.builds("{}{}".format, st.sampled_from(["", "!", "! "]), KEYS)
requirements = st.lists(st.one_of(exact, listed, bare), max_size=4).map(",".join)
noise = st.text(alphabet='ab1=!(),>< \t\n\0-./innotinéß"\\\x7f', max_size=20)


def reference(text: str) -> labels.Selector | str:
    try:
        return labels.parse(text)
    except ValueError as error:
        return str(error)


def fast(text: str) -> _core.Selector | str:
    try:
        return _core.Selector(text)
    except ValueError as error:
        return str(error)


@given(st.one_of(requirements, noise), st.lists(SETS, max_size=4))
@example("x in (foo,,baz),y,z notin ()", [{"x": "", "y": "1"}])
@example("a>9223372036854775808", [])
@example("a>+1,a<01", [{"a": "2"}])
@example("a" * 64, [])
@example("a/b/c=d", [])
@example("A.b/c=d", [])
@example("/c=d", [])
@example("a=" + "b" * 64, [])
@settings(max_examples=400, deadline=None)
def test_label_selectors(text: str, sets: list[dict[str, str]]) -> None:
    expected, got = reference(text), fast(text)
    if isinstance(expected, str):
        assert got == expected
        return
    assert isinstance(got, _core.Selector), got
    assert str(got) == str(expected)
    assert got.empty == expected.empty
    for labelled in sets:
        assert got.matches(labelled) == expected.matches(labelled)


@given(requirements)
@settings(max_examples=100, deadline=None)
def test_the_canonical_text_is_read_back(text: str) -> None:
    parsed = reference(text)
    if isinstance(parsed, labels.Selector):
        assert labels.parse(str(parsed)) == parsed
        assert str(_core.Selector(str(parsed))) == str(parsed)


@given(st.text(alphabet="ab.=!,\\ é", max_size=16))
@example("metadata.name=a\\,b\\=c\\\\,spec.x!=y,a==")
@settings(max_examples=300, deadline=None)
def test_field_selectors(text: str) -> None:
    def outcome(parse: Callable[[str], list[tuple[str, str, bool]]]) -> list[tuple[str, str, bool]] | str:
        try:
            return parse(text)
        except ValueError as error:
            return str(error)

    def reference_terms(text: str) -> list[tuple[str, str, bool]]:
        return [(t.field, t.value, t.negated) for t in fields.parse(text).terms]

    assert outcome(_core.parse_fields) == outcome(reference_terms)


@given(
    st.lists(st.tuples(st.sampled_from("pqrs"), st.sampled_from(["", "n"]), requirements), max_size=8),
    st.lists(st.sampled_from("pqrs"), max_size=2),
    st.lists(SETS, max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_selector_index(
    added: list[tuple[str, str, str]], removed: list[str], sets: list[dict[str, str]]
) -> None:
    index = _core.SelectorIndex()
    model: dict[str, tuple[str, labels.Selector]] = {}
    for id, namespace, text in added:
        parsed = reference(text)
        if isinstance(parsed, str):
            with pytest.raises(ValueError):
                index.add(id, text, namespace)
            continue
        index.add(id, text, namespace)
        model[id] = (namespace, parsed)
    for id in removed:
        assert index.remove(id) == (model.pop(id, None) is not None)
    assert len(index) == len(model)
    for labelled in sets:
        for namespace in ("", "n"):
            expected = sorted(i for i, (n, s) in model.items() if n == namespace and s.matches(labelled))
            assert index.matching(labelled, namespace) == expected


def test_index_refuses_what_is_no_selector() -> None:
    index = _core.SelectorIndex()
    with pytest.raises(ValueError, match="unable to parse requirement"):
        index.add("x", "a in b")
    assert len(index) == 0
    with pytest.raises(TypeError):
        index.matching({"a": 1})  # type: ignore[dict-item]
