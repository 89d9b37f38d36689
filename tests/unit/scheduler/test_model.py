"""What a pod needs and what a node offers, as read from API objects."""

from __future__ import annotations

from msgspec import convert

from dromon.api.types.service import Service
from dromon.scheduler import model
from dromon.scheduler.inputs import MAX_AMOUNT, HostPort, Requirement, Spread, Taint, Term, Toleration

MIB = 2**20


def container(requests=None, **fields):
    return {"name": "c", "image": "i", "resources": {"requests": requests or {}}, **fields}


def test_containers_add_up_in_exact_units(make):
    pod = make.pod(
        containers=[
            container({"cpu": "250m", "memory": "64Mi", "example.com/gpu": "1"}),
            container({"cpu": 1, "memory": "1e6", "ephemeral-storage": "1Gi"}),
        ]
    )
    assert model.requests(pod) == {
        "cpu": 1250,
        "memory": 64 * MIB + 10**6,
        "example.com/gpu": 1,
        "ephemeral-storage": 2**30,
    }


def test_an_init_container_counts_where_it_needs_more_than_all_others(make):
    pod = make.pod(
        containers=[container({"cpu": "1", "memory": "10Mi"}), container({"cpu": "1"})],
        initContainers=[container({"cpu": "500m", "memory": "50Mi"}), container({"cpu": "3"})],
    )
    assert model.requests(pod) == {"cpu": 3000, "memory": 50 * MIB}


def test_sidecars_run_beside_containers_and_beside_later_init_containers(make):
    pod = make.pod(
        containers=[container({"cpu": "1"})],
        initContainers=[
            container({"cpu": "3"}),
            container({"cpu": "2"}, restartPolicy="Always"),
            container({"cpu": "1500m"}),
        ],
    )
    assert model.requests(pod) == {"cpu": 3500}


def test_overhead_comes_on_top(make):
    pod = make.pod(containers=[container({"cpu": "1"})], overhead={"cpu": "100m", "memory": "1Mi"})
    assert model.requests(pod) == {"cpu": 1100, "memory": MIB}


def test_requests_of_the_whole_pod_take_the_place_of_the_sum(make):
    pod = make.pod(
        containers=[container({"cpu": "1", "memory": "1Mi"})], resources={"requests": {"cpu": "300m"}}
    )
    assert model.requests(pod) == {"cpu": 300, "memory": MIB}


def test_scoring_assumes_something_for_containers_that_request_nothing(make):
    pod = make.pod(containers=[container(), container({"cpu": "1", "memory": "0"})])
    assert model.pod_class(pod).nonzero == (1100, 200 * MIB)
    assert model.pod_class(pod).requests == (("cpu", 1000),)


def test_amounts_out_of_range_are_the_largest(make):
    pod = make.pod(containers=[container({"memory": "8Ei", "cpu": "bogus", "x.y/z": "-1"})])
    assert model.pod_class(pod).requests == (("cpu", MAX_AMOUNT), ("memory", MAX_AMOUNT))


def test_where_a_pod_may_go(make):
    expression = {"key": "disk", "operator": "In", "values": ["ssd"]}
    field = {"key": "metadata.name", "operator": "In", "values": ["n"]}
    affinity = {
        "nodeAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [expression], "matchFields": [field]}]
            },
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 7, "preference": {"matchExpressions": [expression]}},
                {"weight": 0, "preference": {}},
            ],
        }
    }
    tolerations = [{"key": "k", "operator": "Exists", "effect": "NoSchedule"}, {"key": "e", "value": "v"}]
    found = model.pod_class(
        make.pod(affinity=affinity, nodeSelector={"b": "2", "a": "1"}, tolerations=tolerations)
    )
    ssd = Requirement("disk", "In", ("ssd",))
    assert found.selector == (("a", "1"), ("b", "2"))
    assert found.required == (Term((ssd,), (Requirement("metadata.name", "In", ("n",)),)),)
    assert [(p.weight, p.term) for p in found.preferred] == [(7, Term((ssd,)))]
    assert found.tolerations == (Toleration("k", "Exists", "", "NoSchedule"), Toleration("e", "", "v"))


