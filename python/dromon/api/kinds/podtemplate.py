"""PodTemplate (core/v1).

Neighbours: types.workload has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource
from dromon.api.types.workload import PodTemplate, PodTemplateList

POD_TEMPLATES: Resource[PodTemplate] = Resource(
    group="",
    version="v1",
    kind="PodTemplate",
    plural="podtemplates",
    struct=PodTemplate,
    list_struct=PodTemplateList,
)
