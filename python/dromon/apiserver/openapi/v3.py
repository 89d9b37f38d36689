"""/openapi/v3: an index of documents, one for each group and version, named by their content's hash.

Clients keep a document for as long as its hash stays (KEP-2896).

Neighbours: assembly joins the content; dromon.apiserver.handler serves it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from dromon.api.resource import Resource
from dromon.apiserver.openapi import assembly
from dromon.apiserver.openapi.paths import PARAMETERS, Operation
from dromon.apiserver.openapi.schemas import Generator, Json

_PREFIX = "#/components/schemas/"
_MEDIA = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)


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
    paths = assembly.paths(generator, resources, _operation, _path_parameter)
    return {
        "openapi": "3.0.0",
        "info": {"title": "dromon", "version": version},
        "paths": paths,
        "components": {"schemas": dict(sorted(generator.schemas.items()))},
    }


def _operation(generator: Generator, operation: Operation) -> Json:
    schema = generator.reference(generator.add(assembly.answer(operation)))
    out: Json = {
        "tags": [f"{operation.resource.group or 'core'}_{operation.resource.version}"],
        "description": f"{operation.action} {operation.resource.kind}",
        "operationId": operation.operation_id,
        "parameters": [_query(name) for name in operation.parameters],
        "responses": {
            "200": {"description": "OK", "content": {m: {"schema": schema} for m in _MEDIA}},
            "401": {"description": "Unauthorized"},
        },
        **assembly.extensions(operation),
    }
    body = assembly.body(generator, operation)
    if body is not None:
        media = _PATCHES if operation.method == "patch" else ("*/*",)
        content = {m: {"schema": body} for m in media}
        out["requestBody"] = {"required": operation.has_body, "content": content}
    return out


def _query(name: str) -> Json:
    kind, description = PARAMETERS[name]
    schema = {"type": kind, "uniqueItems": True}
    return {"name": name, "in": "query", "description": description, "schema": schema}


def _path_parameter(name: str, where: str) -> Json:
    return {"name": name, "in": where, "required": True, "schema": {"type": "string", "uniqueItems": True}}
