"""What the two OpenAPI documents have in common: schemas and operations of every resource.

Neighbours: v2 and v3 say how an operation is written; schemas and paths have the content.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dromon.api.resource import Resource
from dromon.api.types.base import Api
from dromon.api.types.status import DeleteOptions, Status
from dromon.apiserver.openapi.paths import Operation, operations
from dromon.apiserver.openapi.schemas import Generator, Json

PATCH = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"


def paths(
    generator: Generator,
    resources: Sequence[Resource[Any]],
    write: Callable[[Generator, Operation], Json],
    parameter: Callable[[str, str], Json],
) -> dict[str, Json]:
    """The `paths` of a document; the schemas that they need are added to `generator`.

    Args:
        write: makes an operation.
        parameter: makes a string parameter from its name and where it is ("path").
    """
    generator.add_resources(resources)
    generator.add(Status)
    generator.add(DeleteOptions)
    generator.schemas[PATCH] = {"description": "A patch in one of the served forms.", "type": "object"}
    found: dict[str, Json] = {}
    for resource in resources:
        for operation in operations(resource):
            if operation.path not in found:
                names = [n for n in ("namespace", "name") if f"{{{n}}}" in operation.path]
                found[operation.path] = {"parameters": [parameter(n, "path") for n in names]}
            found[operation.path][operation.method] = write(generator, operation)
    return found


def answer(operation: Operation) -> type[Api]:
    """The struct that an operation answers with."""
    resource = operation.resource
    if operation.method == "delete":
        return Status
    listed = resource.list_struct if operation.answers_list else None
    return listed or resource.struct


def body(generator: Generator, operation: Operation) -> Json | None:
    """A reference to the schema of what an operation is sent; None for nothing."""
    if operation.method == "patch":
        return generator.reference(PATCH)
    if operation.method == "delete":
        return generator.reference(generator.add(DeleteOptions))
    return generator.reference(generator.add(operation.resource.struct)) if operation.has_body else None


def extensions(operation: Operation) -> Json:
    """What clients read of an operation beyond OpenAPI: the verb and the kind."""
    r = operation.resource
    return {
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": {"group": r.group, "version": r.version, "kind": r.kind},
    }
