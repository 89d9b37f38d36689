"""References from one object to another (core/v1).

Neighbours: pod, volume, container, event and endpoints point at other objects with them.
"""

from __future__ import annotations

from dromon.api.types.base import Api, always

PACKAGE = "k8s.io.api.core.v1"


class LocalObjectReference(Api):
    """core/v1 LocalObjectReference."""

    name: str = ""


class ObjectReference(Api):
    """core/v1 ObjectReference."""

    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_version: str = ""
    resource_version: str = ""
    field_path: str = ""


class SecretReference(Api):
    """core/v1 SecretReference."""

    name: str = ""
    namespace: str = ""


class TypedLocalObjectReference(Api):
    """core/v1 TypedLocalObjectReference."""

    api_group: str | None = None
    kind: str = always("")
    name: str = always("")


class TypedObjectReference(Api):
    """core/v1 TypedObjectReference."""

    api_group: str | None = None
    kind: str = always("")
    name: str = always("")
    namespace: str | None = None
