"""One declaration per resource: everything that routes, discovery, OpenAPI, printing and clients need.

Adding a kind is one module in dromon.api.kinds (its structs may live in dromon.api.types) and one line in
dromon.api.kinds.RESOURCES; nothing else in the project names a kind to serve it.

Neighbours: dromon.api.kinds declares, dromon.api.scheme looks up, dromon.apiserver serves,
dromon.client addresses by it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from dromon.api import names
from dromon.api.errors import FieldError
from dromon.api.types.base import Api
from dromon.api.types.status import DeleteOptions

T = TypeVar("T", bound=Api)

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
"""The verbs of an ordinary resource, in discovery's order."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the server-side table (KEP-1152; names, types and priorities as upstream prints).

    Attributes:
        name: heading, as in shared facts of upstream's printers ("Ready").
        type: OpenAPI type of the cell: "string", "integer", "date".
        value: object, now (seconds since the epoch) -> cell.
        format: OpenAPI format; "name" marks the name column.
        priority: 0 always shown, 1 only with -o wide.
        description: one sentence for clients.
    """

    name: str
    type: str
    value: Callable[[Any, float], Any]
    format: str = ""
    priority: int = 0
    description: str = ""


@dataclass(frozen=True, slots=True)
class SelectableField:
    """A field that field selectors may name, and that the cache indexes.

    Attributes:
        name: as clients write it: "spec.nodeName".
        path: path in the object's JSON when it differs from `name`; keys separated by dots.
        default: the value where the object has none ("" unless told; booleans are "true" and "false").
    """

    name: str
    path: str = ""
    default: str = ""


class Strategy(Generic[T]):
    """What makes a kind itself: defaults, what clients may set, what is valid. All methods are pure.

    The apiserver calls, on create: `default`, `prepare_for_create`, (admission), `validate`; on update and
    patch: `default`, `prepare_for_update`, (admission), `validate_update` after `validate`; on a write to
    the status subresource: `default`, `prepare_for_status_update`, `validate_status_update`.
    `prepare_*` may change `new` in place, never `old`.
    """

    def name_errors(self, name: str) -> list[str]:
        """Why `name` can't be an object's name; an RFC 1123 subdomain unless overridden."""
        return names.subdomain(name)

    def default(self, obj: T) -> None:
        """Fill in what the client left out (upstream's v1 defaults; quantities made canonical)."""

    def prepare_for_create(self, obj: T) -> None:
        """Drop what clients may not set on create (status, where it is a subresource)."""

    def validate(self, obj: T) -> list[FieldError]:
        """Every fault of the object, metadata excepted (validation.object_meta does it)."""
        return []

    def prepare_for_update(self, new: T, old: T) -> None:
        """Carry over what an ordinary update may not touch (status, where it is a subresource)."""

    def validate_update(self, new: T, old: T) -> list[FieldError]:
        """Faults of the change itself: immutable fields."""
        return []

    def prepare_for_status_update(self, new: T, old: T) -> None:
        """Carry over what a status update may not touch (spec; labels stay writable as upstream)."""

    def validate_status_update(self, new: T, old: T) -> list[FieldError]:
        """Faults of a status change."""
        return []

    def spec_changed(self, new: T, old: T) -> bool:
        """Whether metadata.generation must grow (kinds without generation: never)."""
        return False

    def grace_period(self, obj: T, options: DeleteOptions) -> int | None:
        """Seconds of graceful deletion, or None where the kind is deleted at once."""
        return None


@dataclass(frozen=True)
class Resource(Generic[T]):
    """A resource as it is declared.

    Attributes:
        group: API group, "" for core.  version: "v1".  kind: "Pod".  plural: "pods".
        struct: the object's type.  list_struct: its list's type.
        namespaced: scope.  short_names: for kubectl.  categories: "all", ...
        verbs: as discovery lists them.
        subresources: "status", "scale", "binding", "log", "exec", "eviction", "finalize", ... each served
            by dromon.apiserver.subresources under its name.
        strategy: defaults and validation.
        columns: of the table; the first is the name.
        fields: what field selectors may name beside metadata.name and metadata.namespace.
        ttl: seconds an object lives after its last write (events), None: for ever.
    """

    group: str
    version: str
    kind: str
    plural: str
    struct: type[T]
    list_struct: type[Api] | None
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[str, ...] = ()
    strategy: Strategy[T] = field(default_factory=Strategy)
    columns: tuple[Column, ...] = ()
    fields: tuple[SelectableField, ...] = ()
    ttl: int | None = None

    @property
    def singular(self) -> str:
        return self.kind.lower()

    @property
    def api_version(self) -> str:
        """ "v1", "discovery.k8s.io/v1"."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def prefix(self) -> str:
        """Where the store keeps it: "/registry/core/pods/" (issue: /registry/<group>/resource/ns/name)."""
        return f"/registry/{self.group or 'core'}/{self.plural}/"

    def key(self, namespace: str, name: str) -> str:
        """The store's key of one object; `namespace` is ignored for cluster-scoped kinds."""
        return f"{self.prefix}{namespace}/{name}" if self.namespaced else self.prefix + name

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL path of a collection (name ""), an object or a subresource; "" namespace: all of them."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if self.namespaced and namespace:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [p for p in (name, subresource) if p]
        return "/".join(parts)

    @property
    def selectable(self) -> Mapping[str, SelectableField]:
        """All selectable fields by name, metadata.name and metadata.namespace included."""
        both = (SelectableField("metadata.name"), SelectableField("metadata.namespace"))
        return {f.name: f for f in (*both, *self.fields)}
