"""/openapi/v2: one document of everything, in JSON and in the protobuf form that older kubectls ask for.

Neighbours: assembly joins the content, gnostic writes the protobuf form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from dromon.api.resource import Resource
from dromon.apiserver.openapi import assembly, gnostic
from dromon.apiserver.openapi.paths import PARAMETERS, Operation
from dromon.apiserver.openapi.schemas import Generator, Json

PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""What clients ask for to get the protobuf form."""

PROTOBUF_ANSWER = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What the answer is called: no parser of media types accepts the @."""


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
    paths = assembly.paths(generator, resources, _operation, _path_parameter)
    return {
        "swagger": "2.0",
        "info": {"title": "dromon", "version": version},
        "paths": paths,
        "definitions": dict(sorted(generator.schemas.items())),
    }


def _operation(generator: Generator, operation: Operation) -> Json:
    schema = generator.reference(generator.add(assembly.answer(operation)))
    parameters = [_query(name) for name in operation.parameters]
    body = assembly.body(generator, operation)
    if body is not None:
        parameters.append({"name": "body", "in": "body", "required": operation.has_body, "schema": body})
    return {
        "description": f"{operation.action} {operation.resource.kind}",
        "operationId": operation.operation_id,
        "consumes": ["*/*"],
        "produces": ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"],
        "parameters": parameters,
        "responses": {
            "200": {"description": "OK", "schema": schema},
            "401": {"description": "Unauthorized"},
        },
        **assembly.extensions(operation),
    }


def _query(name: str) -> Json:
    kind, description = PARAMETERS[name]
    return {"name": name, "in": "query", "description": description, "type": kind, "uniqueItems": True}


def _path_parameter(name: str, where: str) -> Json:
    return {"name": name, "in": where, "required": True, "type": "string", "uniqueItems": True}
