"""ReplicaSet (apps/v1): keeps N copies of a pod, told by a label selector of any form.

Source: the API reference of ReplicaSet v1; texts as upstream's validation gives them.

Neighbours: dromon.controllers.replication acts on it; deployments make them, one for each revision.
"""

from __future__ import annotations

from dromon.api.errors import FieldError
from dromon.api.kinds.columns import age_column, name_column, selector_text, workload_columns
from dromon.api.kinds.podspec.defaults import default_template
from dromon.api.kinds.workloads import (
    check_always_running,
    check_counts,
    check_fixed_selector,
    check_not_more,
    check_selector,
)
from dromon.api.resource import Column, Resource, SelectableField, Strategy
from dromon.api.types.deployment import ReplicaSet, ReplicaSetList, ReplicaSetStatus

_LIMITS = (
    ("fullyLabeledReplicas", "replicas", "status.replicas"),
    ("readyReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "readyReplicas", "readyReplicas"),
)


class ReplicaSetStrategy(Strategy[ReplicaSet]):
    """Defaults and validity of replica sets."""

    def default(self, obj: ReplicaSet) -> None:
        default_template(obj.spec.template)
        if obj.spec.replicas is None:
            obj.spec.replicas = 1

    def prepare_for_create(self, obj: ReplicaSet) -> None:
        obj.status = ReplicaSetStatus()
        obj.metadata.generation = 1

    def validate(self, obj: ReplicaSet) -> list[FieldError]:
        spec = obj.spec
        counts = {"spec.replicas": spec.replicas, "spec.minReadySeconds": spec.min_ready_seconds}
        found = check_counts(counts)
        found += check_selector(spec.selector, spec.template)
        return found + check_always_running(spec.template, "ReplicaSet")

    def prepare_for_update(self, new: ReplicaSet, old: ReplicaSet) -> None:
        new.status = old.status

    def validate_update(self, new: ReplicaSet, old: ReplicaSet) -> list[FieldError]:
        return check_fixed_selector(new, old)

    def prepare_for_status_update(self, new: ReplicaSet, old: ReplicaSet) -> None:
        new.spec = old.spec

    def validate_status_update(self, new: ReplicaSet, old: ReplicaSet) -> list[FieldError]:
        status = new.status
        counts = {
            "replicas": status.replicas,
            "fullyLabeledReplicas": status.fully_labeled_replicas,
            "readyReplicas": status.ready_replicas,
            "availableReplicas": status.available_replicas,
            "observedGeneration": status.observed_generation,
        }
        return check_counts({f"status.{k}": v for k, v in counts.items()}) + check_not_more(counts, _LIMITS)

    def spec_changed(self, new: ReplicaSet, old: ReplicaSet) -> bool:
        return new.spec != old.spec


REPLICA_SETS: Resource[ReplicaSet] = Resource(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    struct=ReplicaSet,
    list_struct=ReplicaSetList,
    short_names=("rs",),
    categories=("all",),
    subresources=("scale", "status"),
    strategy=ReplicaSetStrategy(),
    columns=(
        name_column(),
        Column("Desired", "integer", lambda rs, now: rs.spec.replicas or 0, description="Pods wanted."),
        Column("Current", "integer", lambda rs, now: rs.status.replicas, description="Pods that there are."),
        Column(
            "Ready", "integer", lambda rs, now: rs.status.ready_replicas, description="Pods that are ready."
        ),
        age_column(),
        *workload_columns(
            lambda rs: rs.spec.template.spec.containers,
            lambda rs: selector_text(rs.spec.selector),
            "Selector",
            priority=1,
        ),
    ),
    fields=(SelectableField("status.replicas", default="0"),),
)
