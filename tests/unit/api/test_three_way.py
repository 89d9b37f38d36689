"""Client-side apply: removals, foreign fields, lists by key."""

from __future__ import annotations

from typing import Any

from dromon.api.patch.three_way import merge
from dromon.api.types.pod import Pod
from dromon.api.types.service import Service


def pod(*containers: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"containers": list(containers)}}


def test_what_the_last_manifest_had_and_this_one_lacks_goes() -> None:
    out = merge(
        {"metadata": {"labels": {"a": "1", "b": "2"}}},
        {"metadata": {"labels": {"a": "1"}}},
        {"metadata": {"labels": {"a": "1", "b": "2", "theirs": "3"}, "uid": "u"}},
        Pod,
    )
    assert out == {"metadata": {"labels": {"a": "1", "theirs": "3"}, "uid": "u"}}


def test_lists_merge_by_their_key_and_keep_what_the_server_defaulted() -> None:
    original = pod({"name": "a", "image": "1"}, {"name": "gone", "image": "1"})
    modified = pod({"name": "a", "image": "2"}, {"name": "new", "image": "1"})
    current = pod(
        {"name": "gone", "image": "1"},
        {"name": "a", "image": "1", "imagePullPolicy": "Always"},
        {"name": "injected", "image": "9"},
    )
    containers = merge(original, modified, current, Pod)["spec"]["containers"]
    assert containers == [
        {"name": "a", "image": "2", "imagePullPolicy": "Always"},
        {"name": "new", "image": "1"},
        {"name": "injected", "image": "9"},
    ]


def test_lists_without_a_key_and_unknown_kinds_are_replaced() -> None:
    command = merge(
        pod({"name": "a", "command": ["x"]}),
        pod({"name": "a", "command": ["y"]}),
        pod({"name": "a", "command": ["x", "z"]}),
        Pod,
    )
    assert command["spec"]["containers"][0]["command"] == ["y"]
    assert merge({}, {"l": [1]}, {"l": [1, 2]}, None) == {"l": [1]}


def test_sets_keep_what_others_added() -> None:
    out = merge(
        {"metadata": {"finalizers": ["old"]}},
        {"metadata": {"finalizers": ["mine"]}},
        {"metadata": {"finalizers": ["old", "theirs"]}},
        Pod,
    )
    assert out["metadata"]["finalizers"] == ["mine", "theirs"]


def test_null_removes_and_arguments_are_not_changed() -> None:
    current = {"spec": {"selector": {"a": "b"}, "clusterIP": "10.0.0.9"}}
    out = merge({}, {"spec": {"selector": None}}, current, Service)
    assert out == {"spec": {"clusterIP": "10.0.0.9"}}
    assert current["spec"]["selector"] == {"a": "b"}
