"""The plan of a deletion."""

from __future__ import annotations

import pytest

from dromon.api import times
from dromon.api.errors import ApiError
from dromon.api.kinds import CONFIG_MAPS, NAMESPACES, PODS
from dromon.api.types.config import ConfigMap
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.namespace import Namespace, NamespaceSpec
from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.pod_status import PodStatus
from dromon.api.types.status import DeleteOptions, Preconditions
from dromon.apiserver import deletion
from dromon.apiserver.deletion import Deletion

NOW = 1_700_000_000.0


def running(**meta: object) -> Pod:
    return Pod(
        metadata=ObjectMeta(name="p", namespace="n", uid="u", resource_version="7", **meta),  # type: ignore[arg-type]
        spec=PodSpec(node_name="n1", termination_grace_period_seconds=30),
        status=PodStatus(phase="Running"),
    )


def test_what_nothing_holds_goes_at_once() -> None:
    obj = ConfigMap(metadata=ObjectMeta(name="c"))
    assert deletion.plan(CONFIG_MAPS, obj, DeleteOptions(), NOW) == Deletion(remove=True, changed=False)


def test_finalizers_hold_it() -> None:
    obj = ConfigMap(metadata=ObjectMeta(name="c", finalizers=["a/b"]))
    assert deletion.plan(CONFIG_MAPS, obj, DeleteOptions(), NOW) == Deletion(remove=False, changed=True)
    assert obj.metadata.deletion_timestamp == times.format(NOW)
    again = deletion.plan(CONFIG_MAPS, obj, DeleteOptions(), NOW + 9)
    assert again == Deletion(remove=False, changed=False)
    assert obj.metadata.deletion_timestamp == times.format(NOW)


def test_a_running_pod_gets_its_grace_period() -> None:
    pod = running()
    assert deletion.plan(PODS, pod, DeleteOptions(), NOW) == Deletion(remove=False, changed=True)
    assert pod.metadata.deletion_timestamp == times.format(NOW + 30)
    assert pod.metadata.deletion_grace_period_seconds == 30


@pytest.mark.parametrize(("asked", "left"), [(10, 10), (60, 30), (None, 30)])
def test_a_grace_period_can_only_be_shortened(asked: int | None, left: int) -> None:
    pod = running()
    deletion.plan(PODS, pod, DeleteOptions(), NOW)
    plan = deletion.plan(PODS, pod, DeleteOptions(grace_period_seconds=asked), NOW + 5)
    assert plan == Deletion(remove=False, changed=left != 30)
    assert pod.metadata.deletion_grace_period_seconds == left
    assert pod.metadata.deletion_timestamp == times.format(NOW + left)


def test_the_kubelet_ends_it_with_grace_zero() -> None:
    pod = running()
    deletion.plan(PODS, pod, DeleteOptions(), NOW)
    assert deletion.plan(PODS, pod, DeleteOptions(grace_period_seconds=0), NOW + 5).remove


def test_grace_zero_still_waits_for_finalizers() -> None:
    pod = running(finalizers=["a/b"])
    deletion.plan(PODS, pod, DeleteOptions(), NOW)
    plan = deletion.plan(PODS, pod, DeleteOptions(grace_period_seconds=0), NOW)
    assert plan == Deletion(remove=False, changed=True)
    new = running()
    assert deletion.done(new, pod)


def test_an_update_does_not_end_a_grace_period() -> None:
    pod = running(finalizers=["a/b"])
    deletion.plan(PODS, pod, DeleteOptions(), NOW)
    assert not deletion.done(running(), pod)


def test_pods_that_never_ran_go_at_once() -> None:
    pod = running()
    pod.spec.node_name = ""
    assert deletion.plan(PODS, pod, DeleteOptions(), NOW).remove


@pytest.mark.parametrize(
    ("options", "finalizers"),
    [
        (DeleteOptions(propagation_policy="Orphan"), ["x/y", "orphan"]),
        (DeleteOptions(propagation_policy="Foreground"), ["x/y", "foregroundDeletion"]),
        (DeleteOptions(propagation_policy="Background"), ["x/y"]),
        (DeleteOptions(orphan_dependents=True), ["x/y", "orphan"]),
        (DeleteOptions(), ["orphan", "x/y"]),
    ],
)
def test_propagation_becomes_a_finalizer(options: DeleteOptions, finalizers: list[str]) -> None:
    obj = ConfigMap(metadata=ObjectMeta(name="c", finalizers=["orphan", "x/y"]))
    deletion.plan(CONFIG_MAPS, obj, options, NOW)
    assert obj.metadata.finalizers == finalizers


def test_a_namespace_terminates_until_it_is_finalized() -> None:
    obj = Namespace(metadata=ObjectMeta(name="n"), spec=NamespaceSpec(finalizers=["kubernetes"]))
    assert deletion.plan(NAMESPACES, obj, DeleteOptions(), NOW) == Deletion(remove=False, changed=True)
    assert obj.status.phase == "Terminating"
    finalized = Namespace(metadata=ObjectMeta(name="n"))
    assert deletion.done(finalized, obj)


@pytest.mark.parametrize("preconditions", [Preconditions(uid="other"), Preconditions(resource_version="6")])
def test_preconditions(preconditions: Preconditions) -> None:
    with pytest.raises(ApiError) as refused:
        deletion.plan(PODS, running(), DeleteOptions(preconditions=preconditions), NOW)
    assert refused.value.code == 409
    assert "Precondition failed" in refused.value.message


@pytest.mark.parametrize(
    "options",
    [
        DeleteOptions(propagation_policy="Never"),
        DeleteOptions(propagation_policy="Orphan", orphan_dependents=True),
        DeleteOptions(dry_run=["Some"]),
    ],
)
def test_contradictions_are_refused(options: DeleteOptions) -> None:
    with pytest.raises(ApiError) as refused:
        deletion.validate_options(options)
    assert refused.value.code == 422
