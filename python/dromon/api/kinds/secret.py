"""Secret (core/v1).

Neighbours: types.config has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource, SelectableField
from dromon.api.types.config import Secret, SecretList

SECRETS: Resource[Secret] = Resource(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    struct=Secret,
    list_struct=SecretList,
    fields=(SelectableField("type"),),
)
