"""ConfigMap (core/v1).

Neighbours: types.config has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource
from dromon.api.types.config import ConfigMap, ConfigMapList

CONFIG_MAPS: Resource[ConfigMap] = Resource(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    struct=ConfigMap,
    list_struct=ConfigMapList,
    short_names=("cm",),
)
