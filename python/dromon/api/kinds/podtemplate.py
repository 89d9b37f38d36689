"""PodTemplate (core/v1): a pod's description, kept for later use.

Neighbours: podspec has the defaults and checks of templates.
"""

from __future__ import annotations

from dromon.api.errors import FieldError
from dromon.api.kinds.columns import labels_text, name_column, workload_columns
from dromon.api.kinds.podspec.defaults import default_template
from dromon.api.kinds.podspec.template import check_template
from dromon.api.resource import Resource, Strategy
from dromon.api.types.workload import PodTemplate, PodTemplateList


class PodTemplateStrategy(Strategy[PodTemplate]):
    """Defaults and validity of pod templates."""

    def default(self, obj: PodTemplate) -> None:
        default_template(obj.template)

    def prepare_for_create(self, obj: PodTemplate) -> None:
        obj.metadata.generation = 1

    def validate(self, obj: PodTemplate) -> list[FieldError]:
        return check_template(obj.template, "template")

    def spec_changed(self, new: PodTemplate, old: PodTemplate) -> bool:
        return new.template != old.template


POD_TEMPLATES: Resource[PodTemplate] = Resource(
    group="",
    version="v1",
    kind="PodTemplate",
    plural="podtemplates",
    struct=PodTemplate,
    list_struct=PodTemplateList,
    strategy=PodTemplateStrategy(),
    columns=(
        name_column(),
        *workload_columns(
            lambda obj: obj.template.spec.containers,
            lambda obj: labels_text(obj.template.metadata.labels),
            "Pod Labels",
            priority=0,
        ),
    ),
)
