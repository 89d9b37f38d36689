"""Job and CronJob (batch/v1): pods that run to their end, once or by the clock.

Neighbours: workload has the template that they stamp pods from.
"""

from __future__ import annotations

from msgspec import field

from dromon.api.types.base import Api, Int32, Int64, Time, always, always_list
from dromon.api.types.meta import LabelSelector, ListMeta, ObjectMeta
from dromon.api.types.podgroup import (
    WorkloadPodGroupDisruptionMode,
    WorkloadPodGroupResourceClaim,
    WorkloadPodGroupSchedulingConstraints,
    WorkloadPodGroupSchedulingPolicy,
)
from dromon.api.types.references import ObjectReference
from dromon.api.types.workload import PodTemplateSpec

PACKAGE = "k8s.io.api.batch.v1"


class PodFailurePolicyOnExitCodesRequirement(Api):
    """batch/v1 PodFailurePolicyOnExitCodesRequirement."""

    container_name: str | None = None
    operator: str = always("")
    values: list[Int32] = always_list()


class PodFailurePolicyOnPodConditionsPattern(Api):
    """batch/v1 PodFailurePolicyOnPodConditionsPattern."""

    type: str = always("")
    status: str = always("")


class PodFailurePolicyRule(Api):
    """batch/v1 PodFailurePolicyRule."""

    action: str = always("")
    on_exit_codes: PodFailurePolicyOnExitCodesRequirement | None = None
    on_pod_conditions: list[PodFailurePolicyOnPodConditionsPattern] = []


class PodFailurePolicy(Api):
    """batch/v1 PodFailurePolicy."""

    rules: list[PodFailurePolicyRule] = always_list()


class SuccessPolicyRule(Api):
    """batch/v1 SuccessPolicyRule."""

    succeeded_indexes: str | None = None
    succeeded_count: Int32 | None = None


class SuccessPolicy(Api):
    """batch/v1 SuccessPolicy."""

    rules: list[SuccessPolicyRule] = always_list()


class JobSchedulingConfiguration(Api):
    """batch/v1 JobSchedulingConfiguration."""

    scheduling_policy: WorkloadPodGroupSchedulingPolicy | None = None
    scheduling_constraints: WorkloadPodGroupSchedulingConstraints | None = None
    disruption_mode: WorkloadPodGroupDisruptionMode | None = None
    resource_claims: list[WorkloadPodGroupResourceClaim] = []


class JobSpec(Api):
    """batch/v1 JobSpec."""

    parallelism: Int32 | None = None
    completions: Int32 | None = None
    active_deadline_seconds: Int64 | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    success_policy: SuccessPolicy | None = None
    backoff_limit: Int32 | None = None
    backoff_limit_per_index: Int32 | None = None
    max_failed_indexes: Int32 | None = None
    selector: LabelSelector | None = None
    manual_selector: bool | None = None
    template: PodTemplateSpec = field(default_factory=PodTemplateSpec)
    ttl_seconds_after_finished: Int32 | None = None
    completion_mode: str | None = None
    suspend: bool | None = None
    pod_replacement_policy: str | None = None
    managed_by: str | None = None
    scheduling: JobSchedulingConfiguration | None = None


class JobCondition(Api):
    """batch/v1 JobCondition."""

    type: str = always("")
    status: str = always("")
    last_probe_time: Time | None = None
    last_transition_time: Time | None = None
    reason: str = ""
    message: str = ""


class UncountedTerminatedPods(Api):
    """batch/v1 UncountedTerminatedPods."""

    succeeded: list[str] = []
    failed: list[str] = []


class JobStatus(Api):
    """batch/v1 JobStatus."""

    conditions: list[JobCondition] = []
    start_time: Time | None = None
    completion_time: Time | None = None
    active: Int32 = 0
    succeeded: Int32 = 0
    failed: Int32 = 0
    terminating: Int32 | None = None
    completed_indexes: str = ""
    failed_indexes: str | None = None
    uncounted_terminated_pods: UncountedTerminatedPods | None = None
    ready: Int32 | None = None


class Job(Api):
    """batch/v1 Job."""

    kind: str = always("Job")
    api_version: str = always("batch/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: JobSpec = field(default_factory=JobSpec)
    status: JobStatus = field(default_factory=JobStatus)


class JobList(Api):
    """A page of Job objects."""

    kind: str = always("JobList")
    api_version: str = always("batch/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[Job] = always_list()


class JobTemplateSpec(Api):
    """batch/v1 JobTemplateSpec."""

    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: JobSpec = field(default_factory=JobSpec)


class CronJobSpec(Api):
    """batch/v1 CronJobSpec."""

    schedule: str = always("")
    time_zone: str | None = None
    starting_deadline_seconds: Int64 | None = None
    concurrency_policy: str = ""
    suspend: bool | None = None
    job_template: JobTemplateSpec = field(default_factory=JobTemplateSpec)
    successful_jobs_history_limit: Int32 | None = None
    failed_jobs_history_limit: Int32 | None = None


class CronJobStatus(Api):
    """batch/v1 CronJobStatus."""

    active: list[ObjectReference] = []
    last_schedule_time: Time | None = None
    last_successful_time: Time | None = None


class CronJob(Api):
    """batch/v1 CronJob."""

    kind: str = always("CronJob")
    api_version: str = always("batch/v1")
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: CronJobSpec = field(default_factory=CronJobSpec)
    status: CronJobStatus = field(default_factory=CronJobStatus)


class CronJobList(Api):
    """A page of CronJob objects."""

    kind: str = always("CronJobList")
    api_version: str = always("batch/v1")
    metadata: ListMeta = field(default_factory=ListMeta)
    items: list[CronJob] = always_list()
