"""Strategic merge patches: lists by key, every directive, and what clients really send."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api.errors import ApiError
from dromon.api.kinds import RESOURCES
from dromon.api.patch import merge, schema, strategic
from dromon.api.patch.merge_keys import MERGE_KEYS
from dromon.api.types.config import ConfigMap
from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.api.types.service import Service

Doc = dict[str, Any]


def pod(**spec: Any) -> Doc:
    return {"metadata": {"name": "x"}, "spec": spec}


def containers(*names: str) -> list[Doc]:
    return [{"name": n, "image": f"{n}:1"} for n in names]


def patched(doc: Doc, **spec: Any) -> Doc:
    before = copy.deepcopy(doc)
    result: Doc = strategic.apply(doc, {"spec": spec}, Pod)["spec"]
    assert doc == before
    return result


def test_elements_merge_by_key_and_the_others_stay() -> None:
    got = patched(pod(containers=containers("a", "b")), containers=[{"name": "b", "image": "b:2"}])
    assert {c["name"]: c["image"] for c in got["containers"]} == {"a": "a:1", "b": "b:2"}


def test_merging_keeps_the_order_of_the_live_list() -> None:
    got = patched(pod(containers=containers("a", "b", "c")), containers=[{"name": "c", "image": "c:2"}])
    assert [c["name"] for c in got["containers"]] == ["a", "b", "c"]


def test_new_elements_are_added_without_nulls_and_directives() -> None:
    new = {"name": "b", "image": None, "env": [{"name": "A", "value": None}], "$retainKeys": ["name", "env"]}
    got = patched(pod(containers=containers("a")), containers=[new])
    assert {"name": "b", "env": [{"name": "A"}]} in got["containers"]


def test_nested_lists_merge_by_their_own_keys() -> None:
    doc = pod(containers=[{"name": "a", "env": [{"name": "A", "value": "1"}], "args": ["x"]}])
    got = patched(doc, containers=[{"name": "a", "env": [{"name": "B"}], "args": ["y"]}])
    assert {e["name"] for e in got["containers"][0]["env"]} == {"A", "B"}
    assert got["containers"][0]["args"] == ["y"]


def test_an_element_is_deleted_by_its_key() -> None:
    got = patched(pod(containers=containers("a", "b")), containers=[{"name": "a", "$patch": "delete"}])
    assert got["containers"] == containers("b")


def test_a_list_is_replaced_when_an_element_says_so() -> None:
    got = patched(pod(containers=containers("a", "b")), containers=[{"$patch": "replace"}, {"name": "c"}])
    assert got["containers"] == [{"name": "c"}]


def test_a_map_is_replaced_or_emptied() -> None:
    doc = {"metadata": {"labels": {"a": "1", "b": "2"}}}
    replaced = strategic.apply(doc, {"metadata": {"labels": {"$patch": "replace", "c": "3"}}}, Pod)
    assert replaced["metadata"]["labels"] == {"c": "3"}
    emptied = strategic.apply(doc, {"metadata": {"labels": {"$patch": "delete"}}}, Pod)
    assert emptied["metadata"]["labels"] == {}
    merged = strategic.apply(doc, {"metadata": {"labels": {"$patch": "merge", "a": None}}}, Pod)
    assert merged["metadata"]["labels"] == {"b": "2"}


def test_retained_keys_make_a_union_change_its_kind() -> None:
    doc = pod(volumes=[{"name": "v", "emptyDir": {}}])
    change = {"name": "v", "hostPath": {"path": "/x"}, "$retainKeys": ["name", "hostPath"]}
    assert patched(doc, volumes=[change])["volumes"] == [{"name": "v", "hostPath": {"path": "/x"}}]


def test_retained_keys_must_name_what_the_patch_sets() -> None:
    doc = pod(volumes=[{"name": "v", "emptyDir": {}}])
    with pytest.raises(ApiError, match="doesn't match retainKeys list") as raised:
        patched(doc, volumes=[{"name": "v", "hostPath": {}, "$retainKeys": ["name"]}])
    assert raised.value.code == 422


def test_scalars_merge_as_a_set_and_are_deleted_from_it() -> None:
    doc = {"metadata": {"finalizers": ["a/1", "a/2"]}}
    change = {"$deleteFromPrimitiveList/finalizers": ["a/1"], "finalizers": ["a/2", "a/3"]}
    got = strategic.apply(doc, {"metadata": change}, Pod)
    assert got["metadata"] == {"finalizers": ["a/2", "a/3"]}


def test_deleting_from_a_list_that_is_not_there_is_no_fault() -> None:
    change = {"$deleteFromPrimitiveList/finalizers": ["a/1"]}
    assert strategic.apply({"metadata": {}}, {"metadata": change}, Pod) == {"metadata": {}}


def test_the_order_that_the_client_saw_is_kept() -> None:
    doc = pod(containers=containers("a", "server", "b"))
    order = [{"name": "b"}, {"name": "new"}, {"name": "a"}]
    got = patched(doc, **{"$setElementOrder/containers": order, "containers": [{"name": "new"}]})
    assert [c["name"] for c in got["containers"]] == ["server", "b", "new", "a"]


def test_the_order_alone_moves_elements() -> None:
    got = patched(
        pod(containers=containers("a", "b")),
        **{"$setElementOrder/containers": [{"name": "b"}, {"name": "a"}]},
    )
    assert [c["name"] for c in got["containers"]] == ["b", "a"]


def test_the_order_of_a_list_that_appears() -> None:
    got = patched(
        pod(), **{"$setElementOrder/volumes": [{"name": "v"}], "volumes": [{"name": "v", "emptyDir": {}}]}
    )
    assert got == {"volumes": [{"name": "v", "emptyDir": {}}]}


def test_the_patch_must_keep_its_own_order() -> None:
    order = [{"name": "a"}, {"name": "b"}]
    with pytest.raises(ApiError, match="doesn't match"):
        patched(pod(), **{"$setElementOrder/containers": order, "containers": containers("b", "a")})


def test_null_removes_and_other_types_replace() -> None:
    doc = pod(nodeName="n", affinity={"nodeAffinity": {}})
    assert patched(doc, nodeName=None, affinity=None, hostAliases="?") == {"hostAliases": "?"}


def test_ports_of_a_service_merge_by_number() -> None:
    doc = {"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 443}]}}
    got = strategic.apply(doc, {"spec": {"ports": [{"port": 80, "targetPort": 9090}]}}, Service)
    assert got["spec"]["ports"] == [{"port": 80, "targetPort": 9090}, {"port": 443}]


def test_a_nodes_condition_is_changed_by_its_type() -> None:
    doc = {
        "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Disk", "status": "False"}]}
    }
    change = {
        "status": {
            "$setElementOrder/conditions": [{"type": "Ready"}, {"type": "Disk"}],
            "conditions": [{"type": "Ready", "status": "Unknown"}],
        }
    }
    got = strategic.apply(doc, change, Node)["status"]["conditions"]
    assert got == [{"type": "Ready", "status": "Unknown"}, {"type": "Disk", "status": "False"}]


def test_taints_have_no_key_and_are_replaced() -> None:
    doc = {"spec": {"taints": [{"key": "a", "effect": "NoSchedule"}]}}
    assert strategic.apply(doc, {"spec": {"taints": []}}, Node) == {"spec": {"taints": []}}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ([], "invalid JSON document"),
        ({"spec": {"$patch": "spam"}}, "unknown patch type: spam"),
        ({"spec": {"containers": [{"image": "x"}]}}, "does not contain declared merge key: name"),
        ({"spec": {"containers": ["x"]}}, "expected a map"),
        ({"spec": {"containers": [{"name": {}}]}}, "expected a scalar"),
        ({"spec": {"containers": [{"name": "a", "$patch": "merge"}]}}, "merging lists cannot yet"),
        ({"spec": {"containers": [{"name": "a", "$patch": 1}]}}, "unknown patch type: 1"),
        ({"spec": {"$retainKeys": "containers"}}, "invalid patch format of retainKeys"),
        ({"metadata": {"$deleteFromPrimitiveList/finalizers": 1}}, "invalid patch format of primitive list"),
        ({"spec": {"$setElementOrder/containers": {}}}, "invalid patch format of setElementOrder"),
        ({"spec": {"$setElementOrder/containers": [{}]}}, "declared merge key"),
    ],
)
def test_malformed_patches_are_bad_requests(change: Any, why: str) -> None:
    with pytest.raises(ApiError, match=why) as raised:
        strategic.apply(pod(containers=containers("a")), change, Pod)
    assert raised.value.code == 400


def test_lists_of_lists_are_refused() -> None:
    with pytest.raises(ApiError, match="lists of lists") as raised:
        patched(pod(containers=containers("a")), containers=[[]])
    assert raised.value.code == 422


def test_every_merge_key_is_a_field_of_its_struct() -> None:
    seen: set[str] = set()

    def walk(struct: type[Any]) -> None:
        name = schema.openapi_name(struct)
        if name in seen:
            return
        seen.add(name)
        fields = schema.fields(struct)
        assert MERGE_KEYS.get(name, {}).keys() <= fields.keys()
        for field in fields.values():
            if field.struct is not None:
                if field.merge_key:
                    assert field.merge_key in schema.fields(field.struct)
                walk(field.struct)

    for resource in RESOURCES:
        walk(resource.struct)
    assert "io.k8s.api.core.v1.PodSpec" in seen
    assert "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta" in seen


keyed = st.lists(st.sampled_from("abcd"), unique=True, max_size=4)


@given(keyed, keyed)
@settings(max_examples=200)
def test_a_merge_has_everything_once_and_both_orders(live: list[str], wanted: list[str]) -> None:
    doc = pod(containers=containers(*live))
    change = {"$setElementOrder/containers": [{"name": n} for n in wanted], "containers": containers(*wanted)}
    names = [c["name"] for c in patched(doc, **change)["containers"]]
    assert sorted(names) == sorted({*live, *wanted})
    assert [n for n in names if n in wanted] == wanted
    assert [n for n in names if n not in wanted] == [n for n in live if n not in wanted]


maps = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "x", "yy"]), max_size=3)
changes = st.dictionaries(st.sampled_from("abc"), st.none() | st.sampled_from(["", "x", "yy"]), max_size=3)


@given(maps, changes)
@settings(max_examples=100)
def test_without_lists_it_is_a_merge_patch(data: dict[str, str], change: dict[str, Any]) -> None:
    doc, patch = {"data": data}, {"data": change}
    assert strategic.apply(doc, patch, ConfigMap) == merge.apply(doc, patch)


_scalars = st.text("ab", max_size=2) | st.integers(0, 3) | st.booleans()
_conditions = st.lists(
    st.fixed_dictionaries(
        {"type": st.sampled_from("ABC")}, optional={"status": _scalars, "reason": _scalars}
    ),
    max_size=4,
)
_statuses = st.fixed_dictionaries(
    {},
    optional={
        "phase": _scalars,
        "conditions": _conditions,
        "podIPs": st.lists(st.fixed_dictionaries({"ip": st.sampled_from("xyz")}), max_size=3),
        "containerStatuses": st.lists(st.fixed_dictionaries({"name": _scalars}), max_size=2),
        "other": st.dictionaries(st.sampled_from("pq"), _scalars | st.dictionaries(st.just("r"), _scalars)),
    },
)


@given(doc=_statuses, patch=_statuses)
def test_a_plain_patch_merges_as_any_other(doc: Doc, patch: Doc) -> None:
    before = copy.deepcopy((doc, patch))
    assert strategic.apply({"status": doc}, {"status": patch}, Pod, plain=True) == strategic.apply(
        {"status": doc}, {"status": patch}, Pod
    )
    assert (doc, patch) == before


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (b'{"status":{"phase":"Running"}}', True),
        (b'{"a":{"$patch":"delete"}}', False),
        (b'{"a":null}', False),
        (b'{"a":{"\\u0024patch":"delete"}}', False),
    ],
)
def test_what_may_hold_a_directive_is_not_plain(text: bytes, plain: bool) -> None:
    assert strategic.is_plain(text) is plain
