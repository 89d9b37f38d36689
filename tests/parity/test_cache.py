"""The Rust cache against a plain model in Python: lists, older lists, watches, in any order of changes."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon._core import Cache, TooOld
from dromon.api import fields, labels
from dromon.store.interface import Change, KeyValue

PREFIX = "/registry/core/pods/"
FIELDS = [
    ("metadata.name", "metadata.name", ""),
    ("metadata.namespace", "metadata.namespace", ""),
    ("spec.nodeName", "spec.nodeName", ""),
    ("spec.hostNetwork", "spec.hostNetwork", "false"),
    ("count", "spec.count", "none"),
]
LABELS = ["", "a=1", "a in (1,2)", "a", "!a", "a!=1", "a=1,b", "a>1", "b notin (x)"]
SELECTED = [
    "",
    "spec.nodeName=n1",
    "spec.nodeName!=n1",
    "metadata.namespace=m",
    "spec.hostNetwork=true",
    "count=3",
]
NAMESPACES = ["", "m", "n"]

objects = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(st.sampled_from("ab"), st.sampled_from(["1", "2", "x"]), max_size=2),
        "node": st.sampled_from(["n1", "n2"]),
        "host": st.booleans(),
        "count": st.sampled_from([3, -3, 2.5, None]),
    },
)
keys = st.tuples(st.sampled_from(["m", "n", "mm"]), st.sampled_from(["a", "b", "a-b"]))
changes = st.lists(st.tuples(keys, st.one_of(st.none(), objects)), max_size=14)
Query = tuple[str, str, str]
queries = st.tuples(st.sampled_from(NAMESPACES), st.sampled_from(LABELS), st.sampled_from(SELECTED))

Object = dict[str, Any]
State = dict[str, tuple[int, Object]]


def build(namespace: str, name: str, parts: Object) -> Object:
    metadata: Object = {"name": name, "namespace": namespace}
    if "labels" in parts:
        metadata["labels"] = parts["labels"]
    names = {"node": "nodeName", "host": "hostNetwork", "count": "count"}
    spec = {names[k]: v for k, v in parts.items() if k != "labels"}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": metadata, "spec": spec}


def encode(value: Object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def new_cache(**limits: int) -> Cache:
    cache = Cache(lambda *_: b"", **limits)
    assert cache.add_resource(PREFIX, "Pod", "v1", True, FIELDS) == 0
    cache.load([], 1)
    return cache


def text(value: object, default: str) -> str:
    if value is None:
        return default
    return json.dumps(value) if not isinstance(value, str) else value


def selects(query: Query) -> Callable[[Object], bool]:
    namespace, label_text, field_text = query
    by_labels, by_fields = labels.parse(label_text), fields.parse(field_text)

    def matches(o: Object) -> bool:
        values = {
            "metadata.namespace": o["metadata"]["namespace"],
            "spec.nodeName": text(o["spec"].get("nodeName"), ""),
            "spec.hostNetwork": text(o["spec"].get("hostNetwork"), "false"),
            "count": text(o["spec"].get("count"), "none"),
        }
        return (
            namespace in ("", values["metadata.namespace"])
            and by_labels.matches(o["metadata"].get("labels", {}))
            and by_fields.matches(values)
        )

    return matches


def shown(o: Object, revision: int) -> Object:
    return {**o, "metadata": {"resourceVersion": str(revision), **o["metadata"]}}


class Model:
    """Every state that was, by revision."""

    def __init__(self) -> None:
        self.revision = 1
        self.states: dict[int, State] = {1: {}}

    @property
    def now(self) -> State:
        return self.states[self.revision]

    def apply(self, cache: Cache, key: tuple[str, str], parts: Object | None) -> list[int]:
        below = "/".join(key)
        self.revision += 1
        state = dict(self.states[self.revision - 1])
        value = None if parts is None else build(*key, parts)
        if value is None:
            state.pop(below, None)
        else:
            state[below] = (self.revision, value)
        self.states[self.revision] = state
        body = None if value is None else encode(value)
        return cache.apply(self.revision, [Change(PREFIX + below, body, None, 0)])[0]

    def events(self, query: Query, after: int) -> list[tuple[str, Object, int]]:
        matches = selects(query)
        found = []
        for revision in range(after + 1, self.revision + 1):
            old, new = self.states[revision - 1], self.states[revision]
            for below in old.keys() | new.keys():
                if old.get(below) == new.get(below):
                    continue
                was = below in old and matches(old[below][1])
                is_ = below in new and matches(new[below][1])
                if is_:
                    found.append(("MODIFIED" if was else "ADDED", shown(new[below][1], revision), revision))
                elif was:
                    found.append(("DELETED", shown(old[below][1], revision), revision))
        return found

    def list(self, query: Query, revision: int) -> list[Object]:
        matches = selects(query)
        state = self.states[revision]
        # Keys are in the order of their bytes: "mm/a" is after "m/a".
        return [shown(state[b][1], state[b][0]) for b in sorted(state) if matches(state[b][1])]


def drain(cache: Cache, watcher: int) -> list[tuple[str, Object, int]]:
    found = []
    while batch := cache.events(watcher, 1):
        found += [(kind, json.loads(body), revision) for kind, body, revision in batch]
    return found


@given(changes, changes, queries, st.data())
@settings(max_examples=250, deadline=None)
def test_lists_and_watches(before: list, after: list, query: Query, data: st.DataObject) -> None:
    cache, model = new_cache(), Model()
    for key, parts in before:
        model.apply(cache, key, parts)
    resumed_at = data.draw(st.integers(1, model.revision))
    resumed = cache.watch(0, *query, resumed_at)
    begun_at = model.revision
    begun = cache.watch(0, *query, None)
    initial = model.list(query, begun_at)
    woken: set[int] = set()
    for key, parts in after:
        woken.update(model.apply(cache, key, parts))
    assert drain(cache, resumed) == model.events(query, resumed_at)
    later = model.events(query, begun_at)
    expected = [("ADDED", o, int(o["metadata"]["resourceVersion"])) for o in initial]
    assert drain(cache, begun) == expected + later
    assert (begun in woken) == (bool(later) and not initial)
    at = data.draw(st.integers(1, model.revision))
    page = cache.page(0, *query, revision=at)
    assert [json.loads(i) for i in page.items()] == model.list(query, at)
    assert page.revision == at


@given(changes, queries, st.integers(1, 4), st.data())
@settings(max_examples=150, deadline=None)
def test_pages_show_one_revision(made: list, query: Query, limit: int, data: st.DataObject) -> None:
    cache, model = new_cache(), Model()
    for key, parts in made:
        model.apply(cache, key, parts)
    first = model.revision
    found: list[Object] = []
    key, left = "", None
    while True:
        page = cache.page(0, *query, after=key, limit=limit, revision=first, left=left)
        found += [json.loads(i) for i in page.items()]
        total = len(model.list(query, first))
        assert page.more == (len(found) < total)
        if page.more and not query[1] and not query[2]:
            assert page.remaining == total - len(found)
        else:
            assert page.remaining is None
        if not page.more:
            break
        assert len(page) == limit
        key, left = page.last_key, page.remaining
        model.apply(cache, *data.draw(st.tuples(keys, st.one_of(st.none(), objects))))
    assert found == model.list(query, first)


@given(changes)
@settings(max_examples=100, deadline=None)
def test_a_bounded_past_refuses_rather_than_skips(made: list) -> None:
    cache, model = new_cache(ring_events=3), Model()
    for key, parts in made:
        model.apply(cache, key, parts)
    for after in range(1, model.revision + 1):
        try:
            watcher = cache.watch(0, "", "", "", after)
        except TooOld:
            assert len(model.events(("", "", ""), after)) > 3
        else:
            assert drain(cache, watcher) == model.events(("", "", ""), after)


def test_a_watcher_that_does_not_keep_up_is_cut_off_alone() -> None:
    cache, model = new_cache(queue_events=5), Model()
    slow = cache.watch(0, "", "", "", 1)
    quick = cache.watch(0, "", "", "", 1)
    seen = []
    for i in range(6):
        model.apply(cache, ("m", "a"), {"count": i})
        seen += drain(cache, quick)
    assert len(seen) == 6
    assert not cache.idle(slow)
    with pytest.raises(TooOld):
        cache.events(slow, 1 << 20)
    cache.unwatch(slow)
    cache.unwatch(quick)
    assert cache.watchers == 0
    assert model.apply(cache, ("m", "a"), {"count": 9}) == []


def test_a_transaction_is_read_whole() -> None:
    cache = new_cache()
    watcher = cache.watch(0, "", "", "", 1)
    batch = [Change(f"{PREFIX}m/{i}", encode(build("m", str(i), {})), None, 2) for i in range(4)]
    assert cache.apply(2, batch) == ([watcher], [])
    cache.apply(3, [Change(f"{PREFIX}m/9", encode(build("m", "9", {})), None, 3)])
    assert [revision for *_, revision in cache.events(watcher, 1)] == [2, 2, 2, 2]
    assert [revision for *_, revision in cache.events(watcher, 1)] == [3]


def test_unrelated_watchers_are_not_woken() -> None:
    cache, model = new_cache(), Model()
    watchers = {n: cache.watch(0, "", "", f"spec.nodeName=n{n}", 1) for n in range(3)}
    assert model.apply(cache, ("m", "a"), {"node": "n1"}) == [watchers[1]]
    # Moving tells both: one that it came, the other that it went.
    assert model.apply(cache, ("m", "a"), {"node": "n2"}) == [watchers[2]]
    assert [kind for kind, *_ in drain(cache, watchers[1])] == ["ADDED", "DELETED"]
    assert [kind for kind, *_ in drain(cache, watchers[2])] == ["ADDED"]
    assert drain(cache, watchers[0]) == []


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        (
            b'{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"}}',
            b'{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7","name":"a"}}',
        ),
        (
            b'{"kind":"Pod","apiVersion":"v1","metadata":{}}',
            b'{"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7"}}',
        ),
        (
            b'{"spec":{"metadata":{"x":"}\\""},"l":[1,{"metadata":2}]},"n":-1.5e3, '
            b'"metadata" : { "name":"a"}}',
            b'{"spec":{"metadata":{"x":"}\\""},"l":[1,{"metadata":2}]},"n":-1.5e3, "metadata" : '
            b'{"resourceVersion":"7", "name":"a"}}',
        ),
        (b'{"spec":1}', b'{"metadata":{"resourceVersion":"7"},"spec":1}'),
        (b"{}", b'{"metadata":{"resourceVersion":"7"}}'),
    ],
)
def test_the_revision_is_spliced_in(stored: bytes, expected: bytes) -> None:
    cache = new_cache()
    cache.load([KeyValue(PREFIX + "m/a", stored, 7, 7)], 7)
    assert cache.get(0, "m/a", 0) == expected
    json.loads(expected)


@pytest.mark.parametrize("stored", [b"", b"[]", b'{"a"', b'{"metadata":1}', b"nonsense", b'{"a":1}x'])
def test_what_is_no_object_is_left_out_and_named(stored: bytes) -> None:
    cache = new_cache()
    items = [KeyValue(PREFIX + "m/a", stored, 7, 7), KeyValue(PREFIX + "m/b", b"{}", 7, 7)]
    ((key, why),) = cache.load(items, 7)
    assert (key, bool(why), cache.count(0)) == (PREFIX + "m/a", True, 1)
    woken, ((changed, _),) = cache.apply(8, [Change(PREFIX + "m/b", stored, b"{}", 7)])
    assert (woken, changed, cache.count(0)) == ([], PREFIX + "m/b", 0)


def test_labels_with_escapes_and_keys_of_other_resources() -> None:
    cache = new_cache()
    body = b'{"metadata":{"labels":{"a\\u0062":"\\u0031"},"name":"a","namespace":"m"}}'
    elsewhere = b"anything"
    items = [KeyValue(PREFIX + "m/a", body, 2, 2), KeyValue("/registry/x/y/z", elsewhere, 2, 2)]
    cache.load([*items, KeyValue("/short", elsewhere, 2, 2)], 2)
    assert len(cache.page(0, "", "ab=1", "")) == 1


@pytest.mark.parametrize("labels", ["null", "[]", "1", '{"a":1}', '{"a":{"b":[]}}', '{"a":null}'])
def test_labels_that_are_none_select_nothing_and_harm_nothing(labels: str) -> None:
    cache = new_cache()
    cache.load([KeyValue(PREFIX + "m/a", b'{"metadata":{"labels":%s}}' % labels.encode(), 2, 2)], 2)
    assert len(cache.page(0, "", "!a", "")) == 1


def test_selectors_are_checked() -> None:
    cache = new_cache()
    with pytest.raises(ValueError, match=r"field label not supported: spec\.x"):
        cache.page(0, "", "", "spec.x=1")
    with pytest.raises(ValueError, match="unable to parse requirement"):
        cache.watch(0, "", "a b", "", None)
    with pytest.raises(KeyError):
        cache.get(9, "a", 0)


def test_an_encoder_that_fails_says_why() -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError("no such message")

    cache = Cache(broken)
    cache.add_resource(PREFIX, "Pod", "v1", True, FIELDS)
    cache.load([KeyValue(PREFIX + "m/a", b"{}", 2, 2)], 2)
    with pytest.raises(RuntimeError, match="no such message"):
        cache.get(0, "m/a", 2)
    assert cache.get(0, "m/a", 0) is not None
