"""/openapi/v3: an index of documents, one for each group and version, named by their content's hash.

Clients keep a document for as long as its hash stays (KEP-2896).

Neighbours: schemas and paths make the content; dromon.apiserver.handler serves it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from dromon.api.resource import Resource
from dromon.api.types.status import DeleteOptions, Status
from dromon.apiserver.openapi.paths import PARAMETERS, Operation, operations
from dromon.apiserver.openapi.schemas import Generator, Json

_PREFIX = "#/components/schemas/"
_MEDIA = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
_PATCH = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"


class OpenApiV3:
    """The documents, made when they are first asked for.

    Args:
        resources: everything that is served.
        version: of the server, for `info`.
    """

    def __init__(self, resources: Sequence[Resource[Any]], version: str) -> None:
        self._version = version
        self._resources: dict[str, list[Resource[Any]]] = {}
        for resource in resources:
            root = f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"
            self._resources.setdefault(root, []).append(resource)
        self._documents: dict[str, bytes] = {}

    def index(self) -> bytes:
        """The answer to /openapi/v3."""
        paths = {
            root: {"serverRelativeURL": f"/openapi/v3/{root}?hash={self.digest(root)}"}
            for root in self._resources
        }
        return msgspec.json.encode({"paths": paths})

    def document(self, root: str) -> bytes | None:
        """The document of "api/v1" or "apis/<group>/<version>"; None where nothing is served."""
        if root not in self._resources:
            return None
        if root not in self._documents:
            self._documents[root] = msgspec.json.encode(_document(self._resources[root], self._version))
        return self._documents[root]

    def digest(self, root: str) -> str:
        """The hash of a document, in upper-case hexadecimal digits as clients expect an opaque word."""
        document = self.document(root)
        return hashlib.sha512(document or b"").hexdigest().upper()


def _document(resources: Sequence[Resource[Any]], version: str) -> Json:
    generator = Generator(_PREFIX, wrap=True)
    generator.add_resources(resources)
    generator.add(Status)
    generator.add(DeleteOptions)
    generator.schemas[_PATCH] = {"description": "A patch in one of the served forms.", "type": "object"}
    paths: dict[str, Json] = {}
    for resource in resources:
        for operation in operations(resource):
            entry = paths.setdefault(operation.path, {"parameters": _path_parameters(operation.path)})
            entry[operation.method] = _operation(generator, operation)
    return {
        "openapi": "3.0.0",
        "info": {"title": "dromon", "version": version},
        "paths": paths,
        "components": {"schemas": dict(sorted(generator.schemas.items()))},
    }


def _operation(generator: Generator, operation: Operation) -> Json:
    resource = operation.resource
    struct = resource.list_struct if operation.answers_list and resource.list_struct else resource.struct
    if operation.method == "delete":
        struct = Status
    schema = generator.reference(generator.add(struct))
    out: Json = {
        "tags": [f"{resource.group or 'core'}_{resource.version}"],
        "description": f"{operation.action} {resource.kind}",
        "operationId": operation.operation_id,
        "parameters": [_query(name) for name in operation.parameters],
        "responses": {
            "200": {"description": "OK", "content": {m: {"schema": schema} for m in _MEDIA}},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
    }
    if operation.method == "patch":
        patch = generator.reference(_PATCH)
        out["requestBody"] = {"required": True, "content": {m: {"schema": patch} for m in _PATCHES}}
    elif operation.has_body:
        out["requestBody"] = {"required": True, "content": {"*/*": {"schema": schema}}}
    elif operation.method == "delete":
        options = generator.reference(generator.add(DeleteOptions))
        out["requestBody"] = {"content": {"*/*": {"schema": options}}}
    return out


def _query(name: str) -> Json:
    kind, description = PARAMETERS[name]
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": kind, "uniqueItems": True},
    }


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "uniqueItems": True}}
        for name in ("namespace", "name")
        if f"{{{name}}}" in path
    ]
