"""Unknown and duplicate fields."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api.types.config import ConfigMap
from dromon.api.types.pod import Pod
from dromon.apiserver import fieldcheck


def test_unknown_fields_are_named_by_their_path() -> None:
    pod = {
        "metadata": {"name": "a", "labls": {"x": "y"}},
        "spec": {"foo": 1, "containers": [{"name": "c"}, {"name": "d", "imag": "x"}]},
        "extra": {"deep": {}},
    }
    assert fieldcheck.unknown(Pod, pod) == [
        'unknown field "metadata.labls"',
        'unknown field "spec.foo"',
        'unknown field "spec.containers[1].imag"',
        'unknown field "extra"',
    ]


def test_maps_have_no_unknown_keys() -> None:
    assert (
        fieldcheck.unknown(ConfigMap, {"data": {"anything": "goes"}, "metadata": {"labels": {"a": "b"}}})
        == []
    )


def test_inherited_and_optional_structs_are_walked() -> None:
    volume = {"name": "v", "emptyDir": {"medium": "Memory", "x": 1}}
    pod = {"spec": {"volumes": [volume], "containers": None, "securityContext": {"runAsUser": 1, "y": 2}}}
    assert fieldcheck.unknown(Pod, pod) == [
        'unknown field "spec.volumes[0].emptyDir.x"',
        'unknown field "spec.securityContext.y"',
    ]


def test_values_of_the_wrong_shape_are_left_to_decoding() -> None:
    assert fieldcheck.unknown(Pod, {"spec": [1], "metadata": "x"}) == []
    assert fieldcheck.unknown(Pod, ["x"]) == []


def test_the_number_of_faults_is_bounded() -> None:
    many = {f"f{i}": 1 for i in range(1000)}
    assert len(fieldcheck.unknown(Pod, many)) == fieldcheck.LIMIT


def test_duplicates() -> None:
    body = b'{"a":1,"spec":{"x":1,"x":2,"l":[{"y":1,"y":1}]},"a":3}'
    assert fieldcheck.duplicates(body) == [
        'duplicate field "spec.x"',
        'duplicate field "spec.l[0].y"',
        'duplicate field "a"',
    ]
    assert fieldcheck.duplicates(json.dumps({"a": [{"b": 1}, {"b": 2}]}).encode()) == []


_keys = st.sampled_from(["metadata", "spec", "name", "labels", "containers", "nope", "a:b", "env"])
_documents = st.recursive(
    st.none() | st.integers() | st.sampled_from(["", "x", ":", '":', "\u003a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_keys, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=200)
@given(st.dictionaries(_keys, _documents), st.booleans())
def test_the_quick_look_finds_what_the_long_one_finds(document: dict[str, object], spaced: bool) -> None:
    body = json.dumps(document, separators=(", ", " : ") if spaced else None).encode()
    assert fieldcheck.of_json(Pod, body) == fieldcheck.unknown(Pod, document)


@pytest.mark.parametrize(
    "body",
    [
        b'{"spec":{},"spec":{}}',
        b'{"metadata":{"labels":{"a":"x:y","a":"z"}}}',
        b'{"metadata":{"labels":{"a":"x\\u003ay","a":"z"}}}',
        b'{"metadata":{"labels":{"a":"x","\\u0061":"z"}}}',
    ],
)
def test_the_quick_look_does_not_miss_repeats(body: bytes) -> None:
    assert fieldcheck.of_json(Pod, body) == fieldcheck.duplicates(body) != []


def test_clean_bodies_need_only_the_quick_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fieldcheck, "unknown", None)
    monkeypatch.setattr(fieldcheck, "duplicates", None)
    container = {"name": "c", "resources": {"limits": {"cpu": 1}}, "ports": [{"containerPort": 1}]}
    volumes = [{"name": "v", "emptyDir": {}}]
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "a:b", "labels": None, "annotations": {"x": "{}"}},
        "spec": {"containers": [container], "securityContext": None, "volumes": volumes},
    }
    body = json.dumps(pod, indent=1).encode()
    assert fieldcheck.of_json(Pod, body) == []
