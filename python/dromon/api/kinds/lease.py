"""Lease (coordination.k8s.io/v1): who holds something, and until when.

Source: the API reference of Lease v1.

Neighbours: kubelets renew theirs, leaders hold one.
"""

from __future__ import annotations

from dromon.api.errors import FieldError, invalid_value
from dromon.api.kinds.columns import age_column, name_column
from dromon.api.resource import Column, Resource, Strategy
from dromon.api.types.coordination import Lease, LeaseList
from dromon.api.validation import NOT_NEGATIVE


class LeaseStrategy(Strategy[Lease]):
    """Validity of leases."""

    def validate(self, obj: Lease) -> list[FieldError]:
        found: list[FieldError] = []
        spec = obj.spec
        if spec.lease_duration_seconds is not None and spec.lease_duration_seconds <= 0:
            value = spec.lease_duration_seconds
            found.append(invalid_value("spec.leaseDurationSeconds", value, "must be greater than 0"))
        if spec.lease_transitions is not None and spec.lease_transitions < 0:
            value = spec.lease_transitions
            found.append(invalid_value("spec.leaseTransitions", value, NOT_NEGATIVE))
        return found


LEASES: Resource[Lease] = Resource(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    struct=Lease,
    list_struct=LeaseList,
    strategy=LeaseStrategy(),
    columns=(
        name_column(),
        Column(
            "Holder",
            "string",
            lambda lease, now: lease.spec.holder_identity or "",
            description="Who holds the lease.",
        ),
        age_column(),
    ),
)
