"""ReplicationController (core/v1): keeps N copies of a pod.

Source: the API reference of ReplicationController v1; talk, slide 29.

Neighbours: dromon.controllers.replication acts on it.
"""

from __future__ import annotations

from dromon.api.errors import FieldError, forbidden_field, invalid_value, not_supported, required
from dromon.api.kinds.columns import age_column, labels_text, name_column, workload_columns
from dromon.api.kinds.podspec.defaults import default_template
from dromon.api.kinds.podspec.template import check_template
from dromon.api.resource import Column, Resource, SelectableField, Strategy
from dromon.api.types.container import Container
from dromon.api.types.workload import (
    PodTemplateSpec,
    ReplicationController,
    ReplicationControllerList,
    ReplicationControllerStatus,
)
from dromon.api.validation import NOT_NEGATIVE, labels


class ReplicationControllerStrategy(Strategy[ReplicationController]):
    """Defaults and validity of replication controllers."""

    def default(self, obj: ReplicationController) -> None:
        spec = obj.spec
        if spec.template is not None:
            default_template(spec.template)
            own = spec.template.metadata.labels
            spec.selector = spec.selector or dict(own)
            obj.metadata.labels = obj.metadata.labels or dict(own)
        if spec.replicas is None:
            spec.replicas = 1

    def prepare_for_create(self, obj: ReplicationController) -> None:
        obj.status = ReplicationControllerStatus()
        obj.metadata.generation = 1

    def validate(self, obj: ReplicationController) -> list[FieldError]:
        spec = obj.spec
        found = labels(spec.selector, "spec.selector")
        if spec.min_ready_seconds < 0:
            found.append(invalid_value("spec.minReadySeconds", spec.min_ready_seconds, NOT_NEGATIVE))
        if not spec.selector:
            found.append(required("spec.selector"))
        if (spec.replicas or 0) < 0:
            found.append(invalid_value("spec.replicas", spec.replicas, NOT_NEGATIVE))
        if spec.template is None:
            found.append(required("spec.template"))
        else:
            found += _template_errors(spec.template, spec.selector)
        return found

    def prepare_for_update(self, new: ReplicationController, old: ReplicationController) -> None:
        new.status = old.status

    def prepare_for_status_update(self, new: ReplicationController, old: ReplicationController) -> None:
        new.spec = old.spec

    def validate_status_update(
        self, new: ReplicationController, old: ReplicationController
    ) -> list[FieldError]:
        return _status_errors(new.status)

    def spec_changed(self, new: ReplicationController, old: ReplicationController) -> bool:
        return new.spec != old.spec


def _template_errors(template: PodTemplateSpec, selector: dict[str, str]) -> list[FieldError]:
    found: list[FieldError] = []
    path = "spec.template"
    own = template.metadata.labels
    if selector and not selector.items() <= own.items():
        text = "`selector` does not match template `labels`"
        found.append(invalid_value(f"{path}.metadata.labels", own, text))
    found += check_template(template, path)
    policy = template.spec.restart_policy
    if policy in ("Never", "OnFailure"):
        found.append(not_supported(f"{path}.spec.restartPolicy", policy, ("Always",)))
    if template.spec.active_deadline_seconds is not None:
        text = "activeDeadlineSeconds in ReplicationController is not Supported"
        found.append(forbidden_field(f"{path}.spec.activeDeadlineSeconds", text))
    return found


def _status_errors(status: ReplicationControllerStatus) -> list[FieldError]:
    counts = {
        "replicas": status.replicas,
        "fullyLabeledReplicas": status.fully_labeled_replicas,
        "readyReplicas": status.ready_replicas,
        "availableReplicas": status.available_replicas,
        "observedGeneration": status.observed_generation,
    }
    found = [invalid_value(f"status.{k}", v, NOT_NEGATIVE) for k, v in counts.items() if v < 0]
    for part, whole, name in (
        ("fullyLabeledReplicas", "replicas", "status.replicas"),
        ("readyReplicas", "replicas", "status.replicas"),
        ("availableReplicas", "replicas", "status.replicas"),
        ("availableReplicas", "readyReplicas", "readyReplicas"),
    ):
        if counts[part] > counts[whole]:
            found.append(invalid_value(f"status.{part}", counts[part], f"cannot be greater than {name}"))
    return found


def _containers(rc: ReplicationController) -> list[Container]:
    return rc.spec.template.spec.containers if rc.spec.template is not None else []


REPLICATION_CONTROLLERS: Resource[ReplicationController] = Resource(
    group="",
    version="v1",
    kind="ReplicationController",
    plural="replicationcontrollers",
    struct=ReplicationController,
    list_struct=ReplicationControllerList,
    short_names=("rc",),
    categories=("all",),
    subresources=("scale", "status"),
    strategy=ReplicationControllerStrategy(),
    columns=(
        name_column(),
        Column("Desired", "integer", lambda rc, now: rc.spec.replicas or 0, description="Pods wanted."),
        Column("Current", "integer", lambda rc, now: rc.status.replicas, description="Pods that there are."),
        Column(
            "Ready", "integer", lambda rc, now: rc.status.ready_replicas, description="Pods that are ready."
        ),
        age_column(),
        *workload_columns(_containers, lambda rc: labels_text(rc.spec.selector), "Selector", priority=1),
    ),
    fields=(SelectableField("status.replicas", default="0"),),
)
