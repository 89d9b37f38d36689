"""The text of a refusal, as kube-scheduler words it."""

from __future__ import annotations

from dromon.scheduler.engine import open_engine
from dromon.scheduler.explain import explain
from dromon.scheduler.inputs import NodeInfo, PodClass, Taint

CPU = (("cpu", 1000), ("memory", 100))


def test_reasons_are_counted_and_sorted_as_text():
    refusal = {"Insufficient cpu": 2, "node(s) had untolerated taint {key: value}": 1, "Too many pods": 10}
    assert explain(refusal, 13) == (
        "0/13 nodes are available: 1 node(s) had untolerated taint {key: value}, "
        "10 Too many pods, 2 Insufficient cpu."
    )


def test_without_nodes():
    assert explain({}, 0) == "no nodes available to schedule pods"


def test_what_an_engine_counts():
    engine = open_engine("rust", 0)
    engine.set_node(NodeInfo("a", allocatable=CPU, max_pods=5))
    engine.set_node(NodeInfo("b", allocatable=CPU, max_pods=5))
    engine.set_node(NodeInfo("c", allocatable=CPU, max_pods=5, taints=(Taint("k", "v", "NoSchedule"),)))
    pod = engine.compile(PodClass(requests=(("cpu", 2000), ("memory", 50))))
    (refusal,) = engine.schedule([("u", pod)])
    assert isinstance(refusal, dict)
    assert explain(refusal, engine.node_count()) == (
        "0/3 nodes are available: 1 node(s) had untolerated taint {k: v}, 2 Insufficient cpu."
    )
