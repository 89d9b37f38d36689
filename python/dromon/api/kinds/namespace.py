"""Namespace (core/v1): the scope of names.

Source: the API reference of Namespace v1. Its spec.finalizers hold it until what is in it is gone.

Neighbours: controllers (empty it), apiserver.deletion.
"""

from __future__ import annotations

from dromon.api import names
from dromon.api.errors import FieldError, invalid_value
from dromon.api.kinds.columns import age_column, name_column
from dromon.api.resource import ALL_VERBS, Column, Resource, SelectableField, Strategy
from dromon.api.types.namespace import Namespace, NamespaceList, NamespaceStatus
from dromon.api.validation import invalid

NAME_LABEL = "kubernetes.io/metadata.name"
"""Selects a namespace by its name; always set."""

FINALIZER = "kubernetes"
"""The namespace controller's hold."""


class NamespaceStrategy(Strategy[Namespace]):
    """Defaults and validity of namespaces."""

    def name_errors(self, name: str) -> list[str]:
        return names.label(name)

    def default(self, obj: Namespace) -> None:
        if obj.metadata.name:
            obj.metadata.labels[NAME_LABEL] = obj.metadata.name

    def prepare_for_create(self, obj: Namespace) -> None:
        obj.status = NamespaceStatus(phase="Active")
        if FINALIZER not in obj.spec.finalizers:
            obj.spec.finalizers = [*obj.spec.finalizers, FINALIZER]

    def validate(self, obj: Namespace) -> list[FieldError]:
        found: list[FieldError] = []
        for i, finalizer in enumerate(obj.spec.finalizers):
            why = names.qualified(finalizer)
            if "/" not in finalizer and finalizer not in (FINALIZER, "orphan", "foregroundDeletion"):
                why = [*why, "name is neither a standard finalizer name nor is it fully qualified"]
            found += invalid(f"spec.finalizers[{i}]", finalizer, why)
        return found

    def prepare_for_update(self, new: Namespace, old: Namespace) -> None:
        new.spec = old.spec
        new.status = old.status

    def prepare_for_status_update(self, new: Namespace, old: Namespace) -> None:
        new.spec = old.spec

    def validate_status_update(self, new: Namespace, old: Namespace) -> list[FieldError]:
        phase, ending = new.status.phase, new.metadata.deletion_timestamp is not None
        wanted = "Terminating" if ending else "Active"
        if phase == wanted:
            return []
        state = "not empty" if ending else "empty"
        text = f"may only be '{wanted}' if `deletionTimestamp` is {state}"
        return [invalid_value("status.phase", phase, text)]


NAMESPACES: Resource[Namespace] = Resource(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    struct=Namespace,
    list_struct=NamespaceList,
    namespaced=False,
    short_names=("ns",),
    verbs=tuple(v for v in ALL_VERBS if v != "deletecollection"),
    subresources=("finalize", "status"),
    strategy=NamespaceStrategy(),
    columns=(
        name_column(),
        Column(
            "Status",
            "string",
            lambda ns, now: ns.status.phase,
            description="Active, or Terminating while it is being emptied.",
        ),
        age_column(),
    ),
    fields=(SelectableField("status.phase"), SelectableField("name", path="metadata.name")),
)
