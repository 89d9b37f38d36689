"""ServiceAccount (core/v1): who a pod is towards the API.

Neighbours: controllers make one called "default" in each namespace.
"""

from __future__ import annotations

from dromon.api.kinds.columns import age_column, name_column
from dromon.api.resource import Column, Resource
from dromon.api.types.config import ServiceAccount, ServiceAccountList

SERVICE_ACCOUNTS: Resource[ServiceAccount] = Resource(
    group="",
    version="v1",
    kind="ServiceAccount",
    plural="serviceaccounts",
    struct=ServiceAccount,
    list_struct=ServiceAccountList,
    short_names=("sa",),
    columns=(
        name_column(),
        Column(
            "Secrets", "string", lambda sa, now: len(sa.secrets), description="How many secrets it names."
        ),
        age_column(),
    ),
)
