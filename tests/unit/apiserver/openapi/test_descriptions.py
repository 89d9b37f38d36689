"""The texts of `kubectl explain`: none is missing, none describes what does not exist."""

from __future__ import annotations

import importlib
import json
import pathlib
import pkgutil
import tomllib
import typing
from importlib import resources

import pytest

from dromon.api import types
from dromon.api.kinds import RESOURCES
from dromon.api.patch.schema import openapi_name
from dromon.api.types.autoscaling import Scale
from dromon.api.types.base import Api
from dromon.api.types.config import ConfigMap, ConfigMapList
from dromon.api.types.container import ConfigMapKeySelector, Container, EphemeralContainer
from dromon.api.types.meta import OwnerReference
from dromon.api.types.pod import Pod
from dromon.api.types.status import DeleteOptions, Status
from dromon.api.types.volume import Volume, VolumeSource
from dromon.apiserver.openapi import OpenApiV3, descriptions
from dromon.apiserver.openapi.descriptions import describe, tables
from dromon.apiserver.openapi.schemas import Generator
from dromon.kubelet.volumes.manager import PLUGINS


def reachable() -> set[type[Api]]:
    """Every struct that a client can send, be answered, or find inside another one."""
    found: set[type[Api]] = set()

    def walk(hint: object) -> None:
        if isinstance(hint, type) and issubclass(hint, Api) and hint not in found:
            found.add(hint)
            for inner in typing.get_type_hints(hint).values():
                walk(inner)
        for argument in typing.get_args(hint):
            walk(argument)

    for resource in RESOURCES:
        walk(resource.struct)
        walk(resource.list_struct)
    for struct in (Status, DeleteOptions, Scale):
        walk(struct)
    return found


def structs() -> dict[str, type[Api]]:
    """Every struct there is, by OpenAPI name."""
    modules = [
        importlib.import_module(f"{types.__name__}.{m.name}") for m in pkgutil.iter_modules(types.__path__)
    ]
    return {
        openapi_name(struct): struct
        for module in modules
        for struct in vars(module).values()
        if isinstance(struct, type) and issubclass(struct, Api) and struct is not Api
    }


def files() -> list[str]:
    return sorted(f.name for f in resources.files(descriptions).iterdir() if f.name.endswith(".toml"))


@pytest.mark.parametrize("struct", sorted(reachable(), key=openapi_name), ids=openapi_name)
def test_every_struct_and_field_has_a_text(struct: type[Api]) -> None:
    fields = ["", *struct.__struct_encode_fields__]
    assert [f for f in fields if not describe(struct, f)] == []


@pytest.mark.parametrize("file", [f for f in files() if f != "common.toml"])
def test_every_text_describes_something_and_is_a_sentence(file: str) -> None:
    group, version, *_ = file.split(".")
    by_name = {
        n.rsplit(".", 1)[1]: s for n, s in structs().items() if n.split(".")[-3:-1] == [group, version]
    }
    texts = tomllib.loads((resources.files(descriptions) / file).read_text("utf-8"))
    assert texts.keys() <= by_name.keys()
    for name, fields in texts.items():
        assert fields.keys() <= {"", *by_name[name].__struct_encode_fields__}, name
        for text in fields.values():
            assert text.endswith("."), text


def test_a_kind_and_a_list_have_what_all_have() -> None:
    assert describe(ConfigMapList) == "A page of ConfigMap objects."
    assert describe(ConfigMapList, "items") == "The ConfigMap objects of this page."
    assert describe(ConfigMap, "metadata") == describe(Pod, "metadata") != ""
    assert describe(ConfigMap, "nothing") == ""


def test_the_kind_of_another_object_is_not_taken_for_the_own() -> None:
    assert describe(OwnerReference, "kind") == "Kind of the owner."
    generator = Generator("#/definitions/", wrap=False)
    assert generator.schemas[generator.add(OwnerReference)]["required"] == [
        "apiVersion",
        "kind",
        "name",
        "uid",
    ]
    assert "required" not in generator.schemas[generator.add(ConfigMap)]


def test_a_field_of_an_embedded_struct_is_described_there_unless_the_outer_one_knows_better() -> None:
    assert describe(Volume, "emptyDir") == describe(VolumeSource, "emptyDir")
    assert describe(ConfigMapKeySelector, "name").startswith("Name of the ConfigMap")
    assert describe(EphemeralContainer, "image") == describe(Container, "image")
    assert describe(EphemeralContainer, "ports") == "Must be empty."


def test_the_volumes_that_nodes_mount_are_those_that_the_text_names() -> None:
    wire = dict(zip(VolumeSource.__struct_fields__, VolumeSource.__struct_encode_fields__, strict=True))
    text = describe(Volume).split("Nodes mount ")[1].split(";")[0].replace(" and ", ", ")
    assert set(text.split(", ")) == {wire[field] for field in PLUGINS}


def test_the_files_of_a_package_are_merged_and_share_no_struct(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.v1.x.toml").write_text('[X]\n"" = "An X."\n')
    (tmp_path / "a.v1.y.toml").write_text('[Y]\n"" = "A Y."\n')
    (tmp_path / "a.v10.toml").write_text('[X]\n"" = "Another X."\n')
    monkeypatch.setattr(descriptions.resources, "files", lambda _: tmp_path)
    read = tables.__wrapped__
    assert read("a.v1") == {"X": {"": "An X."}, "Y": {"": "A Y."}}
    (tmp_path / "a.v1.z.toml").write_text('[Y]\n"" = "A Y again."\n')
    with pytest.raises(ValueError, match="described elsewhere, too: Y"):
        read("a.v1")


def test_the_documents_show_the_texts() -> None:
    document = json.loads(OpenApiV3(RESOURCES, "v1.32.0").document("api/v1") or b"")
    pod = document["components"]["schemas"]["io.k8s.api.core.v1.Pod"]
    assert pod["description"] == describe(Pod)
    assert pod["properties"]["kind"]["description"] == describe(Pod, "kind")
    undescribed = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, made in schema.get("properties", {}).items()
        if not made.get("description")
    ]
    assert undescribed == []