def test_affinity_without_terms_is_not_the_same_as_none(make):
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
    assert model.pod_class(make.pod(affinity={"nodeAffinity": required})).required == ()
    assert model.pod_class(make.pod(affinity={"nodeAffinity": {}})).required is None


def test_host_ports(make):
    ports = [
        {"containerPort": 80, "hostPort": 8080},
        {"containerPort": 53, "hostPort": 53, "protocol": "UDP", "hostIP": "10.0.0.1"},
        {"containerPort": 9},
    ]
    sidecar = {"name": "s", "restartPolicy": "Always", "ports": [{"containerPort": 1, "hostPort": 1}]}
    init = {"name": "i", "ports": [{"containerPort": 2, "hostPort": 2}]}
    pod = make.pod(containers=[{"name": "c", "ports": ports}], initContainers=[sidecar, init])
    assert model.pod_class(pod).ports == (
        HostPort("0.0.0.0", "TCP", 8080),
        HostPort("10.0.0.1", "UDP", 53),
        HostPort("0.0.0.0", "TCP", 1),
    )
    pod = make.pod(containers=[{"name": "c", "ports": [{"containerPort": 9}]}], hostNetwork=True)
    assert model.pod_class(pod).ports == (HostPort("0.0.0.0", "TCP", 9),)


def owned(by):
    return {"ownerReferences": [{"uid": "other"}, {"uid": by, "controller": True}], "labels": {"a": "1"}}


def test_a_controllers_pods_are_spread_by_their_controller(make):
    found = model.pod_class(make.pod(metadata=owned("rc")), selected_by=(("a", "1"),))
    assert (found.owner, found.labels, found.spread) == ("rc", (("a", "1"),), Spread(owner="rc"))


def test_other_pods_are_spread_by_the_services_that_select_them(make):
    services = [
        convert({"spec": {"selector": selector}}, Service)
        for selector in ({"a": "1"}, {"b": "2"}, {"a": "2"}, {})
    ]
    pod = make.pod(metadata={"labels": {"a": "1", "b": "2", "c": "3"}})
    selected_by = model.service_selector(pod, services)
    assert selected_by == (("a", "1"), ("b", "2"))
    assert model.pod_class(pod, selected_by).spread == Spread(namespace="default", selector=selected_by)
    assert model.service_selector(make.pod(), services) == ()
    assert model.pod_class(make.pod()).spread is None


def test_a_pod_that_is_leaving_holds_resources_but_is_nobodys_peer(make):
    leaving = {**owned("rc"), "deletionTimestamp": "2024-01-01T00:00:00Z"}
    found = model.pod_class(make.pod(metadata=leaving, containers=make.requests(cpu="1")))
    assert found.leaving
    assert found.requests == (("cpu", 1000),)


def test_a_node(make):
    node = make.node(
        "n",
        cpu="3900m",
        memory="1Gi",
        pods="17",
        labels={"b": "2", "a": "1"},
        unschedulable=True,
        taints=[{"key": "k", "value": "v", "effect": "NoExecute", "timeAdded": "2024-01-01T00:00:00Z"}],
    )
    info = model.node_info(node)
    assert info.name == "n"
    assert info.labels == (("a", "1"), ("b", "2"))
    assert info.taints == (Taint("k", "v", "NoExecute"),)
    assert info.unschedulable
    assert info.allocatable == (("cpu", 3900), ("memory", 2**30))
    assert info.max_pods == 17


def test_finished_and_gated(make):
    assert [model.is_finished(make.pod(phase=p)) for p in ("Pending", "Running", "Succeeded", "Failed")] == [
        False,
        False,
        True,
        True,
    ]
    assert model.is_gated(make.pod(schedulingGates=[{"name": "g"}]))
    assert not model.is_gated(make.pod())
