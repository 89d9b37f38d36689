"""Rows and headings of tables, and metadata alone."""

from __future__ import annotations

import msgspec
import pytest

from dromon.api.kinds import BINDINGS, PODS, SECRETS
from dromon.api.types.config import Secret
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod
from dromon.apiserver import table

POD = Pod(metadata=ObjectMeta(name="x", creation_timestamp="1970-01-01T00:00:00Z"))


def test_headings_are_encoded_whole() -> None:
    first, *_ = msgspec.to_builtins(table.columns(PODS))
    assert first == {
        "name": "Name",
        "type": "string",
        "format": "name",
        "description": first["description"],
        "priority": 0,
    }


def test_a_row_has_a_cell_for_each_heading() -> None:
    made = table.row(PODS, POD, 90.0, "None")
    assert len(made.cells) == len(table.columns(PODS))
    assert made.cells[:5] == ["x", "0/0", "", 0, "90s"]
    assert made.object is None


@pytest.mark.parametrize(
    ("include", "kind", "keys"),
    [
        ("Metadata", "PartialObjectMetadata", {"kind", "apiVersion", "metadata"}),
        ("Object", "Pod", {"kind", "apiVersion", "metadata", "spec", "status"}),
    ],
)
def test_what_a_row_carries_along(include: str, kind: str, keys: set[str]) -> None:
    carried = table.row(PODS, POD, 0.0, include).object
    assert carried is not None
    assert (carried["kind"], carried["metadata"]["name"]) == (kind, "x")
    assert carried.keys() == keys


def test_bytes_are_carried_as_json_has_them() -> None:
    carried = table.row(SECRETS, Secret(data={"a": b"a"}), 0.0, "Object").object
    assert carried is not None
    assert carried["data"] == {"a": "YQ=="}


def test_a_kind_without_columns_has_name_and_age() -> None:
    assert [c.name for c in table.columns(BINDINGS)] == ["Name", "Age"]


def test_metadata_alone() -> None:
    partial = table.partial(POD)
    assert partial.metadata is POD.metadata
    assert partial.api_version == "meta.k8s.io/v1"
