"""The OpenAPI documents: complete, closed under reference, and what clients look for is where they look."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dromon.api.kinds import RESOURCES
from dromon.apiserver.openapi import OpenApiV2, OpenApiV3, gnostic

V3 = OpenApiV3(RESOURCES, "v1.32.0")
V2 = OpenApiV2(RESOURCES, "v1.32.0")


def documents() -> list[dict[str, Any]]:
    roots = json.loads(V3.index())["paths"]
    return [json.loads(V3.document(root) or b"") for root in roots] + [json.loads(V2.json())]


@pytest.mark.parametrize("document", documents(), ids=lambda d: str(d.get("openapi", "2.0")))
def test_every_reference_resolves(document: dict[str, Any]) -> None:
    schemas = document.get("definitions") or document["components"]["schemas"]
    names = set(re.findall(r'"\$ref": "#/(?:definitions|components/schemas)/([^"]+)"', json.dumps(document)))
    assert names
    assert names <= set(schemas)


def test_every_resource_has_paths_and_a_schema_with_its_kind() -> None:
    for resource in RESOURCES:
        root = f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"
        document = json.loads(V3.document(root) or b"")
        kinds = [
            gvk
            for schema in document["components"]["schemas"].values()
            for gvk in schema.get("x-kubernetes-group-version-kind", [])
        ]
        gvk = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        assert gvk in kinds
        assert resource.path("{namespace}" if resource.namespaced else "") in document["paths"]


def test_patch_of_a_pod_takes_field_validation_and_dry_run() -> None:
    document = json.loads(V3.document("api/v1") or b"")
    patch = document["paths"]["/api/v1/namespaces/{namespace}/pods/{name}"]["patch"]
    assert {"fieldValidation", "dryRun"} <= {p["name"] for p in patch["parameters"]}
    assert patch["x-kubernetes-group-version-kind"]["kind"] == "Pod"


def test_schemas_say_types_formats_and_merge_keys() -> None:
    schemas = json.loads(V3.document("api/v1") or b"")["components"]["schemas"]
    spec = schemas["io.k8s.api.core.v1.PodSpec"]
    assert spec["required"] == ["containers"]
    assert spec["properties"]["containers"]["x-kubernetes-patch-merge-key"] == "name"
    grace = spec["properties"]["terminationGracePeriodSeconds"]
    assert (grace["type"], grace["format"]) == ("integer", "int64")
    assert schemas["io.k8s.api.core.v1.Probe"]["properties"]["periodSeconds"]["format"] == "int32"
    assert "exec" in schemas["io.k8s.api.core.v1.Probe"]["properties"]
    renew = json.loads(V3.document("apis/coordination.k8s.io/v1") or b"")["components"]["schemas"]
    text = json.dumps(renew["io.k8s.api.coordination.v1.LeaseSpec"]["properties"]["renewTime"])
    assert "meta.v1.MicroTime" in text


def test_the_index_names_each_document_by_its_hash() -> None:
    index = json.loads(V3.index())["paths"]
    url = index["api/v1"]["serverRelativeURL"]
    assert url == f"/openapi/v3/api/v1?hash={V3.digest('api/v1')}"
    assert V3.document("apis/nothing/v1") is None


def test_operation_ids_are_unique() -> None:
    ids = [
        operation["operationId"]
        for path in json.loads(V2.json())["paths"].values()
        for method, operation in path.items()
        if method != "parameters"
    ]
    assert len(ids) == len(set(ids))


def test_the_protobuf_form_starts_as_a_document_and_refuses_what_it_would_lose() -> None:
    assert V2.protobuf().startswith(b"\x0a\x032.0")
    with pytest.raises(KeyError):
        gnostic.document({"swagger": "2.0", "unheard": "of"})
