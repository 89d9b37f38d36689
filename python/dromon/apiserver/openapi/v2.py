"""/openapi/v2: one document of everything, in JSON and in the protobuf form that older kubectls ask for.

Neighbours: schemas and paths make the content, gnostic writes the protobuf form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dromon.api.resource import Resource
from dromon.api.types.status import DeleteOptions, Status
from dromon.apiserver.openapi import gnostic
from dromon.apiserver.openapi.paths import PARAMETERS, Operation, operations
from dromon.apiserver.openapi.schemas import Generator, Json

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What clients ask for to get the protobuf form."""

PROTOBUF_ANSWER = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What the answer is called: no parser of media types accepts the @."""

_PATCH = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"


class OpenApiV2:
    """The document, made when it is first asked for.

    Args:
        resources: everything that is served.
        version: of the server, for `info`.
    """

    def __init__(self, resources: Sequence[Resource[Any]], version: str) -> None:
        self._resources = resources
        self._version = version
        self._json: bytes | None = None
        self._protobuf: bytes | None = None

    def json(self) -> bytes:
        """The document in JSON."""
        if self._json is None:
            self._json = msgspec.json.encode(_document(self._resources, self._version))
        return self._json

    def protobuf(self) -> bytes:
        """The document as a gnostic openapi.v2.Document message."""
        if self._protobuf is None:
            self._protobuf = gnostic.document(msgspec.json.decode(self.json()))
        return self._protobuf


def _document(resources: Sequence[Resource[Any]], version: str) -> Json:
    generator = Generator("#/definitions/", wrap=False)
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
        "swagger": "2.0",
        "info": {"title": "dromon", "version": version},
        "paths": paths,
        "definitions": dict(sorted(generator.schemas.items())),
    }


def _operation(generator: Generator, operation: Operation) -> Json:
    resource = operation.resource
    struct = resource.list_struct if operation.answers_list and resource.list_struct else resource.struct
    if operation.method == "delete":
        struct = Status
    schema = generator.reference(generator.add(struct))
    parameters = [_query(name) for name in operation.parameters]
    if operation.has_body or operation.method == "delete":
        body = schema
        if operation.method == "patch":
            body = generator.reference(_PATCH)
        if operation.method == "delete":
            body = generator.reference(generator.add(DeleteOptions))
        parameters.append({"name": "body", "in": "body", "required": operation.has_body, "schema": body})
    return {
        "description": f"{operation.action} {resource.kind}",
        "operationId": operation.operation_id,
        "consumes": ["*/*"],
        "produces": ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"],
        "parameters": parameters,
        "responses": {
            "200": {"description": "OK", "schema": schema},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
    }


def _query(name: str) -> Json:
    kind, description = PARAMETERS[name]
    return {"name": name, "in": "query", "description": description, "type": kind, "uniqueItems": True}


def _path_parameters(path: str) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "type": "string", "uniqueItems": True}
        for name in ("namespace", "name")
        if f"{{{name}}}" in path
    ]
