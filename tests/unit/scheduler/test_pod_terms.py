"""What a pod says of other pods, as read from the API."""

from __future__ import annotations

from dromon.scheduler import model
from dromon.scheduler.inputs import Constraint, Disk, PodTerm, Requirement, Spread, WeightedPodTerm

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
APP_X = {"matchLabels": {"app": "x"}}
IS_X = Requirement("app", "In", ("x",))


def terms(make, term, **metadata):
    pod = make.pod(metadata=metadata, affinity={"podAffinity": {REQUIRED: [{"topologyKey": "zone", **term}]}})
    return model.pod_class(pod).affinity


def test_a_term_without_namespaces_means_the_pods_own(make):
    assert terms(make, {"labelSelector": APP_X}) == (PodTerm("zone", (IS_X,), ("default",)),)


def test_namespaces_by_name_and_by_selector_add_up(make):
    term = {"labelSelector": APP_X, "namespaces": ["b", "a"], "namespaceSelector": {}}
    assert terms(make, term) == (PodTerm("zone", (IS_X,), ("a", "b"), ()),)
    only = {"labelSelector": APP_X, "namespaceSelector": {"matchLabels": {"team": "t"}}}
    assert terms(make, only) == (PodTerm("zone", (IS_X,), (), (Requirement("team", "In", ("t",)),)),)


def test_a_term_without_a_selector_means_nobody_and_an_empty_one_everybody(make):
    assert terms(make, {})[0].selector is None
    assert terms(make, {"labelSelector": {}})[0].selector == ()


def test_expressions_follow_labels(make):
    selector = {
        "matchLabels": {"b": "2", "a": "1"},
        "matchExpressions": [{"key": "c", "operator": "NotIn", "values": ["3"]}],
    }
    assert terms(make, {"labelSelector": selector})[0].selector == (
        Requirement("a", "In", ("1",)),
        Requirement("b", "In", ("2",)),
        Requirement("c", "NotIn", ("3",)),
    )


def test_keys_take_the_pods_own_values(make):
    term = {"labelSelector": APP_X, "matchLabelKeys": ["rev", "none"], "mismatchLabelKeys": ["tenant"]}
    (found,) = terms(make, term, labels={"rev": "7", "tenant": "t"})
    assert found.selector == (IS_X, Requirement("rev", "In", ("7",)), Requirement("tenant", "NotIn", ("t",)))


def test_preferences_against_have_negative_weight(make):
    weighted = [{"weight": 30, "podAffinityTerm": {"labelSelector": APP_X, "topologyKey": "zone"}}]
    pod = make.pod(
        affinity={
            "podAffinity": {PREFERRED: weighted},
            "podAntiAffinity": {PREFERRED: weighted, REQUIRED: []},
        }
    )
    term = PodTerm("zone", (IS_X,), ("default",))
    found = model.pod_class(pod)
    assert found.preferred_pods == (WeightedPodTerm(30, term), WeightedPodTerm(-30, term))
    assert found.affinity == found.anti_affinity == ()


def test_constraints_and_their_defaults(make):
    plain = {
        "topologyKey": "zone",
        "maxSkew": 2,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": APP_X,
    }
    full = {
        **plain,
        "whenUnsatisfiable": "ScheduleAnyway",
        "minDomains": 3,
        "nodeAffinityPolicy": "Ignore",
        "nodeTaintsPolicy": "Honor",
        "matchLabelKeys": ["rev"],
    }
    pod = make.pod(metadata={"labels": {"rev": "7"}}, topologySpreadConstraints=[plain, full])
    assert model.pod_class(pod).constraints == (
        Constraint("zone", 2, True, (IS_X,), 1, True, False),
        Constraint("zone", 2, False, (IS_X, Requirement("rev", "In", ("7",))), 3, False, True),
    )


def test_constraints_take_the_place_of_default_spreading(make):
    owned = {"ownerReferences": [{"uid": "rc", "controller": True}]}
    constraint = {"topologyKey": "zone", "maxSkew": 1, "whenUnsatisfiable": "ScheduleAnyway"}
    assert model.pod_class(make.pod(metadata=owned)).spread == Spread("rc")
    assert model.pod_class(make.pod(metadata=owned, topologySpreadConstraints=[constraint])).spread is None


def test_images_have_tags_as_nodes_report_them(make):
    names = ("nginx", "localhost:5000/a", "b:1", "c@sha256:0")
    pod = make.pod(
        containers=[{"name": "c", "image": name} for name in names],
        initContainers=[{"name": "i", "image": "init"}],
    )
    found = model.pod_class(pod).images
    assert found == ("init:latest", "nginx:latest", "localhost:5000/a:latest", "b:1", "c@sha256:0")


def test_priority_and_start(make):
    pod = make.pod(priority=7)
    assert model.pod_class(pod).priority == 7
    assert model.pod_class(make.pod()).priority == 0
    assert model.started(pod) == model.LATEST
    pod.status.start_time = "1970-01-01T00:01:00Z"
    assert model.started(pod) == 60


def test_disks(make):
    volumes = [
        {"name": "a", "gcePersistentDisk": {"pdName": "a", "readOnly": True}},
        {"name": "b", "awsElasticBlockStore": {"volumeID": "b", "readOnly": True}},
        {"name": "c", "iscsi": {"targetPortal": "t", "iqn": "c", "lun": 0}},
        {"name": "d", "rbd": {"monitors": ["m", "n"], "image": "i", "pool": "p"}},
        {"name": "e", "emptyDir": {}},
    ]
    assert model.pod_class(make.pod(volumes=volumes)).disks == (
        Disk("gce/a", shared=True),
        Disk("aws/b"),
        Disk("iscsi/c"),
        Disk("rbd/m/p/i"),
        Disk("rbd/n/p/i"),
    )
