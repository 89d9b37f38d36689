"""Status, the error object, and DeleteOptions (meta/v1).

Neighbours: dromon.api.errors raises them, the apiserver answers with them.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, always
from dromon.api.types.meta import ListMeta

PACKAGE = "k8s.io.apimachinery.pkg.apis.meta.v1"


class Preconditions(Api):
    """meta/v1 Preconditions."""

    uid: str | None = None
    resource_version: str | None = None


class DeleteOptions(Api):
    """meta/v1 DeleteOptions."""

    kind: str = always("DeleteOptions")
    api_version: str = always("v1")
    grace_period_seconds: Int64 | None = None
    preconditions: Preconditions | None = None
    orphan_dependents: bool | None = None
    propagation_policy: str | None = None
    dry_run: list[str] = []
    ignore_store_read_error_with_cluster_breaking_potential: bool | None = None


class StatusCause(Api):
    """meta/v1 StatusCause."""

    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(Api):
    """meta/v1 StatusDetails."""

    name: str = ""
    group: str = ""
    kind: str = ""
    uid: str = ""
    causes: list[StatusCause] = []
    retry_after_seconds: Int32 = 0


class Status(Api):
    """meta/v1 Status."""

    kind: str = always("Status")
    api_version: str = always("v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    status: str = ""
    message: str = ""
    reason: str = ""
    details: StatusDetails | None = None
    code: Int32 = 0
