"""JSON patches: RFC 6902's examples, pointers at the edges, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api.errors import ApiError
from dromon.api.patch import jsonpatch

Ops = list[dict[str, Any]]

# RFC 6902, appendix A, and what it leaves to the reader.
FITS: list[tuple[Any, Ops, Any]] = [
    ({"foo": "bar"}, [{"op": "add", "path": "/baz", "value": "qux"}], {"baz": "qux", "foo": "bar"}),
    (
        {"foo": ["bar", "baz"]},
        [{"op": "add", "path": "/foo/1", "value": "qux"}],
        {"foo": ["bar", "qux", "baz"]},
    ),
    ({"baz": "qux", "foo": "bar"}, [{"op": "remove", "path": "/baz"}], {"foo": "bar"}),
    ({"foo": ["bar", "qux", "baz"]}, [{"op": "remove", "path": "/foo/1"}], {"foo": ["bar", "baz"]}),
    ({"baz": "qux", "foo": 1}, [{"op": "replace", "path": "/baz", "value": "boo"}], {"baz": "boo", "foo": 1}),
    (
        {"foo": {"bar": "baz", "waldo": "fred"}, "qux": {"corge": "grault"}},
        [{"op": "move", "from": "/foo/waldo", "path": "/qux/thud"}],
        {"foo": {"bar": "baz"}, "qux": {"corge": "grault", "thud": "fred"}},
    ),
    (
        {"foo": ["all", "grass", "cows", "eat"]},
        [{"op": "move", "from": "/foo/1", "path": "/foo/3"}],
        {"foo": ["all", "cows", "eat", "grass"]},
    ),
    (
        {"baz": "qux", "foo": ["a", 2, "c"]},
        [{"op": "test", "path": "/baz", "value": "qux"}, {"op": "test", "path": "/foo/1", "value": 2}],
        {"baz": "qux", "foo": ["a", 2, "c"]},
    ),
    (
        {"foo": "bar"},
        [{"op": "add", "path": "/child", "value": {"a": {}}}],
        {"foo": "bar", "child": {"a": {}}},
    ),
    ({"foo": ["bar"]}, [{"op": "add", "path": "/foo/-", "value": ["x"]}], {"foo": ["bar", ["x"]]}),
    ({"/": 9, "~1": 10}, [{"op": "test", "path": "/~01", "value": 10}], {"/": 9, "~1": 10}),
    ({"/": 9}, [{"op": "remove", "path": "/~1"}], {}),
    ({"a": 1}, [{"op": "copy", "from": "/a", "path": "/b"}], {"a": 1, "b": 1}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": {"b": 2}}], {"b": 2}),
    ({"a": [{"b": [1]}]}, [{"op": "replace", "path": "/a/0/b/0", "value": 2}], {"a": [{"b": [2]}]}),
    ({"a": None}, [{"op": "test", "path": "/a", "value": None}], {"a": None}),
    ({"": 1}, [{"op": "test", "path": "/", "value": 1}], {"": 1}),
    ({"a": 1}, [{"op": "move", "from": "/a", "path": "/a"}], {"a": 1}),
]

MISFITS: list[tuple[Any, Ops, str]] = [
    ({"baz": "qux"}, [{"op": "test", "path": "/baz", "value": "bar"}], "testing value /baz failed"),
    ({"a": 1}, [{"op": "test", "path": "/a", "value": True}], "testing value /a failed"),
    ({"a": [1]}, [{"op": "test", "path": "/a", "value": [1, 2]}], "failed"),
    ({"foo": "bar"}, [{"op": "add", "path": "/baz/bat", "value": "qux"}], "there is no such value"),
    ({"foo": "bar"}, [{"op": "add", "path": "/foo/bat", "value": "qux"}], "neither an object nor a list"),
    ({"foo": "bar"}, [{"op": "remove", "path": "/baz"}], "there is no such value"),
    ({"foo": "bar"}, [{"op": "replace", "path": "/baz", "value": 1}], "there is no such value"),
    ({"a": [1]}, [{"op": "add", "path": "/a/2", "value": 1}], "out of bounds"),
    ({"a": [1]}, [{"op": "remove", "path": "/a/-"}], "no index"),
    ({"a": [1]}, [{"op": "remove", "path": "/a/01"}], "no index"),
    ({"a": [1]}, [{"op": "remove", "path": "/a/-1"}], "no index"),
    ({"a": [1]}, [{"op": "remove", "path": "/a/99999999999"}], "out of bounds"),
    ({"a": {}}, [{"op": "move", "from": "/a", "path": "/a/b"}], "into itself"),
    ({"a": {}}, [{"op": "remove", "path": "a"}], "begins with /"),
]

MALFORMED: list[Any] = [
    {},
    None,
    "x",
    [1],
    [{}],
    [{"op": "spam", "path": "/a"}],
    [{"op": ["add"], "path": "/a"}],
    [{"op": "add", "path": "/a"}],
    [{"op": "add", "path": 1, "value": 1}],
    [{"op": "move", "path": "/a"}],
    [{"op": "remove"}],
]


@pytest.mark.parametrize(("doc", "ops", "wanted"), FITS)
def test_patches_that_fit(doc: Any, ops: Ops, wanted: Any) -> None:
    before = copy.deepcopy(doc)
    assert jsonpatch.apply(doc, ops) == wanted
    assert doc == before


@pytest.mark.parametrize(("doc", "ops", "why"), MISFITS)
def test_patches_that_do_not_fit_are_unprocessable(doc: Any, ops: Ops, why: str) -> None:
    with pytest.raises(ApiError, match=why) as raised:
        jsonpatch.apply(doc, ops)
    assert raised.value.code == 422
    assert raised.value.reason == "Invalid"
    assert raised.value.message.startswith("the server rejected our request due to an error in our request: ")


@pytest.mark.parametrize("ops", MALFORMED)
def test_what_is_no_patch_is_a_bad_request(ops: Any) -> None:
    with pytest.raises(ApiError) as raised:
        jsonpatch.apply({"a": 1}, ops)
    assert raised.value.code == 400


def test_the_number_of_operations_is_bounded() -> None:
    ops = [{"op": "test", "path": "", "value": {}}] * (jsonpatch.MAX_OPERATIONS + 1)
    with pytest.raises(ApiError, match="allowed maximum operations in a JSON patch is 10000, got 10001"):
        jsonpatch.apply({}, ops)


def test_copies_can_not_grow_without_bound() -> None:
    doubling = [{"op": "copy", "from": "", "path": path} for path in ("/a", "/b") * 40]
    with pytest.raises(ApiError, match="too large"):
        jsonpatch.apply({"x": "x" * 100}, doubling)


def test_all_or_nothing() -> None:
    doc = {"a": 1}
    with pytest.raises(ApiError):
        jsonpatch.apply(doc, [{"op": "remove", "path": "/a"}, {"op": "remove", "path": "/a"}])
    assert doc == {"a": 1}


documents = st.recursive(
    st.integers(0, 3) | st.booleans() | st.none(),
    lambda inner: (
        st.dictionaries(st.sampled_from(["a", "b", "~", "/"]), inner, max_size=3)
        | st.lists(inner, max_size=3)
    ),
    max_leaves=8,
)
paths = st.lists(st.sampled_from(["a", "b", "~0", "~1", "0", "1", "-"]), max_size=3).map(
    lambda tokens: "".join("/" + t for t in tokens)
)
operations = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]),
        "path": paths,
        "from": paths,
        "value": documents,
    }
)


@given(documents, st.lists(operations, max_size=4))
@settings(max_examples=200)
def test_any_patch_is_applied_or_refused(doc: Any, ops: Ops) -> None:
    before = copy.deepcopy((doc, ops))
    code = 200
    try:
        jsonpatch.apply(doc, ops)
    except ApiError as e:
        code = e.code
    assert code in (200, 422)
    assert (doc, ops) == before


@given(documents, paths, documents)
@settings(max_examples=150)
def test_what_was_added_is_there_and_can_be_taken_away(doc: Any, path: str, value: Any) -> None:
    if path.endswith("-"):
        return
    try:
        added = jsonpatch.apply(doc, [{"op": "add", "path": path, "value": value}])
    except ApiError:
        return
    assert jsonpatch.apply(added, [{"op": "test", "path": path, "value": value}]) == added
