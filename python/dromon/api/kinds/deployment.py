"""Deployment (apps/v1): replica sets, one for each revision of a template, rolled from one to the next.

Source: the API reference of Deployment v1; texts as upstream's validation gives them.

Neighbours: dromon.controllers.deployments acts on it; replicaset is what it makes.
"""

from __future__ import annotations

from dromon.api.errors import FieldError, forbidden_field, invalid_value, not_supported
from dromon.api.kinds.columns import age_column, name_column, selector_text, workload_columns
from dromon.api.kinds.podspec.defaults import default_template
from dromon.api.kinds.workloads import (
    check_always_running,
    check_counts,
    check_fixed_selector,
    check_not_more,
    check_selector,
    check_share,
    is_zero,
)
from dromon.api.resource import Column, Resource, Strategy
from dromon.api.types.deployment import (
    Deployment,
    DeploymentList,
    DeploymentSpec,
    DeploymentStatus,
    RollingUpdateDeployment,
)

_LIMITS = (
    ("updatedReplicas", "replicas", "status.replicas"),
    ("readyReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "replicas", "status.replicas"),
    ("availableReplicas", "readyReplicas", "readyReplicas"),
)
_TYPES = ("Recreate", "RollingUpdate")


class DeploymentStrategy(Strategy[Deployment]):
    """Defaults and validity of deployments."""

    def default(self, obj: Deployment) -> None:
        spec = obj.spec
        default_template(spec.template)
        if spec.replicas is None:
            spec.replicas = 1
        spec.strategy.type = spec.strategy.type or "RollingUpdate"
        if spec.strategy.type == "RollingUpdate":
            rolling = spec.strategy.rolling_update = spec.strategy.rolling_update or RollingUpdateDeployment()
            rolling.max_unavailable = "25%" if rolling.max_unavailable is None else rolling.max_unavailable
            rolling.max_surge = "25%" if rolling.max_surge is None else rolling.max_surge
        if spec.revision_history_limit is None:
            spec.revision_history_limit = 10
        if spec.progress_deadline_seconds is None:
            spec.progress_deadline_seconds = 600

    def prepare_for_create(self, obj: Deployment) -> None:
        obj.status = DeploymentStatus()
        obj.metadata.generation = 1

    def validate(self, obj: Deployment) -> list[FieldError]:
        spec = obj.spec
        found = check_counts(
            {
                "spec.replicas": spec.replicas,
                "spec.minReadySeconds": spec.min_ready_seconds,
                "spec.revisionHistoryLimit": spec.revision_history_limit,
                "spec.progressDeadlineSeconds": spec.progress_deadline_seconds,
            }
        )
        found += check_selector(spec.selector, spec.template)
        found += check_always_running(spec.template, "Deployment")
        deadline = spec.progress_deadline_seconds
        if deadline is not None and deadline <= spec.min_ready_seconds:
            text = "must be greater than minReadySeconds"
            found.append(invalid_value("spec.progressDeadlineSeconds", deadline, text))
        return found + _strategy_errors(spec)

    def prepare_for_update(self, new: Deployment, old: Deployment) -> None:
        new.status = old.status

    def validate_update(self, new: Deployment, old: Deployment) -> list[FieldError]:
        return check_fixed_selector(new, old)

    def prepare_for_status_update(self, new: Deployment, old: Deployment) -> None:
        new.spec = old.spec
        new.metadata.labels = old.metadata.labels

    def validate_status_update(self, new: Deployment, old: Deployment) -> list[FieldError]:
        status = new.status
        counts = {
            "observedGeneration": status.observed_generation,
            "replicas": status.replicas,
            "updatedReplicas": status.updated_replicas,
            "readyReplicas": status.ready_replicas,
            "availableReplicas": status.available_replicas,
            "unavailableReplicas": status.unavailable_replicas,
        }
        found = check_counts({f"status.{k}": v for k, v in counts.items()}) + check_not_more(counts, _LIMITS)
        before, now = old.status.collision_count, status.collision_count
        found += check_counts({"status.collisionCount": now})
        if before is not None and (now is None or now < before):
            found.append(invalid_value("status.collisionCount", now, "cannot be decremented"))
        return found

    def spec_changed(self, new: Deployment, old: Deployment) -> bool:
        return new.spec != old.spec or new.metadata.annotations != old.metadata.annotations


def _strategy_errors(spec: DeploymentSpec) -> list[FieldError]:
    path, rolling = "spec.strategy.rollingUpdate", spec.strategy.rolling_update
    if spec.strategy.type == "Recreate":
        if rolling is None:
            return []
        return [forbidden_field(path, "may not be specified when strategy `type` is 'Recreate'")]
    if spec.strategy.type != "RollingUpdate":
        return [not_supported("spec.strategy.type", spec.strategy.type, _TYPES)]
    if rolling is None:
        return []
    found = check_share(rolling.max_unavailable, f"{path}.maxUnavailable", at_most_all=True)
    found += check_share(rolling.max_surge, f"{path}.maxSurge")
    if not found and is_zero(rolling.max_unavailable) and is_zero(rolling.max_surge):
        text = "may not be 0 when `maxSurge` is 0"
        found.append(invalid_value(f"{path}.maxUnavailable", rolling.max_unavailable, text))
    return found


DEPLOYMENTS: Resource[Deployment] = Resource(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    struct=Deployment,
    list_struct=DeploymentList,
    short_names=("deploy",),
    categories=("all",),
    subresources=("scale", "status"),
    strategy=DeploymentStrategy(),
    columns=(
        name_column(),
        Column(
            "Ready",
            "string",
            lambda d, now: f"{d.status.ready_replicas}/{d.spec.replicas or 0}",
            description="Pods that are ready, of those that are wanted.",
        ),
        Column(
            "Up-to-date",
            "string",
            lambda d, now: str(d.status.updated_replicas),
            description="Pods that are made from the newest template.",
        ),
        Column(
            "Available",
            "string",
            lambda d, now: str(d.status.available_replicas),
            description="Pods that have been ready for at least minReadySeconds.",
        ),
        age_column(),
        *workload_columns(
            lambda d: d.spec.template.spec.containers,
            lambda d: selector_text(d.spec.selector),
            "Selector",
            priority=1,
        ),
    ),
)
