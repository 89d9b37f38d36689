"""Each filter by itself: whom it refuses, and with which words."""

from __future__ import annotations

import pytest

from dromon.scheduler.filters import (
    FILTERS,
    disks,
    fit,
    node_affinity,
    node_name,
    ports,
    taints,
    unschedulable,
)
from dromon.scheduler.inputs import Disk, HostPort, PodClass, Requirement, Taint, Term, Toleration


def test_cordoned_nodes_are_refused_unless_tolerated(make):
    cordoned = make.state(unschedulable=True)
    assert unschedulable.check(PodClass(), cordoned) == ("node(s) were unschedulable",)
    assert unschedulable.check(PodClass(), make.state()) == ()
    tolerant = PodClass(tolerations=(Toleration("node.kubernetes.io/unschedulable", "Exists"),))
    assert unschedulable.check(tolerant, cordoned) == ()


def test_a_named_node_is_the_only_one(make):
    assert node_name.check(PodClass(node_name="m"), make.state()) == (
        "node(s) didn't match the requested node name",
    )
    assert node_name.check(PodClass(node_name="n"), make.state()) == ()
    assert node_name.check(PodClass(), make.state()) == ()


@pytest.mark.parametrize("effect", ["NoSchedule", "NoExecute"])
def test_untolerated_taints_refuse_and_are_named(make, effect):
    node = make.state(taints=(Taint("soft", "", "PreferNoSchedule"), Taint("gpu", "yes", effect)))
    assert taints.check(PodClass(), node) == ("node(s) had untolerated taint {gpu: yes}",)


@pytest.mark.parametrize(
    ("toleration", "covers"),
    [
        (Toleration("gpu", "Equal", "yes", "NoSchedule"), True),
        (Toleration("gpu", "", "yes", ""), True),
        (Toleration("gpu", "Exists"), True),
        (Toleration("", "Exists"), True),
        (Toleration("gpu", "Equal", "no"), False),
        (Toleration("disk", "Exists"), False),
        (Toleration("gpu", "Exists", "", "NoExecute"), False),
        (Toleration("gpu", "Matches", "yes"), False),
    ],
)
def test_tolerations(make, toleration, covers):
    node = make.state(taints=(Taint("gpu", "yes", "NoSchedule"),))
    assert (taints.check(PodClass(tolerations=(toleration,)), node) == ()) is covers


@pytest.mark.parametrize(
    ("key", "operator", "values", "holds"),
    [
        ("disk", "In", ("ssd", "nvme"), True),
        ("disk", "In", ("hdd",), False),
        ("none", "In", ("ssd",), False),
        ("disk", "NotIn", ("ssd",), False),
        ("none", "NotIn", ("ssd",), True),
        ("disk", "Exists", (), True),
        ("none", "Exists", (), False),
        ("none", "DoesNotExist", (), True),
        ("disk", "DoesNotExist", (), False),
        ("cores", "Gt", ("7",), True),
        ("cores", "Gt", ("8",), False),
        ("cores", "Lt", ("9",), True),
        ("cores", "Lt", ("-9",), False),
        ("disk", "Gt", ("1",), False),
        ("cores", "Gt", ("many",), False),
        ("cores", "Gt", ("1", "2"), False),
        ("cores", "Gt", ("1" * 40,), False),
        ("cores", "Lt", ("0" * 40 + "9",), True),
        ("cores", "Near", ("8",), False),
    ],
)
def test_operators_of_required_affinity(make, key, operator, values, holds):
    node = make.state(labels={"disk": "ssd", "cores": "8"})
    pod = PodClass(required=(Term((Requirement(key, operator, values),)),))
    expected = () if holds else ("node(s) didn't match Pod's node affinity/selector",)
    assert node_affinity.check(pod, node) == expected


