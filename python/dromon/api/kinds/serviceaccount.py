"""ServiceAccount (core/v1).

Neighbours: types.config has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource
from dromon.api.types.config import ServiceAccount, ServiceAccountList

SERVICE_ACCOUNTS: Resource[ServiceAccount] = Resource(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    struct=ServiceAccount,
    list_struct=ServiceAccountList,
    short_names=("sa",),
)
