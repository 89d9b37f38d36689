"""Object metadata: what every object must keep to, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from dromon.api import validation
from dromon.api.errors import FieldError
from dromon.api.kinds import CONFIG_MAPS, EVENTS, NAMESPACES, NODES, SERVICES
from dromon.api.types.meta import LabelSelector, LabelSelectorRequirement, ObjectMeta, OwnerReference


def meta(**fields: object) -> ObjectMeta:
    return ObjectMeta(**{"name": "x", "namespace": "default", **fields})  # type: ignore[arg-type]


def texts(found: Iterable[FieldError]) -> list[str]:
    return [str(e) for e in found]


def owner(**fields: object) -> OwnerReference:
    given = {"api_version": "v1", "kind": "Pod", "name": "p", "uid": "u", **fields}
    return OwnerReference(**given)  # type: ignore[arg-type]


def test_good_metadata_has_no_faults() -> None:
    good = meta(
        labels={"a": "b", "example.com/c": ""},
        annotations={"Example.com/A": "anything\n"},
        finalizers=["example.com/f"],
        owner_references=[owner(controller=True), owner(uid="v")],
    )
    assert validation.object_meta(CONFIG_MAPS, good) == []


def test_a_name_is_required() -> None:
    assert texts(validation.object_meta(CONFIG_MAPS, meta(name=""))) == [
        "metadata.name: Required value: name or generateName is required"
    ]


@pytest.mark.parametrize(
    ("resource", "name", "allowed"),
    [
        (CONFIG_MAPS, "a.b", True),
        (CONFIG_MAPS, "A", False),
        (SERVICES, "1a", False),
        (SERVICES, "a.b", False),
        (EVENTS, "Any.Thing", True),
    ],
)
def test_kinds_have_their_own_rule_of_names(resource: object, name: str, allowed: bool) -> None:
    assert (validation.object_meta(resource, meta(name=name)) == []) is allowed  # type: ignore[arg-type]


def test_scope_decides_over_namespaces() -> None:
    assert texts(validation.object_meta(NODES, meta())) == [
        "metadata.namespace: Forbidden: not allowed on this type"
    ]
    assert texts(validation.object_meta(CONFIG_MAPS, meta(namespace=""))) == [
        "metadata.namespace: Required value"
    ]
    assert [e.path for e in validation.object_meta(NAMESPACES, meta(name="a.b", namespace=""))] == [
        "metadata.name"
    ]


@pytest.mark.parametrize(
    ("fields", "path", "part"),
    [
        ({"labels": {"a b": "c"}}, "metadata.labels", "name part must consist of"),
        ({"labels": {"a": "b c"}}, "metadata.labels", "a valid label must be"),
        (
            {"annotations": {"a": "x" * 256 * 1024}},
            "metadata.annotations",
            "Too long: may not be more than 262144",
        ),
        ({"annotations": {"a/b/c": ""}}, "metadata.annotations", "a valid label key"),
        ({"finalizers": ["a b"]}, "metadata.finalizers", "name part"),
        ({"finalizers": ["orphan", "foregroundDeletion"]}, "metadata.finalizers", "cannot be both set"),
        ({"owner_references": [owner(uid="")]}, "metadata.ownerReferences[0].uid", "must not be empty"),
        (
            {"owner_references": [owner(api_version="a/b/c")]},
            "metadata.ownerReferences[0].apiVersion",
            "<group>",
        ),
        (
            {"owner_references": [owner(controller=True)] * 2},
            "metadata.ownerReferences",
            "Only one reference",
        ),
        ({"owner_references": [owner(kind="Event")]}, "metadata.ownerReferences[0]", "disallowed"),
        ({"generate_name": "A_b-"}, "metadata.generateName", "RFC 1123"),
        ({"generation": -1}, "metadata.generation", "must be greater than or equal to 0"),
    ],
)
def test_faults_name_the_field(fields: dict[str, object], path: str, part: str) -> None:
    (fault,) = validation.object_meta(CONFIG_MAPS, meta(**fields))
    assert fault.path == path
    assert part in fault.message


@pytest.mark.parametrize(
    ("attribute", "value", "path"),
    [
        ("uid", "other", "metadata.uid"),
        ("creation_timestamp", "2014-06-10T18:30:00Z", "metadata.creationTimestamp"),
        ("deletion_timestamp", "2014-06-10T18:30:00Z", "metadata.deletionTimestamp"),
        ("deletion_grace_period_seconds", 5, "metadata.deletionGracePeriodSeconds"),
        ("name", "y", "metadata.name"),
    ],
)
def test_identity_can_not_change(attribute: str, value: object, path: str) -> None:
    old, new = meta(uid="u"), meta(uid="u")
    setattr(new, attribute, value)
    (fault,) = validation.object_meta_update(CONFIG_MAPS, new, old)
    assert fault.path == path
    assert fault.message.endswith("field is immutable")


def test_an_object_that_is_being_deleted_gets_no_finalizers() -> None:
    old = meta(deletion_timestamp="2014-06-10T18:30:00Z", finalizers=["a.b/c"])
    new = meta(deletion_timestamp="2014-06-10T18:30:00Z", finalizers=["a.b/c", "a.b/d"])
    (fault,) = validation.object_meta_update(CONFIG_MAPS, new, old)
    assert fault.message.endswith('found new finalizers []string{"a.b/d"}')
    assert validation.object_meta_update(CONFIG_MAPS, old, new) == []


@pytest.mark.parametrize(
    ("operator", "values", "path"),
    [
        ("In", [], "s.matchExpressions[0].values"),
        ("Exists", ["a"], "s.matchExpressions[0].values"),
        ("Near", [], "s.matchExpressions[0].operator"),
        ("In", ["a b"], "s.matchExpressions[0].values[0]"),
    ],
)
def test_label_selectors(operator: str, values: list[str], path: str) -> None:
    requirement = LabelSelectorRequirement(key="a", operator=operator, values=values)
    (fault,) = validation.label_selector(LabelSelector(match_expressions=[requirement]), "s")
    assert fault.path == path


def test_no_selector_has_no_faults() -> None:
    assert validation.label_selector(None, "s") == []
