"""Admission: small units that complete or refuse a write after the kind's own defaults, before validation.

Source: Kubernetes documentation, "Admission Controllers"; texts as upstream's plug-ins give them.
Adding one is one class here (or in a module of its own) and one line in `chain`.

Neighbours: dromon.apiserver.registry runs the chain on every create, update and delete; chain says its order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

from dromon.api import codec, errors
from dromon.api.resource import Resource
from dromon.api.types.affinity import Toleration
from dromon.api.types.namespace import Namespace
from dromon.api.types.pod import Pod
from dromon.api.types.status import StatusCause

Operation = Literal["create", "update", "delete"]

PROTECTED_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")

_NOT_READY = "node.kubernetes.io/not-ready"
_UNREACHABLE = "node.kubernetes.io/unreachable"
_TOLERATION_SECONDS = 300


@dataclass(slots=True)
class Attributes:
    """One write.

    Attributes:
        operation, resource, namespace, name: what is written where; `namespace` "" for cluster-scoped kinds.
        new: the object as it would be stored; units may change it in place. None on delete.
        old: the object as it stands; None on create.
        subresource: "" for the object itself.
    """

    operation: Operation
    resource: Resource[Any]
    namespace: str
    name: str
    new: Any = None
    old: Any = None
    subresource: str = ""


class Admission(Protocol):
    """One unit."""

    def admit(self, a: Attributes) -> None:
        """Change `a.new` or raise ApiError; no I/O."""
        ...


class NamespaceLifecycle:
    """No new content in namespaces that are missing or on their way out; system namespaces stay.

    Args:
        lookup: a namespace's JSON, None where there is none.
    """

    def __init__(self, lookup: Callable[[str], bytes | None]) -> None:
        self._lookup = lookup

    def admit(self, a: Attributes) -> None:
        r = a.resource
        if a.operation == "delete" and r.struct is Namespace and a.name in PROTECTED_NAMESPACES:
            raise errors.forbidden(r.plural, r.group, a.name, "this namespace may not be deleted")
        if a.operation != "create" or not a.namespace:
            return
        value = self._lookup(a.namespace)
        if value is None:
            raise errors.not_found("namespaces", "", a.namespace)
        if _terminating(value):
            why = f"unable to create new content in namespace {a.namespace} because it is being terminated"
            error = errors.forbidden(r.plural, r.group, a.name, why)
            if error.status.details is not None:
                message = f"namespace {a.namespace} is being terminated"
                cause = StatusCause(
                    reason="NamespaceTerminating", message=message, field="metadata.namespace"
                )
                error.status.details.causes = [cause]
            raise error


@lru_cache(maxsize=1024)
def _terminating(value: bytes) -> bool:
    namespace = codec.decode_json(Namespace, value)
    return namespace.metadata.deletion_timestamp is not None


class ServiceAccountDefault:
    """Pods that name no service account run as their namespace's `default`."""

    def admit(self, a: Attributes) -> None:
        if a.operation == "create" and isinstance(a.new, Pod) and not a.subresource:
            spec = a.new.spec
            spec.service_account_name = spec.service_account_name or spec.service_account or "default"
            spec.service_account = spec.service_account_name


class DefaultTolerationSeconds:
    """Pods stay 300 s on a node that is not ready or unreachable, unless they say otherwise."""

    def admit(self, a: Attributes) -> None:
        if a.operation != "create" or not isinstance(a.new, Pod) or a.subresource:
            return
        tolerations = a.new.spec.tolerations
        for key in (_NOT_READY, _UNREACHABLE):
            if not any(t.key in ("", key) and t.effect in ("", "NoExecute") for t in tolerations):
                tolerations.append(
                    Toleration(
                        key=key,
                        operator="Exists",
                        effect="NoExecute",
                        toleration_seconds=_TOLERATION_SECONDS,
                    )
                )