def test_terms_are_alternatives_and_requirements_add_up(make):
    node = make.state(labels={"a": "1"})
    has_a, has_b = Requirement("a", "Exists"), Requirement("b", "Exists")
    assert node_affinity.check(PodClass(required=(Term((has_b,)), Term((has_a,)))), node) == ()
    assert node_affinity.check(PodClass(required=(Term((has_a, has_b)),)), node) != ()
    assert node_affinity.check(PodClass(required=()), node) != ()
    assert node_affinity.check(PodClass(required=(Term(),)), node) != ()


def test_fields_match_the_name(make):
    wants = Term(fields=(Requirement("metadata.name", "In", ("n",)),))
    avoids = Term(fields=(Requirement("metadata.name", "NotIn", ("n",)),))
    assert node_affinity.check(PodClass(required=(wants,)), make.state()) == ()
    assert node_affinity.check(PodClass(required=(avoids,)), make.state()) != ()


def test_the_node_selector_needs_every_label_and_the_affinity_too(make):
    node = make.state(labels={"a": "1", "b": "2"})
    assert node_affinity.check(PodClass(selector=(("a", "1"), ("b", "2"))), node) == ()
    assert node_affinity.check(PodClass(selector=(("a", "1"), ("b", "3"))), node) != ()
    both = PodClass(selector=(("a", "1"),), required=(Term((Requirement("c", "Exists"),)),))
    assert node_affinity.check(both, node) != ()


@pytest.mark.parametrize(
    ("want", "free"),
    [
        (HostPort("0.0.0.0", "TCP", 80), False),
        (HostPort("10.0.0.1", "TCP", 80), False),
        (HostPort("10.0.0.2", "TCP", 80), True),
        (HostPort("0.0.0.0", "UDP", 80), True),
        (HostPort("0.0.0.0", "TCP", 81), True),
    ],
)
def test_host_ports_conflict_by_protocol_and_address(make, want, free):
    node = make.state()
    other = PodClass(ports=(HostPort("10.0.0.1", "TCP", 80),))
    node.add(other)
    reason = "node(s) didn't have free ports for the requested pod ports"
    assert ports.check(PodClass(ports=(want,)), node) == (() if free else (reason,))
    node.remove(other)
    assert ports.check(PodClass(ports=(want,)), node) == ()


@pytest.mark.parametrize(
    ("want", "free"),
    [
        (Disk("gce/a"), False),
        (Disk("gce/a", shared=True), False),
        (Disk("gce/b"), True),
        (Disk("gce/read", shared=True), True),
        (Disk("gce/read"), False),
    ],
)
def test_a_disk_is_on_a_node_once_unless_all_only_read(make, want, free):
    node = make.state()
    node.add(PodClass(disks=(Disk("gce/a"), Disk("gce/read", shared=True))))
    expected = () if free else ("node(s) had no available disk",)
    assert disks.check(PodClass(disks=(want,)), node) == expected


def test_every_resource_that_is_short_is_named(make):
    node = make.state(allocatable={"cpu": 1000, "memory": 100}, max_pods=1)
    node.add(PodClass(requests=(("cpu", 600), ("memory", 50))))
    pod = PodClass(requests=(("cpu", 500), ("example.com/gpu", 1), ("memory", 50)))
    assert fit.check(pod, node) == ("Too many pods", "Insufficient cpu", "Insufficient example.com/gpu")


def test_a_resource_that_is_not_asked_for_does_not_matter(make):
    node = make.state(allocatable={"cpu": 1000})
    node.add(PodClass(requests=(("cpu", 1500),)))
    assert fit.check(PodClass(), node) == ()


def test_exactly_what_is_left_fits(make):
    node = make.state(allocatable={"cpu": 1000})
    node.add(PodClass(requests=(("cpu", 400),)))
    assert fit.check(PodClass(requests=(("cpu", 600),)), node) == ()
    assert fit.check(PodClass(requests=(("cpu", 601),)), node) == ("Insufficient cpu",)


def test_the_table_has_upstreams_names_in_upstreams_order():
    assert list(FILTERS) == [
        "NodeUnschedulable",
        "NodeName",
        "TaintToleration",
        "NodeAffinity",
        "NodePorts",
        "NodeResourcesFit",
        "VolumeRestrictions",
    ]
