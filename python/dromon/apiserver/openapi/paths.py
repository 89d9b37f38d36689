"""The operations of every resource, from its declaration: what both OpenAPI documents list under `paths`.

Neighbours: v2 and v3 turn an Operation into their own form.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dromon.api.resource import Resource


@dataclass(frozen=True, slots=True)
class Operation:
    """One verb on one path.

    Attributes:
        path: with {namespace} and {name}.
        method: "get", "post", "put", "patch", "delete".
        action: as x-kubernetes-action names it.
        operation_id: unique name.
        resource: the kind.  subresource: "" or its name.
        answers_list: whether the answer is a list of the kind.
        has_body: whether an object of the kind is sent.
        parameters: names of the query parameters (see PARAMETERS).
    """

    path: str
    method: str
    action: str
    operation_id: str
    resource: Resource[Any]
    subresource: str
    answers_list: bool
    has_body: bool
    parameters: tuple[str, ...]


PARAMETERS: dict[str, tuple[str, str]] = {
    "pretty": ("string", "Answer with indentation."),
    "allowWatchBookmarks": ("boolean", "Ask for BOOKMARK events."),
    "continue": ("string", "The token with which the list before this one said to go on."),
    "fieldSelector": ("string", "Only objects whose fields match."),
    "labelSelector": ("string", "Only objects whose labels match."),
    "limit": ("integer", "At most so many objects in one answer."),
    "resourceVersion": ("string", "The revision that the answer may be served at."),
    "resourceVersionMatch": ("string", "How resourceVersion is applied to a list."),
    "sendInitialEvents": ("boolean", "Begin a watch with the state as it is."),
    "timeoutSeconds": ("integer", "End the request after this time."),
    "watch": ("boolean", "Answer with a stream of changes."),
    "dryRun": ("string", "All: do everything but store the result."),
    "fieldManager": ("string", "Who makes the change."),
    "fieldValidation": ("string", "What to do about unknown and duplicate fields: Ignore, Warn or Strict."),
    "force": ("boolean", "Take fields over from other managers (apply patches)."),
    "gracePeriodSeconds": ("integer", "Time to end in; 0 deletes at once."),
    "orphanDependents": ("boolean", "Deprecated: see propagationPolicy."),
    "propagationPolicy": ("string", "What becomes of dependents: Orphan, Background or Foreground."),
}
"""Query parameters: name -> (type, description)."""

_LIST = (
    "allowWatchBookmarks",
    "continue",
    "fieldSelector",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "sendInitialEvents",
    "timeoutSeconds",
    "watch",
)
_WRITE = ("dryRun", "fieldManager", "fieldValidation")
_DELETE = ("dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy")

_COLLECTION = {
    "list": ("get", "list", _LIST),
    "create": ("post", "post", _WRITE),
    "deletecollection": ("delete", "deletecollection", (*_DELETE, *_LIST[:-1])),
}
_ITEM = {
    "get": ("get", "get", ()),
    "update": ("put", "put", _WRITE),
    "patch": ("patch", "patch", (*_WRITE, "force")),
    "delete": ("delete", "delete", _DELETE),
}
_SUBRESOURCE_VERBS = {
    "status": ("get", "update", "patch"),
    "scale": ("get", "update", "patch"),
    "ephemeralcontainers": ("get", "update", "patch"),
    "finalize": ("update",),
    "log": ("get",),
}


def operations(resource: Resource[Any]) -> Iterator[Operation]:
    """Every operation of a resource, its subresources included."""
    collection = resource.path("{namespace}" if resource.namespaced else "")
    scope = "Namespaced" if resource.namespaced else ""
    for verb in resource.verbs:
        if verb in _COLLECTION:
            yield _operation(resource, collection, verb, _COLLECTION[verb], scope)
        if verb in _ITEM:
            yield _operation(resource, collection + "/{name}", verb, _ITEM[verb], scope)
    if resource.namespaced and "list" in resource.verbs:
        yield _operation(resource, resource.path(), "list", _COLLECTION["list"], "", "ForAllNamespaces")
    for subresource in resource.subresources:
        path = f"{collection}/{{name}}/{subresource}"
        for verb in _SUBRESOURCE_VERBS.get(subresource, ()):
            suffix = subresource.capitalize()
            yield _operation(resource, path, verb, _ITEM[verb], scope, suffix, subresource)


def _operation(
    resource: Resource[Any],
    path: str,
    verb: str,
    how: tuple[str, str, tuple[str, ...]],
    scope: str,
    suffix: str = "",
    subresource: str = "",
) -> Operation:
    method, action, parameters = how
    group = "".join(part.capitalize() for part in (resource.group.split(".")[0] or "core", resource.version))
    verb_name = {"get": "read", "update": "replace", "deletecollection": "deleteCollection"}.get(verb, verb)
    return Operation(
        path=path,
        method=method,
        action=action,
        operation_id=f"{verb_name}{group}{scope}{resource.kind}{suffix}",
        resource=resource,
        subresource=subresource,
        answers_list=verb == "list",
        has_body=verb in ("create", "update", "patch"),
        parameters=("pretty", *parameters),
    )
