"""Admission: pods get the number of their class."""

from __future__ import annotations

import pytest

from dromon.api import codec
from dromon.api.errors import ApiError
from dromon.api.kinds import PODS, PRIORITY_CLASSES
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.api.types.scheduling import PriorityClass
from dromon.apiserver.admission import Attributes
from dromon.apiserver.priority import Priority


def class_of(name: str, value: int, *, default: bool = False, policy: str = "") -> PriorityClass:
    meta = ObjectMeta(name=name)
    return PriorityClass(metadata=meta, value=value, global_default=default, preemption_policy=policy or None)


def admitted(spec: PodSpec, *classes: PriorityClass) -> PodSpec:
    stored = [codec.encode_json(c) for c in classes]
    pod = Pod(spec=spec)
    Priority(lambda: stored).admit(Attributes("create", PODS, "ns", "p", new=pod))
    return pod.spec


def test_pods_without_a_class_are_at_zero() -> None:
    spec = admitted(PodSpec(), class_of("other", 7))
    assert (spec.priority_class_name, spec.priority, spec.preemption_policy) == (
        "",
        0,
        "PreemptLowerPriority",
    )


def test_the_classes_that_every_cluster_has() -> None:
    assert admitted(PodSpec(priority_class_name="system-node-critical")).priority == 2_000_001_000


def test_a_class_gives_number_and_policy() -> None:
    spec = admitted(PodSpec(priority_class_name="batch"), class_of("batch", -5, policy="Never"))
    assert (spec.priority, spec.preemption_policy) == (-5, "Never")


def test_one_class_is_the_default() -> None:
    spec = admitted(PodSpec(), class_of("low", 1), class_of("usual", 100, default=True))
    assert (spec.priority_class_name, spec.priority) == ("usual", 100)


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (PodSpec(priority_class_name="none"), "no PriorityClass with name none was found"),
        (PodSpec(priority=5), "the integer value of priority (5) must not be provided in pod spec; priority"),
        (PodSpec(preemption_policy="Never"), "the string value of PreemptionPolicy (Never) must not be"),
    ],
)
def test_what_does_not_agree_is_refused(spec: PodSpec, text: str) -> None:
    with pytest.raises(ApiError) as refused:
        admitted(spec)
    assert refused.value.code == 403
    assert text in refused.value.message


def test_two_defaults_are_one_too_many() -> None:
    stored = [codec.encode_json(class_of("usual", 100, default=True))]
    unit = Priority(lambda: stored)
    unit.admit(Attributes("update", PRIORITY_CLASSES, "", "usual", new=class_of("usual", 100, default=True)))
    with pytest.raises(ApiError, match="PriorityClass usual is already marked as default"):
        unit.admit(Attributes("create", PRIORITY_CLASSES, "", "x", new=class_of("x", 1, default=True)))


def test_system_classes_stay() -> None:
    unit = Priority(list)
    with pytest.raises(ApiError, match="system priority class"):
        unit.admit(Attributes("delete", PRIORITY_CLASSES, "", "system-node-critical"))
    unit.admit(Attributes("delete", PRIORITY_CLASSES, "", "mine"))
