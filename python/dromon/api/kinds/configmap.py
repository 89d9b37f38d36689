"""ConfigMap (core/v1): configuration as keys and values.

Neighbours: data has the checks that Secrets share.
"""

from __future__ import annotations

from dromon.api.errors import FieldError, invalid_value, too_long
from dromon.api.kinds import data
from dromon.api.kinds.columns import age_column, name_column
from dromon.api.resource import Column, Resource, Strategy
from dromon.api.types.config import ConfigMap, ConfigMapList


class ConfigMapStrategy(Strategy[ConfigMap]):
    """Validity of config maps."""

    def validate(self, obj: ConfigMap) -> list[FieldError]:
        found = data.check_keys(obj.data, "data")
        found += data.check_keys(obj.binary_data, "binaryData")
        for key in obj.data.keys() & obj.binary_data.keys():
            text = "duplicate of key present in binaryData"
            found.append(invalid_value(f"data[{key}]", key, text))
        if data.size(obj.data) + data.size(obj.binary_data) > data.MAX_SIZE:
            found.append(too_long("[]", data.MAX_SIZE))
        return found

    def validate_update(self, new: ConfigMap, old: ConfigMap) -> list[FieldError]:
        return data.check_immutable(new, old, ("data", "binary_data"))


CONFIG_MAPS: Resource[ConfigMap] = Resource(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    struct=ConfigMap,
    list_struct=ConfigMapList,
    short_names=("cm",),
    strategy=ConfigMapStrategy(),
    columns=(
        name_column(),
        Column(
            "Data",
            "string",
            lambda cm, now: len(cm.data) + len(cm.binary_data),
            description="How many keys it has.",
        ),
        age_column(),
    ),
)
