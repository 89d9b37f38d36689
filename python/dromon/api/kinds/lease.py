"""Lease (coordination.k8s.io/v1).

Neighbours: types.coordination has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource
from dromon.api.types.coordination import Lease, LeaseList

LEASES: Resource[Lease] = Resource(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    struct=Lease,
    list_struct=LeaseList,
)
